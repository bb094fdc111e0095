"""Messages on a byte stream: four bytes of length, big endian, then one packed message.

Used wherever two of our own processes talk over a pipe or a Unix socket: a job process with its minion, an operator's
command with the master, a thin minion with whoever holds its SSH connection.
"""

from __future__ import annotations

import select
import socket
import struct
from typing import Any, Optional, Protocol, Union

from transports.codec import MAX_MESSAGE, pack, unpack
from transports.errors import Broken, MessageTooLarge

_LENGTH = struct.Struct(">I")


def frame(message: Any, limit: int = MAX_MESSAGE) -> bytes:
    """One message with its length in front.

    Raises:
        MessageTooLarge, CodecError: see `transports.codec.pack`.
    """
    packed = pack(message, limit)
    return _LENGTH.pack(len(packed)) + packed


def _checked_length(head: Union[bytes, bytearray], limit: int) -> int:
    (length,) = _LENGTH.unpack(head)
    if length > limit:
        raise MessageTooLarge(f"a frame announces {length} bytes, more than the {limit} that are accepted")
    return int(length)


class Reader(Protocol):
    """The part of an asyncio stream reader that is used; asyncssh has one, too."""

    async def readexactly(self, n: int, /) -> bytes: ...


async def read(stream: Reader, limit: int = MAX_MESSAGE) -> Any:
    """The next message of an asyncio stream.

    Raises:
        Broken: the stream ended.
        MessageTooLarge, CodecError: what came is not acceptable; the stream is of no further use.
    """
    try:
        head = await stream.readexactly(_LENGTH.size)
        return unpack(await stream.readexactly(_checked_length(head, limit)), limit)
    except (EOFError, ConnectionError) as exc:
        raise Broken("the other side ended the stream") from exc


class Inbox:
    """Collects bytes until they are whole messages.

    Args:
        limit: bytes of one message at the most.
    """

    def __init__(self, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Takes what came next."""
        self._buffer += data

    @property
    def waiting(self) -> bool:
        """Whether there is a whole message.

        Raises:
            MessageTooLarge: what comes is above the limit; the inbox is of no further use.
        """
        return len(self._buffer) >= 4 and len(self._buffer) >= 4 + _checked_length(self._buffer[:4], self._limit)

    def next(self) -> bytes:
        """The next message, still packed; only if one is waiting."""
        end = 4 + _checked_length(self._buffer[:4], self._limit)
        message = bytes(self._buffer[4:end])
        del self._buffer[:end]
        return message


class Pipe:
    """Blocking messages over a connected socket.

    Args:
        sock: a connected stream socket; owned by the pipe from then on.
        limit: bytes of one message at the most.
    """

    def __init__(self, sock: socket.socket, limit: int = MAX_MESSAGE) -> None:
        self._sock, self._limit = sock, limit
        self._inbox = Inbox(limit)

    def __repr__(self) -> str:
        return f"<Pipe on descriptor {self._sock.fileno()}>"

    def fileno(self) -> int:
        """For `select`; see `waiting` first."""
        return self._sock.fileno()

    def send(self, message: Any) -> None:
        """Sends one message.

        Raises:
            Broken: the other side went away.
            MessageTooLarge, CodecError: nothing was sent.
        """
        data = frame(message, self._limit)
        try:
            self._sock.sendall(data)
        except OSError as exc:
            raise Broken(f"the other side ended the connection: {exc}") from exc

    def receive(self, timeout: Optional[float] = None) -> Any:
        """Waits for the next message.

        Args:
            timeout: seconds to wait for more bytes, None for no limit.

        Raises:
            TimeoutError: nothing came in time; the pipe stays usable.
            Broken: the other side ended the connection.
            MessageTooLarge, CodecError: what came is not acceptable; the pipe is of no further use.
        """
        while not self._inbox.waiting:
            self._fill(timeout)
        return unpack(self._inbox.next(), self._limit)

    @property
    def waiting(self) -> bool:
        """Whether a whole message was read from the socket already."""
        return self._inbox.waiting

    def close(self) -> None:
        """Ends the connection; twice is fine."""
        self._sock.close()

    def _fill(self, timeout: Optional[float]) -> None:
        if timeout is not None and not _readable(self._sock, timeout):
            raise TimeoutError(f"no message within {timeout:g} s")
        try:
            data = self._sock.recv(262144)
        except OSError as exc:
            raise Broken(f"the other side ended the connection: {exc}") from exc
        if not data:
            raise Broken("the other side ended the connection")
        self._inbox.feed(data)


def _readable(sock: socket.socket, timeout: float) -> bool:
    poller = select.poll()  # select() can't watch descriptors above 1023
    poller.register(sock, select.POLLIN)
    return bool(poller.poll(max(0.0, timeout) * 1000))
