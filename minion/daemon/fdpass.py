"""Passes open sockets between processes of ours, one with each message."""

from __future__ import annotations

import array
import socket
import struct
from typing import Any, Optional, Tuple

from transports.codec import MAX_MESSAGE, pack, unpack
from transports.errors import Broken

_LENGTH = struct.Struct(">I")
_ONE = array.array("i", [0]).itemsize


def send(channel: socket.socket, message: Any, passed: Optional[socket.socket] = None) -> None:
    """Sends one message, with a socket if one is given; the sender still has to close its own.

    Raises:
        Broken: the other side went away.
    """
    data = pack(message)
    data = _LENGTH.pack(len(data)) + data
    attached = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [passed.fileno()]))] if passed else []
    try:
        sent = channel.sendmsg([data], attached)
        channel.sendall(data[sent:])
    except OSError as exc:
        raise Broken(f"the other process went away: {exc}") from exc


def receive(channel: socket.socket) -> Tuple[Any, Optional[socket.socket]]:
    """Waits for one message and the socket that came with it.

    Raises:
        Broken: the other side went away.
        CodecError: no acceptable message.
    """
    try:
        head, rights, _flags, _address = channel.recvmsg(_LENGTH.size, socket.CMSG_SPACE(_ONE))
        body = _exactly(channel, _LENGTH.unpack(head + _exactly(channel, _LENGTH.size - len(head), bool(head)))[0])
    except OSError as exc:
        raise Broken(f"the other process went away: {exc}") from exc
    return unpack(body), _socket_in(rights)


def _exactly(channel: socket.socket, size: int, begun: bool = True) -> bytes:
    if not begun or size > MAX_MESSAGE:
        raise Broken("the other process went away")
    data = bytearray()
    while len(data) < size:
        part = channel.recv(min(size - len(data), 1 << 20))
        if not part:
            raise Broken("the other process went away")
        data += part
    return bytes(data)


def _socket_in(rights: Any) -> Optional[socket.socket]:
    for level, kind, data in rights:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS) and len(data) >= _ONE:
            handles = array.array("i")
            handles.frombytes(data[:_ONE])
            return socket.socket(fileno=handles[0])
    return None
