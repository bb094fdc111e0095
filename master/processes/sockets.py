"""The internal sockets of a master: `ipc://` below a folder that only its user may enter."""

from __future__ import annotations

import os
from typing import Any

import zmq

FOLDER = "internal"


def address(sock_dir: str, name: str) -> str:
    """The endpoint of an internal socket: `events`, `bus`, `publish` or `workers`."""
    return f"ipc://{os.path.join(sock_dir, FOLDER, name)}.ipc"


def internal(context: zmq.Context[Any], kind: int, endpoint: str, bind: bool, identity: bytes = b"") -> Any:
    """An internal socket: without limits of its own, for both ends are ours."""
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, 1000)
    socket.setsockopt(zmq.SNDHWM, 0)
    socket.setsockopt(zmq.RCVHWM, 0)
    socket.setsockopt(zmq.RECONNECT_IVL, 20)
    socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
    if identity:
        socket.setsockopt(zmq.IDENTITY, identity)
    if bind:
        socket.bind(endpoint)
    else:
        socket.connect(endpoint)
    return socket
