"""`cp`: files that the minion sends to the master, and those that `salt-cp` brings."""

from __future__ import annotations

import base64
import fnmatch
import gzip
import logging
import os
from typing import Any, Dict, Optional, Union

from minion import atomic
from minion.errors import CommandExecutionError

__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__master__: Any

__virtualname__ = "cp"

log = logging.getLogger(__name__)
_CHUNK = 262144


def push(
    path: str, keep_symlinks: bool = False, upload_path: Optional[str] = None, remove_source: bool = False
) -> bool:
    """Sends a file to the master, which keeps it apart for each minion; the master must allow it by `file_recv`.

    Args:
        path: absolute path of the file.
        keep_symlinks: keep the name of a link instead of its target's.
        upload_path: name it by this path instead.
        remove_source: remove the file when the master has it.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.push /etc/fstab
    """
    if ".." in path.split("/") or not os.path.isabs(path):
        return False
    path = path if keep_symlinks else os.path.realpath(path)
    name = upload_path or path
    if not os.path.isfile(path) or ".." in name.split("/"):
        return False
    parts = [part for part in os.path.normpath(name.lstrip(os.sep)).split(os.sep) if part]
    if not _send(path, parts):
        log.error("The master did not take %s: `file_recv` must be on, and `file_recv_max_size` large enough", path)
        return False
    if remove_source:
        os.unlink(path)
    return True


def _send(path: str, parts: Any) -> bool:
    size = os.path.getsize(path)
    with open(path, "rb") as source:
        while True:
            place = source.tell()
            data = source.read(int(__opts__.get("file_buffer_size") or _CHUNK))
            if place and not data:
                return True
            if not __master__.request("_file_recv", path=parts, size=size, loc=place, data=data):
                return False
            if not data:
                return True


def push_dir(path: str, glob: Optional[str] = None, upload_path: Optional[str] = None) -> bool:
    """Sends all files below a folder to the master; see `cp.push`.

    Args:
        path: absolute path of the folder.
        glob: only files whose name matches.
        upload_path: name the folder by this path instead.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.push_dir /usr/lib glob='*.so'
    """
    if ".." in path.split("/") or not os.path.isabs(path):
        return False
    path = os.path.realpath(path)
    if os.path.isfile(path):
        return push(path, upload_path=upload_path)
    found = [os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names]
    wanted = [name for name in found if glob is None or fnmatch.fnmatch(os.path.basename(name), glob)]
    for name in wanted:
        target = os.path.join("/", upload_path.strip("/"), os.path.relpath(name, path)) if upload_path else None
        if not push(name, upload_path=target):
            return False
    return bool(wanted)


def recv(files: Dict[str, Union[str, bytes]], dest: str) -> Any:
    """Takes small files that `salt-cp` brings.

    Args:
        files: path -> content.
        dest: the file, or the folder for them.

    CLI Example:

    .. code-block:: bash

        salt-cp '*' /etc/hosts /tmp/hosts
    """
    written = {}
    for path, content in files.items():
        target = os.path.join(dest, os.path.basename(path)) if os.path.isdir(dest) else dest
        if not os.path.isdir(os.path.dirname(target)):
            return "Destination unavailable"
        try:
            atomic.write(target, content)
            written[target] = True
        except OSError as exc:
            log.error("%s can't be written: %s", target, exc)
            written[target] = False
    return written


def recv_chunked(
    dest: str, chunk: Optional[str], append: bool = False, compressed: bool = True, mode: Optional[int] = None
) -> Union[bool, str]:
    """Takes one piece of a file that `salt-cp --chunked` brings.

    Args:
        dest: the file, or an empty folder.
        chunk: the piece in base64; null for an empty folder.
        append: it is not the first piece.
        compressed: it is compressed by gzip.
        mode: permissions of the file, with its first piece.

    CLI Example:

    .. code-block:: bash

        salt-cp --chunked '*' /var/log/syslog /tmp/syslog
    """
    __context__.setdefault("retcode", 0)
    try:
        if chunk is None:
            os.makedirs(dest, exist_ok=True)
            return True
        data = base64.b64decode(chunk)
        data = gzip.decompress(data) if compressed else data
        os.makedirs(os.path.dirname(dest), exist_ok=True)
        with open(dest, "ab" if append else "wb") as target:
            target.write(data)
            if not append and mode is not None:
                os.fchmod(target.fileno(), mode)
    except FileExistsError:
        __context__["retcode"] = 1
        return "Path exists and is a file"
    except (OSError, EOFError, ValueError) as exc:
        __context__["retcode"] = 1
        return str(CommandExecutionError(f"{dest}: {exc}"))
    return True
