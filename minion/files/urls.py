"""`salt://` URLs, and which paths and environments may be asked for at all."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from minion.errors import MinionError

SCHEME = "salt://"

_SALTENV = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,127}")


def parse(url: str) -> Tuple[str, Optional[str]]:
    """Path and environment of `salt://path?saltenv=env`; other URLs come back whole."""
    if not url.startswith(SCHEME):
        return url, None
    path, _, saltenv = url[len(SCHEME) :].partition("?saltenv=")
    return path.split("?env=")[0].lstrip("/"), saltenv or None


def create(path: str, saltenv: Optional[str] = None) -> str:
    """The URL of a path."""
    return SCHEME + path.replace("\\", "/").lstrip("/") + (f"?saltenv={saltenv}" if saltenv else "")


def split_env(url: str) -> Tuple[str, Optional[str]]:
    """The URL without its environment, and the environment."""
    path, saltenv = parse(url)
    return (create(path) if url.startswith(SCHEME) else path), saltenv


def path_of(url: str) -> str:
    """The path of a `salt://` URL.

    Raises:
        MinionError: it is another kind of URL.
    """
    if not url.startswith(SCHEME):
        raise MinionError(f"Unsupported path: {url}")
    return parse(url)[0]


def path_parts(path: str) -> Optional[List[str]]:
    """The parts of a relative path, or None if it may not be asked for.

    A leading `|` says that what follows is no query; any part that could lead out of the root is refused.
    """
    path = path[1:] if path.startswith("|") else path.split("?")[0]
    if not path or len(path) > 4096 or path.startswith("/") or "\0" in path or "\\" in path:
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or any(len(part) > 255 for part in parts):
        return None
    return parts


def is_saltenv(name: object) -> bool:
    """Can this be the name of an environment?"""
    return isinstance(name, str) and bool(_SALTENV.fullmatch(name)) and ".." not in name and "//" not in name
