"""Brings the user's own modules (`salt://_modules`, `salt://_states`, ...) to this minion and removes old ones."""

from __future__ import annotations

import logging
import os
import re
from typing import Any, Dict, Iterable, List, Mapping, Protocol, Set, Tuple

from minion import atomic
from transports import names
from transports.errors import NameRefused

log = logging.getLogger(__name__)

# what a job may need of the user's own; the folder of each on the master has an underscore before its name
KINDS = (
    "modules", "states", "grains", "renderers", "returners", "utils", "executors", "output", "matchers", "serializers",
)  # fmt: skip

_MODULE = re.compile(r"\.(py|so|zip)$")

Names = Mapping[str, Any]


class Files(Protocol):
    """The master's files."""

    def file_list(self, saltenv: str = "base", prefix: str = "") -> List[str]: ...

    def cache_file(self, path: str, saltenv: str = "base") -> str: ...


class Syncer:
    """Syncs kinds of modules; the list of an environment's files is fetched once.

    Args:
        files: the master's files.
        folder: `extension_modules`.
        saltenvs: the environments; where two have the same module, the later one wins.
        clean: remove synced modules that the master has no more.
        only, never: kind -> names of modules that alone are synced, or never.
    """

    def __init__(
        self, files: Files, folder: str, saltenvs: Iterable[str], clean: bool, only: Names, never: Names
    ) -> None:
        self._files, self._folder, self._clean, self._only, self._never = files, folder, clean, only, never
        self._saltenvs = list(saltenvs)
        self._lists: Dict[str, List[str]] = {}

    def sync(self, kind: str) -> Tuple[List[str], bool]:
        """Syncs one kind; returns the modules that are new or changed, as `kind.name`, and whether anything changed.

        Args:
            kind: `modules`, `states`, ...; the folder on the master has an underscore before it.
        """
        target = os.path.join(self._folder, kind)
        wanted = self._wanted(kind)
        changed = [f"{kind}.{_name(path)}" for path in wanted if self._bring(kind, path, wanted[path], target)]
        removed = self._clean and _remove_others(target, set(wanted))
        return changed, bool(changed) or removed

    def _wanted(self, kind: str) -> Dict[str, str]:
        """Path below the kind's folder -> environment, of the modules that are to be here."""
        found: Dict[str, str] = {}
        prefix = f"_{kind}/"
        for saltenv in self._saltenvs:
            for path in self._list(saltenv):
                if not path.startswith(prefix) or not _MODULE.search(path):
                    continue
                relative = path[len(prefix) :]
                name = _name(relative)
                if (kind in self._only and name not in self._only[kind]) or name in self._never.get(kind, ()):
                    continue
                found[relative] = saltenv
        return found

    def _list(self, saltenv: str) -> List[str]:
        if saltenv not in self._lists:
            self._lists[saltenv] = self._files.file_list(saltenv)
        return self._lists[saltenv]

    def _bring(self, kind: str, relative: str, saltenv: str, target: str) -> bool:
        """Puts one module in its place; whether it is another than before."""
        try:
            parts = names.path_parts(relative)
        except NameRefused as exc:
            log.error("A module of the master is not synced: %s", exc)
            return False
        copy = self._files.cache_file(f"salt://_{kind}/{relative}", saltenv)
        if not copy:
            log.error("salt://_%s/%s could not be fetched", kind, relative)
            return False
        with open(copy, "rb") as file:
            content = file.read()
        place = os.path.join(target, *parts)
        if _content(place) == content:
            return False
        os.makedirs(os.path.dirname(place), 0o700, exist_ok=True)
        atomic.write(place, content, mode=0o600)
        return True


def _name(path: str) -> str:
    return os.path.splitext(path)[0].replace("/", ".")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _remove_others(folder: str, wanted: Set[str]) -> bool:
    """Removes what is not wanted, then empty folders; whether there was something."""
    removed = False
    for place, _folders, files in os.walk(folder, topdown=False):
        if os.path.basename(place) == "__pycache__":
            continue
        for name in files:
            path = os.path.join(place, name)
            if os.path.relpath(path, folder) not in wanted:
                os.unlink(path)
                removed = True
        if place != folder and not any(name != "__pycache__" for name in os.listdir(place)):
            _remove_tree(place)
    return removed


def _remove_tree(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def kinds_below(folder: str) -> Dict[str, List[str]]:
    """Kind -> names of the modules that were synced."""
    found: Dict[str, List[str]] = {}
    for kind in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        found[kind] = sorted(
            name.split(".")[0]
            for place, _folders, files in os.walk(os.path.join(folder, kind))
            if os.path.basename(place) != "__pycache__"
            for name in files
        )
    return found
