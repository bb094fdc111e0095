"""Reads and writes files, whole or in part."""

from __future__ import annotations

import os
from typing import Any, Dict, List, Tuple, Union

from minion.modules._file_common import rewrite

__virtualname__ = "file"


def read(path: str, binary: bool = False) -> Union[str, bytes]:
    """Returns the content of a file.

    Args:
        path: the file.
        binary: return bytes, rather than text.

    CLI Example:

    .. code-block:: bash

        salt '*' file.read /path/to/file
    """
    with open(os.path.expanduser(path), "rb") as file:
        content = file.read()
    return content if binary is True else content.decode("utf-8")


def write(path: str, *args: Any, **kwargs: Any) -> str:
    """Writes lines to a file, in the place of what it held.

    Args:
        path: the file.
        args: the lines; or a keyword of this name, with a list of lines.

    CLI Example:

    .. code-block:: bash

        salt '*' file.write /etc/motd args="['With all thine offerings', 'thou shalt offer salt.']"
    """
    path, lines = os.path.expanduser(path), _lines(args, kwargs)
    rewrite(path, _joined(lines))
    return f'Wrote {len(lines)} lines to "{path}"'


def prepend(path: str, *args: Any, **kwargs: Any) -> str:
    """Puts lines before those of a file.

    Args:
        path: the file; it need not exist.
        args: the lines; or a keyword of this name, with a list of lines.

    CLI Example:

    .. code-block:: bash

        salt '*' file.prepend /etc/motd args="['With all thine offerings', 'thou shalt offer salt.']"
    """
    path, lines = os.path.expanduser(path), _lines(args, kwargs)
    content = b""
    if os.path.exists(path):
        with open(path, "rb") as file:
            content = file.read()
    rewrite(path, _joined(lines) + content)
    return f'Prepended {len(lines)} lines to "{path}"'


def append(path: str, *args: Any, **kwargs: Any) -> str:
    """Adds lines to the end of a file; its last line is ended before, if need be.

    Args:
        path: the file.
        args: the lines; or a keyword of this name, with a list of lines.

    CLI Example:

    .. code-block:: bash

        salt '*' file.append /etc/motd args="['With all thine offerings', 'thou shalt offer salt.']"
    """
    path, lines = os.path.expanduser(path), _lines(args, kwargs)
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        separator = b"" if file.read(1) in (b"", b"\n") else b"\n"
    # Not by a new file: others may be appending to this one at the same moment.
    with open(path, "ab", buffering=0) as file:
        file.write(separator + _joined(lines))
    return f'Wrote {len(lines)} lines to "{path}"'


def _lines(args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> List[Any]:
    given = kwargs.get("args", list(args))
    return given if isinstance(given, list) else [given]


def _joined(lines: List[Any]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape")


def seek_read(path: str, size: int, offset: int) -> bytes:
    """Returns some bytes of a file.

    Args:
        path: the file.
        size: how many bytes.
        offset: where to begin.

    CLI Example:

    .. code-block:: bash

        salt '*' file.seek_read /path/to/file 4096 0
    """
    with open(os.path.expanduser(path), "rb") as file:
        file.seek(int(offset))
        return file.read(int(size))


def seek_write(path: str, data: Union[str, bytes], offset: int) -> int:
    """Writes over some bytes of a file. Returns how many.

    Args:
        path: the file.
        data: the bytes.
        offset: where to begin.

    CLI Example:

    .. code-block:: bash

        salt '*' file.seek_write /path/to/file 'some data' 4096
    """
    raw = data.encode() if isinstance(data, str) else data
    with open(os.path.expanduser(path), "rb+", buffering=0) as file:
        file.seek(int(offset))
        count = file.write(raw)
        os.fsync(file.fileno())
    return int(count or 0)


def truncate(path: str, length: int) -> None:
    """Cuts a file off, or extends it by zeros, to a length in bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' file.truncate /path/to/file 512
    """
    with open(os.path.expanduser(path), "rb+") as file:
        file.truncate(int(length))
