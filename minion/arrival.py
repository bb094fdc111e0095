"""How whoever started a minion learns that a master let it in: a socket beside its caches, told by a datagram.

A process that waits makes the socket; the daemon, which is private to the same user, tells which release it is.
"""

from __future__ import annotations

import os
import select
import socket
import time
from contextlib import contextmanager
from typing import Callable, Iterator

_NAME = "arrival"
_MOST = 4096

Wait = Callable[[str, float], bool]


def tell(cachedir: str) -> None:
    """A master let this minion in: tells whoever waits for it."""
    path = os.path.join(cachedir, _NAME)
    if not os.path.lexists(path):
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto(os.path.abspath(__file__).encode(), path)
    except OSError:
        pass  # nobody waits any more


@contextmanager
def awaited(cachedir: str) -> Iterator[Wait]:
    """While this lasts, `wait(folder, seconds)` says whether a minion whose code is in a folder was let in meanwhile.

    Args:
        cachedir: of the minion; must exist, and belong to the user it runs as.
    """
    path = os.path.join(cachedir, _NAME)
    owner = os.lstat(cachedir)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as receiver:
        _remove(path)
        receiver.bind(path)
        os.chmod(path, 0o600)
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        try:
            yield lambda folder, seconds: _wait(receiver, folder, seconds)
        finally:
            _remove(path)


def _wait(receiver: socket.socket, folder: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        ready, _, _ = select.select([receiver], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        if receiver.recv(_MOST).decode("utf-8", "replace").startswith(folder + os.sep):
            return True


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
