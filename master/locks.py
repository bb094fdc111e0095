"""Files that several processes of a master, and the commands of its operators, share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager


def open_shared(path: str, flags: int = 0) -> int:
    """A descriptor of a file for reading and writing, made with mode 0600 if it is missing.

    Root's commands share files with a master that runs as somebody else, so the folder's owner owns what they make.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | flags, 0o600)
    if os.geteuid() == 0:
        folder = os.stat(os.path.dirname(path) or ".")
        os.fchown(handle, folder.st_uid, folder.st_gid)
    return handle


@contextmanager
def locked(path: str) -> Iterator[int]:
    """A descriptor of a shared file which nobody else has locked in the same way.

    Those who wait sleep in the kernel and are woken in turn.
    """
    handle = open_shared(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)
