"""YAML files, merged. Their profile has `files`, and may have `merge` (`strategy`, `merge_lists`) and `gpg: true`."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, Mapping, Optional

from minion import data, merging, yamlio
from minion.errors import CommandExecutionError

__salt__: Dict[str, Callable[..., Any]]
__func_alias__ = {"set_": "set"}

log = logging.getLogger(__name__)


def get(key: str, profile: Optional[Mapping[str, Any]] = None) -> Any:
    """The value below a key (`a:b:c`); None if there is none."""
    profile = profile or {}
    found: Any = {}
    for name in profile.get("files") or ():
        found = merging.merge(found, _read(name), **(profile.get("merge") or {}))
    if profile.get("gpg"):
        found = __salt__["slsutil.renderer"](string=yamlio.dump(found), default_renderer="yaml|gpg")
    return data.traverse(found, key)


def _read(name: str) -> Any:
    try:
        with open(name, encoding="utf-8") as file:
            return yamlio.load(file.read()) or {}
    except OSError as exc:
        log.error("File '%s' of an sdb profile can't be read: %s", name, exc)
        return {}


def set_(*args: Any, **kwargs: Any) -> None:
    """Refuses: edit the files."""
    raise CommandExecutionError("Values in YAML files can't be set by sdb.set: edit the files")
