"""Unpacks wheels that were checked, and trusts them as little as if they had not been."""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
from typing import Dict, Optional, Set

from minion.errors import CommandExecutionError

_MOST_BYTES = 512 << 20  # of all files of one wheel
_MOST_FILES = 20000
_DATA = re.compile(r"[^/]+\.data")
_LIBRARY = ("purelib", "platlib")


def unpack(data: bytes, name: str, folder: str) -> Dict[str, int]:
    """Writes a wheel's files below a folder that is ours alone; path -> size of each.

    Args:
        data: the wheel.
        name: of it, for errors.
        folder: exists; none of the files may exist yet.

    Raises:
        CommandExecutionError: it is damaged, or wants to write elsewhere.
    """
    written: Dict[str, int] = {}
    made: Set[str] = {folder}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            entries = wheel.infolist()
            if len(entries) > _MOST_FILES or sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise CommandExecutionError(f"the wheel {name} is larger than any that a minion needs")
            for entry in entries:
                path = _path(entry, name)
                if path is not None:
                    _write(os.path.join(folder, path), wheel.read(entry), made)
                    written[path] = entry.file_size
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as exc:
        raise CommandExecutionError(f"the wheel {name} is damaged: {exc}") from None
    except FileExistsError as exc:
        raise CommandExecutionError(f"the wheel {name} brings a file that is there already: {exc.filename}") from None
    return written


def _path(entry: zipfile.ZipInfo, name: str) -> Optional[str]:
    """Where a file goes below the folder; None for what is no part of the library."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    path = entry.filename
    parts = path.split("/")
    if entry.is_dir():
        parts.pop()
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or not all(map(_is_name, parts)):
        raise CommandExecutionError(f"the wheel {name} holds {path!r}, which is no file below its folder")
    if entry.is_dir():
        return None
    if _DATA.fullmatch(parts[0]):
        return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in _LIBRARY else None
    return path


def _is_name(part: str) -> bool:
    return part not in ("", ".", "..") and "\\" not in part and "\0" not in part and len(part.encode()) <= 255


def _write(path: str, data: bytes, made: Set[str]) -> None:
    parent = os.path.dirname(path)
    if parent not in made:
        os.makedirs(parent, 0o755, exist_ok=True)
        made.add(parent)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with open(handle, "wb", buffering=0) as file:
        file.write(data)
