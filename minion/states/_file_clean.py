"""What `clean` removes from a folder, and what it keeps."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from minion.errors import CommandExecutionError
from minion.files.client import check_include_exclude
from minion.states._file import Salt
from minion.states._file_tree import Selection, sources_present, tree_of

Walk = List[Tuple[str, List[str], List[str]]]


def walk(top: str, max_depth: Optional[int] = None) -> Walk:
    """What is in a folder, but not deeper than so many levels."""
    found: Walk = []
    level = top.rstrip("/").count("/")
    for folder, folders, names in os.walk(top):
        if max_depth is not None and folder.rstrip("/").count("/") - level >= max_depth:
            folders.clear()
            continue
        found.append((folder, list(folders), list(names)))
    return found


def required_paths(
    salt: Salt, name: str, require: Any, lowstate: Sequence[Mapping[str, Any]], saltenv: str
) -> Set[str]:
    """Paths that the required `file` states put into the folder `name`."""
    kept: Set[str] = set()
    names = {item.get("file") if isinstance(item, dict) else item for item in require or ()}
    for low in lowstate:
        path = low["name"]
        if not names & {path, low["__id__"]}:
            continue
        if not os.path.isdir(path):
            kept.add(path)
        elif not os.path.relpath(path, name).startswith(os.pardir):
            kept |= _of_recurse(salt, low, saltenv) if low["fun"] == "recurse" else _all_below(path)
    return kept


def _of_recurse(salt: Salt, low: Mapping[str, Any], saltenv: str) -> Set[str]:
    selection = {field.name: low[field.name] for field in dataclasses.fields(Selection) if field.name in low}
    try:
        sources = sources_present(salt, low.get("source", []), saltenv)
    except CommandExecutionError:
        return set()
    return tree_of(salt, low["name"], sources, saltenv, Selection(**selection)).kept


def _all_below(path: str) -> Set[str]:
    below = {os.path.join(folder, name) for folder, folders, names in os.walk(path) for name in [*folders, *names]}
    return below | {path}


def doomed(root: str, kept: Iterable[str], exclude_pat: Any) -> List[str]:
    """Paths in a folder that are neither kept, nor above one that is, nor excluded."""
    keep = {root}
    for path in map(os.path.abspath, filter(os.path.isabs, kept)):
        while path not in keep and path != os.path.dirname(path):
            keep.add(path)
            path = os.path.dirname(path)
    return [
        path
        for folder, folders, names in os.walk(root)
        for path in (os.path.join(folder, name) for name in [*names, *folders])
        if path not in keep and check_include_exclude(os.path.relpath(path, root), None, exclude_pat)
    ]


def remove_doomed(salt: Salt, paths: List[str]) -> List[str]:
    """Removes paths with all that is below; those that were removed by themselves."""
    listed = set(paths)
    removed = [path for path in paths if os.path.dirname(path) not in listed]
    for path in removed:
        salt["file.remove"](path)
    return removed
