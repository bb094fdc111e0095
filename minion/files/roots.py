"""Serves files from folders: the answers to a minion's file requests.

Paths from a minion are checked part by part and opened folder by folder without following links. A link is followed
only if its target lies below one of the environment's roots.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import glob
import gzip
import os
import re
import stat
import time
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from minion.files.hashing import hash_of
from minion.files.urls import is_saltenv, path_parts
from minion.inputs import State, holds_while, is_settled, state_of

_NO_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY


@dataclasses.dataclass(frozen=True)
class RootsOptions:
    """What is served, and how; the fields are options of Salt's names.

    Attributes:
        follow_links: serve what links point to, if it lies below a root of the environment.
        ignore_links: leave links out of lists.
        ignore_regex, ignore_glob: paths that are not served.
        hash_type: kind of the hash sums.
        buffer_size: bytes in one answer.
    """

    follow_links: bool = True
    ignore_links: bool = False
    ignore_regex: Sequence[str] = ()
    ignore_glob: Sequence[str] = ()
    hash_type: str = "sha256"
    buffer_size: int = 1 << 20

    @classmethod
    def of(cls, opts: Mapping[str, Any]) -> RootsOptions:
        """From a minion's or master's options."""
        return cls(
            follow_links=bool(opts.get("fileserver_followsymlinks", True)),
            ignore_links=bool(opts.get("fileserver_ignoresymlinks", False)),
            ignore_regex=tuple(_listed(opts.get("file_ignore_regex"))),
            ignore_glob=tuple(_listed(opts.get("file_ignore_glob"))),
            hash_type=str(opts.get("hash_type") or "sha256"),
            buffer_size=int(opts.get("file_buffer_size") or 1 << 20),
        )


class _Listing(NamedTuple):
    """Everything in an environment; it holds as long as no folder in it changes."""

    files: List[str]
    folders: List[str]
    empty: List[str]
    links: Dict[str, str]
    seen: Dict[str, State]
    made: int

    def holds(self) -> bool:
        return all(state_of(folder) == state and is_settled(state, self.made) for folder, state in self.seen.items())


class Roots:
    """The file server over `file_roots`.

    Args:
        file_roots: environment -> folders, the most important first. The environment `__env__`, if there is one,
            stands for all that are not named; `__env__` in its folders becomes the name asked for.
        options: what is served, and how.
    """

    def __init__(self, file_roots: Mapping[str, Any], options: RootsOptions = RootsOptions()) -> None:
        self._roots = {str(name): expand(folders) for name, folders in (file_roots or {}).items()}
        self._options = options
        self._ignored = [re.compile(pattern) for pattern in options.ignore_regex]
        self._listings: Dict[str, _Listing] = {}

    def envs(self) -> List[str]:
        """The names of the environments."""
        return sorted(self._roots)

    def roots_of(self, saltenv: str) -> List[str]:
        """The folders of an environment; none if it does not exist."""
        if saltenv in self._roots:
            return self._roots[saltenv]
        if "__env__" in self._roots and is_saltenv(saltenv):
            return [folder.replace("__env__", saltenv) for folder in self._roots["__env__"]]
        return []

    # finding and reading

    def find(self, path: str, saltenv: str) -> Dict[str, Any]:
        """`path`, `rel`, `stat` (ten numbers) and `back` of a file; empty paths if there is none."""
        found = self._open(path, saltenv)
        if found is None:
            return {"path": "", "rel": ""}
        full, relative, stream = found
        with stream:
            numbers = stat_numbers(os.fstat(stream.fileno()))
        return {"path": full, "rel": relative, "stat": numbers, "back": "roots"}

    def hash(self, path: str, saltenv: str) -> Any:
        """`hsum` and `hash_type` of a file; "" if there is none."""
        return self.hash_and_stat(path, saltenv)[0]

    def hash_and_stat(self, path: str, saltenv: str) -> Tuple[Any, Optional[List[int]]]:
        """The hash of a file and its `stat` numbers."""
        found = self._open(path, saltenv)
        if found is None:
            return "", None
        with found[2] as stream:
            kind = self._options.hash_type
            return {"hsum": hash_of(stream, kind), "hash_type": kind}, stat_numbers(os.fstat(stream.fileno()))

    def serve(self, path: str, saltenv: str, loc: int, gzip_level: Optional[int] = None) -> Dict[str, Any]:
        """A piece of a file from `loc` on: `data`, `dest` (its relative path), and `gzip` if it is compressed."""
        found = self._open(path, saltenv) if loc >= 0 else None
        if found is None:
            return {"data": b"", "dest": ""}
        _, relative, stream = found
        with stream:
            stream.seek(loc)
            data = stream.read(self._options.buffer_size)
        if gzip_level and data:
            return {"data": gzip.compress(data, int(gzip_level)), "dest": relative, "gzip": gzip_level}
        return {"data": data, "dest": relative}

    def _open(self, path: str, saltenv: str) -> Optional[Tuple[str, str, BinaryIO]]:
        """(full path, relative path, stream) of a regular file."""
        parts = path_parts(path)
        if parts is None:
            return None
        relative = "/".join(parts)
        roots = self.roots_of(saltenv)
        for root in roots:
            full = os.path.join(root, relative)
            if self._is_ignored(full):
                continue
            handle = _open_below(root, parts)
            if handle is None and self._options.follow_links:
                handle = _open_linked(full, roots)
            if handle is not None:
                return full, relative, os.fdopen(handle, "rb")
        return None

    def _is_ignored(self, path: str) -> bool:
        return any(pattern.search(path) for pattern in self._ignored) or any(
            fnmatch.fnmatch(path, pattern) for pattern in self._options.ignore_glob
        )

    # lists

    def file_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the files."""
        return _beginning_with(self._listing(saltenv).files, prefix)

    def dir_list(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the folders."""
        return _beginning_with(self._listing(saltenv).folders, prefix)

    def file_list_emptydirs(self, saltenv: str, prefix: str = "") -> List[str]:
        """Relative paths of the empty folders."""
        return _beginning_with(self._listing(saltenv).empty, prefix)

    def symlink_list(self, saltenv: str, prefix: str = "") -> Dict[str, str]:
        """Links that stay below their root, and where they point."""
        links = self._listing(saltenv).links
        return {link: target for link, target in links.items() if link.startswith(prefix.strip("/"))}

    def _listing(self, saltenv: str) -> _Listing:
        known = self._listings.get(saltenv)
        if known is None or not known.holds():
            known = self._look(saltenv)
            if saltenv in self._roots:  # names under `__env__` are the asker's choice; they are not kept
                self._listings[saltenv] = known
        holds_while(known.holds)
        return known

    def _look(self, saltenv: str) -> _Listing:
        files: Set[str] = set()
        folders: Set[str] = set()
        empty: Set[str] = set()
        links: Dict[str, str] = {}
        made = time.time_ns()
        roots = self.roots_of(saltenv)
        seen = {root: state_of(root) for root in roots}
        for root in roots:
            for folder, subfolders, names in self._walk(root, roots):
                seen[folder] = state_of(folder)
                for name in (*subfolders, *names):
                    full = os.path.join(folder, name)
                    relative = os.path.relpath(full, root)
                    if self._is_ignored(relative):
                        continue
                    (folders if name in subfolders else files).add(relative)
                    if name in subfolders and _is_empty(full):
                        empty.add(relative)
                    if os.path.islink(full):
                        links.update(_link_within(full, relative, root))
        return _Listing(sorted(files), sorted(folders), sorted(empty), links, seen, made)

    def _walk(self, root: str, roots: Sequence[str]) -> Iterator[Tuple[str, List[str], List[str]]]:
        for folder, subfolders, names in os.walk(root, followlinks=self._options.follow_links):
            for listed in (subfolders, names):
                listed[:] = [name for name in listed if self._is_served(os.path.join(folder, name), roots)]
            if _is_inside_itself(folder):
                subfolders.clear()
            yield folder, list(subfolders), names

    def _is_served(self, full: str, roots: Sequence[str]) -> bool:
        if not os.path.islink(full):
            return True
        return not self._options.ignore_links and (not self._options.follow_links or _is_below(full, roots))


def stat_numbers(info: os.stat_result) -> List[int]:
    """The ten numbers of `stat` that travel."""
    return [int(number) for number in tuple(info)]


def _listed(value: Any) -> List[str]:
    return [value] if isinstance(value, str) else list(value or [])


def expand(folders: Any) -> List[str]:
    """Folders of one environment; patterns stand for what they match."""
    result: List[str] = []
    for folder in _listed(folders):
        result.extend(sorted(glob.glob(folder)) if glob.has_magic(folder) else [str(folder)])
    return result


def _beginning_with(paths: List[str], prefix: str) -> List[str]:
    wanted = prefix.strip("/")
    return [path for path in paths if path.startswith(wanted)]


def _is_empty(folder: str) -> bool:
    try:
        return not os.listdir(folder)
    except OSError:
        return False


def _is_inside_itself(folder: str) -> bool:
    """Is it a link to one of the folders it lies in?"""
    real = os.path.realpath(folder)
    return os.path.islink(folder) and (os.path.realpath(os.path.dirname(folder)) + "/").startswith(real + "/")


def _is_below(path: str, roots: Sequence[str]) -> bool:
    real = os.path.realpath(path)
    return any(real.startswith(os.path.realpath(root).rstrip("/") + "/") for root in roots)


def _link_within(full: str, relative: str, root: str) -> Dict[str, str]:
    return {relative: os.readlink(full)} if _is_below(full, [root]) else {}


def _open_below(root: str, parts: Sequence[str]) -> Optional[int]:
    """Opens a regular file below a folder, following no link on the way; None if that can't be done."""
    try:
        folder = os.open(root, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = inner
        handle = os.open(parts[-1], _NO_FOLDER, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    return None


def _open_linked(full: str, roots: Sequence[str]) -> Optional[int]:
    """Opens what a path with links in it leads to, if that lies below one of the roots."""
    real = os.path.realpath(full)
    for root in roots:
        real_root = os.path.realpath(root).rstrip("/")
        if real.startswith(real_root + "/"):
            return _open_below(real_root, real[len(real_root) + 1 :].split("/"))
    return None
