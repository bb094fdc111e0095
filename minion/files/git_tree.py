"""Files in the folders of a commit, straight from the object database of a git repository.

A link is followed if what it points to lies below the folder that is served; others lead nowhere.
"""

from __future__ import annotations

import os
import posixpath
import stat
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

_MAX_LINKS = 40  # on the way to one file


class Listing(NamedTuple):
    """Everything below a folder: paths of files, of folders, and links with what they point to."""

    files: List[str]
    folders: List[str]
    links: Dict[str, str]


def subfolder(tree: Any, path: str) -> Any:
    """The folder at a path, which may be "" for the folder itself; None if there is none."""
    found = _entry(tree, [part for part in path.split("/") if part]) if path else tree
    return found if found is not None and found.type_str == "tree" else None


def find(top: Any, parts: Sequence[str], follow: bool) -> Any:
    """The file at a path below the folder that is served; None if there is none.

    Args:
        top: the folder.
        parts: of the path.
        follow: whether links are followed.
    """
    resolved = _resolve(top, list(parts), follow)
    return resolved if resolved is not None and resolved.type_str == "blob" else None


def _resolve(top: Any, parts: List[str], follow: bool) -> Any:
    """The file or folder at a path; links on the way lead on."""
    for _ in range(_MAX_LINKS):
        here, left = _until_link(top, parts)
        if here is None or not _is_link(here):
            return here
        target = _target(parts[: len(parts) - len(left)], here)
        if not follow or target is None:
            return None
        parts = [*target, *left]
    return None


def _until_link(top: Any, parts: List[str]) -> Tuple[Any, List[str]]:
    """What lies at a path, or the first link on the way to it, and the part of the path behind that."""
    here = top
    for number, part in enumerate(parts, 1):
        here = _child(here, part)
        if here is None or _is_link(here):
            return here, parts[number:]
    return here, []


def _entry(tree: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        tree = _child(tree, part)
    return tree


def _child(tree: Any, name: str) -> Any:
    if tree is None or tree.type_str != "tree":
        return None
    try:
        return tree / name
    except KeyError:
        return None


def _is_link(entry: Any) -> bool:
    return entry.filemode is not None and stat.S_ISLNK(entry.filemode)  # the topmost folder has no mode


def _target(parts: Sequence[str], link: Any) -> Optional[List[str]]:
    """The path, below the folder that is served, that a link at a path points to; None if it leads out of it."""
    text = os.fsdecode(bytes(memoryview(link)))
    if text.startswith("/"):
        return None
    path = posixpath.normpath(posixpath.join(*parts[:-1], text)) if parts[:-1] else posixpath.normpath(text)
    if path == ".." or path.startswith("../"):
        return None
    return [] if path == "." else path.split("/")


def walk(top: Any, follow: bool) -> Iterator[Tuple[str, Any, Any]]:
    """(path, entry, file or folder that it is or points to) of everything below a folder.

    Links that lead out are left out. The third is None for those that lead nowhere, or are not to be followed. Folders
    that are reached by links are walked, too, unless they contain the link.
    """
    yield from _walk(top, top, [], [str(top.id)], follow)


def _walk(top: Any, tree: Any, parts: List[str], inside: List[str], follow: bool) -> Iterator[Tuple[str, Any, Any]]:
    for entry in tree:
        if entry.type_str == "commit":
            continue  # a submodule
        here = [*parts, entry.name]
        found: Any = entry
        if _is_link(entry):
            if _target(here, entry) is None:
                continue
            found = _resolve(top, here, True) if follow else None
        yield "/".join(here), entry, found
        if found is not None and found.type_str == "tree" and str(found.id) not in inside:
            yield from _walk(top, found, here, [*inside, str(found.id)], follow)


def listing(top: Any, follow: bool) -> Listing:
    """Everything below a folder; links count as what they point to, or as files."""
    files: List[str] = []
    folders: List[str] = []
    links: Dict[str, str] = {}
    for path, entry, found in walk(top, follow):
        (folders if found is not None and found.type_str == "tree" else files).append(path)
        if _is_link(entry):
            links[path] = os.fsdecode(bytes(memoryview(entry)))
    return Listing(sorted(files), sorted(folders), links)


def export(top: Any, folder: str) -> None:
    """Writes the files below a folder to the disk, readable for the owner alone; links become what they point to."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for path, _, found in walk(top, follow=True):
        place = os.path.join(folder, path)
        if found is not None and found.type_str == "tree":
            os.mkdir(place, 0o700)
        elif found is not None:
            with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as stream:
                stream.write(memoryview(found))
