"""Filters of paths, files and users."""

from __future__ import annotations

import hashlib
import os
import posixpath
import pwd
import shutil
from typing import Any, Callable, Dict, List, Optional

import jinja2
from jinja2.runtime import Context

from minion.jinja.filters._volatile import volatile

_SYSTEM_PATH = ("/sbin", "/bin", "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


def path_join(*parts: Any, use_posixpath: bool = False) -> str:
    """The parts as one path; later parts are never absolute."""
    module: Any = posixpath if use_posixpath else os.path
    if not parts:
        return ""
    root, *others = (module.normpath(str(part)) for part in parts)
    joined: str = module.normpath(module.join(root, *(part.lstrip(os.sep) for part in others)))
    return joined


def which(program: Optional[str] = None) -> Optional[str]:
    """Where a program lies, if it is installed."""
    if not program:
        return None
    search = [*os.environ.get("PATH", "").split(os.pathsep), *_SYSTEM_PATH]
    return shutil.which(program, path=os.pathsep.join(search))


def is_empty(path: str) -> bool:
    """Is it a file without content?"""
    try:
        return os.stat(path).st_size == 0
    except OSError:
        return False


def _looks_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    text = bytes(range(32, 127)) + b"\n\r\t\f\b" + bytes(range(128, 255))
    return len(data.translate(None, text)) > 0.3 * len(data)


def is_bin_file(path: str) -> bool:
    """Does it look like something other than text?"""
    try:
        with open(path, "rb") as stream:
            return _looks_binary(stream.read(2048))
    except OSError:
        return False


def is_text_file(path: str) -> bool:
    """Does it look like text?"""
    return os.path.isfile(path) and not is_bin_file(path)


def file_hashsum(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """The hash sum of a file."""
    if form not in hashlib.algorithms_available:
        raise ValueError(f"Invalid hash type: {form}")
    digest = hashlib.new(form)
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(chunk_size), b""):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(folder: str) -> List[str]:
    """A folder and everything below it."""
    found = [folder]
    for base, folders, files in os.walk(folder, followlinks=True):
        found.extend(os.path.join(base, name) for name in (*files, *folders))
    return found


def get_uid(user: Optional[str] = None) -> Optional[int]:
    """The number of a user, or of the one we run as."""
    if user is None:
        return os.geteuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


@jinja2.pass_context
def http_query(context: Context, url: str, **options: Any) -> Any:
    """What a web server answers; see `http.query`."""
    return context["salt"]["http.query"](url, **options)


FILTERS: Dict[str, Callable[..., Any]] = {
    "file_hashsum": volatile(file_hashsum),
    "get_uid": volatile(get_uid),
    "http_query": http_query,
    "is_bin_file": volatile(is_bin_file),
    "is_empty": volatile(is_empty),
    "is_text_file": volatile(is_text_file),
    "list_files": volatile(list_files),
    "path_join": path_join,
    "which": volatile(which),
}
