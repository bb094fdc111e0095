"""Replaces a file at one blow: readers see the old content or the new, never a part, whatever happens meanwhile."""

from __future__ import annotations

import errno
import io
import os
import shutil
import tempfile
from typing import BinaryIO, Optional, Union


def write(path: str, content: Union[str, bytes], mode: Optional[int] = None) -> None:
    """Writes a file so that it holds all of `content`, or what it held before if that can't be done.

    Owner, mode and extended attributes (SELinux labels, ...) of an existing file stay. A link is followed, as editing
    the file would; the temporary file beside the target is always a new one.

    Args:
        path: the file; its folder must exist.
        content: all of it; text is encoded as UTF-8 (bytes that were read with surrogateescape come out as they were).
        mode: permissions. If not given: those the file has, 0644 for a new one.
    """
    raw = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    _place(io.BytesIO(raw), os.path.realpath(path), mode)


def copy(source: str, path: str, mode: Optional[int] = None, follow: bool = True) -> None:
    """Gives a file the content of another, of whatever size, as `write` does.

    Args:
        source: the file to copy from.
        path: the file to write; its folder must exist.
        mode: permissions. If not given: those the file has, 0644 for a new one.
        follow: write through a link at `path`; False puts a file in the place of the link.
    """
    with open(source, "rb") as content:
        _place(content, os.path.realpath(path) if follow else os.path.abspath(path), mode)


def _place(content: BinaryIO, target: str, mode: Optional[int]) -> None:
    handle, scratch = tempfile.mkstemp(prefix=f".{os.path.basename(target)}.", dir=os.path.dirname(target))
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(content, file, 1 << 20)
            _dress(file.fileno(), target, mode)
            file.flush()
            os.fsync(file.fileno())
        _replace(scratch, target)
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


def _replace(scratch: str, target: str) -> None:
    try:
        os.replace(scratch, target)
    except OSError as exc:
        if exc.errno != errno.EBUSY:
            raise
        shutil.copyfile(scratch, target)  # a mount point (/etc/hosts in a container) can only be written in place
        os.unlink(scratch)
