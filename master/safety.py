"""Files and folders that the master relies on: checked before use, made for their owner alone, written at one blow.

A path is safe when nobody but root and the user of this process can change what it leads to: each folder on the way,
and what links on the way lead through, belongs to one of the two and is not writable by others, unless sticky.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from master.errors import UnsafePath

Signature = tuple[int, int, int, int]

_MAX_LINKS = 40
_NOFOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
MAX_FILE = 4 * 1024 * 1024


# ------------------------------------------------------------------- checks


def check_file(path: str, *, secret: bool = False) -> None:
    """Whether a file and the way to it are safe.

    Args:
        path: the file; it must exist.
        secret: nobody else may read it either.

    Raises:
        UnsafePath: somebody else could change (or read) it, or it is no regular file.
    """
    state = os.lstat(path)
    if not stat.S_ISREG(state.st_mode):
        raise UnsafePath(f"{path} is {_kind(state.st_mode)}, where a regular file is expected: replace it by one")
    _check_owner(path, state)
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o022 or (secret and mode & 0o077):
        wanted = "600" if secret else "644"
        raise UnsafePath(f"{path} is open to other users (mode {mode:04o}): run chmod {wanted} {path}")
    check_way(os.path.dirname(os.path.abspath(path)))


def check_folder(path: str) -> None:
    """Whether a folder and the way to it are safe.

    Raises:
        UnsafePath: somebody else could change what is in it, or it is no folder (a link to one is none).
    """
    state = os.lstat(path)
    if not stat.S_ISDIR(state.st_mode):
        raise UnsafePath(f"{path} is {_kind(state.st_mode)}, where a folder is expected: replace it by one")
    _check_owner(path, state)
    mode = stat.S_IMODE(state.st_mode)
    if mode & 0o022:
        raise UnsafePath(f"{path} is writable by other users (mode {mode:04o}): run chmod 700 {path}")
    check_way(os.path.dirname(os.path.abspath(path)))


def check_written(path: str) -> None:
    """Whether a file that is written in place, such as a log, is ours, or can only be made by us.

    Raises:
        UnsafePath: somebody else could put another file there, or made this one.
    """
    folder = os.path.dirname(os.path.abspath(path))
    with contextlib.suppress(FileNotFoundError):
        state = os.stat(folder)
        _check_owner(folder, state)
        if state.st_mode & stat.S_IWOTH and not state.st_mode & stat.S_ISVTX:
            raise UnsafePath(f"{folder} is writable by all users: run chmod o-w {folder}")
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode):
            raise UnsafePath(f"{path} is {_kind(state.st_mode)}, where a regular file is expected: remove it")
        _check_owner(path, state)
        if state.st_mode & stat.S_IWOTH:
            raise UnsafePath(f"{path} is writable by all users: run chmod 600 {path}")


def check_way(path: str) -> None:
    """Whether each folder from the root to this one, and each link on the way, is safe.

    Raises:
        UnsafePath: one is not.
    """
    for step, state in _steps(os.path.abspath(path)):
        _check_owner(step, state)
        mode = state.st_mode
        if stat.S_ISLNK(mode) or mode & stat.S_ISVTX:
            continue
        shared_group = mode & stat.S_IWGRP and state.st_gid not in (0, os.getegid())
        if mode & stat.S_IWOTH or shared_group:
            shown = f"{stat.S_IMODE(mode):04o}"
            raise UnsafePath(f"{step} is writable by other users (mode {shown}): run chmod go-w {step}")


def _steps(path: str) -> Iterator[tuple[str, os.stat_result]]:
    at, todo, links = "/", path.strip("/").split("/"), 0
    yield at, os.lstat(at)
    while todo:
        part = todo.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            at = os.path.dirname(at)
            continue
        step = os.path.join(at, part)
        state = os.lstat(step)
        yield step, state
        if not stat.S_ISLNK(state.st_mode):
            at = step
            continue
        links += 1
        if links > _MAX_LINKS:
            raise UnsafePath(f"{path} leads through more than {_MAX_LINKS} links: use the real path")
        target = os.readlink(step)
        at = "/" if target.startswith("/") else at
        todo[:0] = target.split("/")


def _check_owner(path: str, state: os.stat_result) -> None:
    if state.st_uid not in (0, os.geteuid()):
        raise UnsafePath(
            f"{path} belongs to user id {state.st_uid}, neither to root nor to the user of this process: "
            f"run chown {os.geteuid()} {path}"
        )


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a folder" if stat.S_ISDIR(mode) else "a file" if stat.S_ISREG(mode) else "a special file"


# ------------------------------------------------------------------ folders


def private_folder(path: str, mode: int = 0o700) -> str:
    """Makes a folder that is ours alone, or checks and closes the one that exists.

    Args:
        path: the folder; missing parents are made likewise.
        mode: of a new folder; an existing one loses the permissions that go beyond.

    Returns:
        The path.

    Raises:
        UnsafePath: what exists is not safe.
    """
    try:
        state = os.lstat(path)
    except FileNotFoundError:
        parent = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(parent):
            private_folder(parent, mode)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)
            os.chmod(path, mode)
        state = os.lstat(path)
    beyond = stat.S_IMODE(state.st_mode) & 0o777 & ~mode
    if stat.S_ISDIR(state.st_mode) and beyond and state.st_uid == os.geteuid():
        os.chmod(path, stat.S_IMODE(state.st_mode) & ~beyond)
    check_folder(path)
    return path


# -------------------------------------------------------------------- files


def write(path: str, content: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    """Replaces a file at one blow: readers see the old content or the new, and links are replaced, not followed.

    Args:
        path: the file; its folder must exist.
        content: all of it.
        mode: permissions of the new file.
        durable: wait until it is on the disk; not needed for what can be made again.
    """
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{name[:200]}.{os.urandom(6).hex()}.tmp")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            if mode != 0o600:
                os.fchmod(handle, mode)
            file.flush()
            if durable:
                os.fsync(handle)
        os.rename(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def read(path: str, limit: int = MAX_FILE) -> bytes:
    """The content of a regular file, without following a link and without waiting for the other end of a pipe.

    Raises:
        FileNotFoundError: there is none.
        UnsafePath: it is no regular file, or larger than the limit.
    """
    return read_with_signature(path, limit)[0]


def read_with_signature(path: str, limit: int = MAX_FILE) -> tuple[bytes, Signature]:
    """Like `read`, with the signature of exactly the file that was read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NOFOLLOW)
    except OSError as exc:
        if os.path.islink(path):
            raise UnsafePath(f"{path} is a symbolic link, where a regular file is expected") from None
        raise exc
    with open(handle, "rb") as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise UnsafePath(f"{path} is {_kind(state.st_mode)}, where a regular file is expected")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnsafePath(f"{path} has more than the {limit} bytes that are read of such a file")
    return content, _signature(state)


def signature(path: str) -> Signature | None:
    """Changes whenever the file does; None if there is no file. A cached value is good while this stays the same."""
    try:
        return _signature(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _signature(state: os.stat_result) -> Signature:
    return state.st_ino, state.st_mtime_ns, state.st_ctime_ns, state.st_size
