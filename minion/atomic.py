"""Replaces a file at one blow: readers see the old content or the new, never a part, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import Optional, Union


def write(path: str, content: Union[str, bytes], mode: Optional[int] = None) -> None:
    """Writes a file so that it holds all of `content`, or what it held before if that can't be done.

    Owner, mode and extended attributes (SELinux labels, ...) of an existing file stay. A link is followed, as editing
    the file would; the temporary file beside the target is always a new one.

    Args:
        path: the file; its folder must exist.
        content: all of it; text is encoded as UTF-8 (bytes that were read with surrogateescape come out as they were).
        mode: permissions. If not given: those the file has, 0644 for a new one.
    """
    target = os.path.realpath(path)
    raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    handle, scratch = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
            _dress(file.fileno(), target, mode)
            file.flush()
            os.fsync(file.fileno())
        _replace(scratch, target, raw)
    except BaseException:
        os.unlink(scratch)
        raise


def _dress(handle: int, target: str, mode: Optional[int]) -> None:
    """Gives the new file owner, permissions and attributes of the one it will replace."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        os.fchmod(handle, 0o644 if mode is None else mode)
        return
    if (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
        os.fchown(handle, old.st_uid, old.st_gid)
    os.fchmod(handle, old.st_mode & 0o7777 if mode is None else mode)
    try:
        for name in os.listxattr(target):
            os.setxattr(handle, name, os.getxattr(target, name))
    except OSError as exc:
        if exc.errno not in (errno.ENOTSUP, errno.EPERM, errno.ENODATA):
            raise


def _replace(scratch: str, target: str, raw: bytes) -> None:
    try:
        os.replace(scratch, target)
    except OSError as exc:
        if exc.errno != errno.EBUSY:
            raise
        with open(target, "wb") as file:  # a mount point (/etc/hosts in a container) can only be written in place
            file.write(raw)
        os.unlink(scratch)
