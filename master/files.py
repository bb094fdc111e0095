"""The master's file server: answers minions' file requests, takes the files they push."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any

from master import safety
from minion.files import backends
from minion.files.answers import answers
from transports import codec, names
from transports.errors import CodecError, NameRefused

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_MOST_PARTS = 32
_ENTRY = 65536  # what a file or folder counts at least: disks run out of names, too


class MasterFiles:
    """File requests of all minions.

    Args:
        opts: the master's options, for where files come from and what is left out.
        by_minion: the folder below which each minion's pushed files lie.
        receive: whether minions may push files (`file_recv`).
        max_file: bytes of a pushed file at the most.
        quota: bytes that one minion may have pushed.
        fetch: bring repositories up to date when they are first needed, because no master daemon does.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        by_minion: str,
        receive: bool,
        max_file: int,
        quota: int,
        fetch: bool = False,
    ) -> None:
        self._answers = answers(backends.build(opts, fetch))
        self._by_minion, self._receive, self._max_file, self._quota = by_minion, receive, max_file, quota

    def answer(self, cmd: str, load: Mapping[str, Any]) -> Any:
        """The answer to one of the file requests of the request table."""
        return self._answers[cmd](load)

    def receive(self, minion_id: str, path: list[Any], position: int, data: Any, size: int) -> bool:
        """Takes one chunk of a pushed file; whether that was done.

        Args:
            minion_id: whose file it is.
            path: the parts of its path.
            position: where the chunk belongs; at most at the end of what is there.
            data: at most 1 MiB.
            size: of the whole file, as the minion says; nothing relies on it.
        """
        if not self._receive or size > self._max_file:
            return False
        try:
            parts = names.path_parts("/".join(str(part) for part in path))
            chunk = codec.to_bytes(data)
        except (NameRefused, CodecError) as exc:
            log.warning("a file pushed by minion %s is refused: %s", minion_id, exc)
            return False
        if len(chunk) > _CHUNK or position + len(chunk) > self._max_file or len(parts) > _MOST_PARTS:
            return False
        root = os.path.join(self._by_minion, names.minion_id(minion_id), "files")
        safety.private_folder(root)
        new = _ENTRY * len(parts) if position == 0 else 0
        if _used(root) + max(new, len(chunk)) > self._quota:
            log.warning("minion %s has pushed more than its quota of %d bytes", minion_id, self._quota)
            return False
        return _write_at(root, parts, position, chunk)


def _used(root: str) -> int:
    used = 0
    for folder, folders, files in os.walk(root):
        used += _ENTRY * len(folders)
        used += sum(max(_ENTRY, os.lstat(os.path.join(folder, name)).st_size) for name in files)
    return used


def _write_at(root: str, parts: tuple[str, ...], position: int, chunk: bytes) -> bool:
    """Writes below `root`, walking folder by folder without following links."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    folder = os.open(root, flags)
    try:
        for part in parts[:-1]:
            try:
                os.mkdir(part, 0o700, dir_fd=folder)
            except FileExistsError:
                pass
            deeper = os.open(part, flags, dir_fd=folder)
            os.close(folder)
            folder = deeper
        mode = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        handle = os.open(parts[-1], mode | (os.O_TRUNC if position == 0 else 0), 0o600, dir_fd=folder)
    except OSError as exc:
        log.warning("a pushed file can't be written below %s: %s", root, exc)
        return False
    finally:
        os.close(folder)
    with os.fdopen(handle, "wb") as stream:
        if position > os.fstat(handle).st_size:
            return False
        stream.seek(position)
        stream.write(chunk)
    return True
