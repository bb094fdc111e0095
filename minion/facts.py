"""Collects the grains: facts about the host, of our own modules, of the user's, and as the configuration says.

Later ones win: our own modules, the user's modules, the static file `grains` beside the configuration, the option
`grains`.
"""

from __future__ import annotations

import fnmatch
import inspect
import logging
import os
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from minion.loader import Loader

log = logging.getLogger(__name__)

Grains = Dict[str, Any]

OWN_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "grains")


def collect_grains(opts: Mapping[str, Any], folders: Sequence[str]) -> Grains:
    """All grains of this host.

    Args:
        opts: the minion's options.
        folders: where the user's grains modules lie, the most important first.
    """
    loader = Loader(
        "grains",
        [*folders, OWN_FOLDER],
        {"__opts__": opts, "__grains__": {}},
        disabled=opts.get("disable_grains") or (),
    )
    blacklist = opts.get("grains_blacklist") or ()
    deep = bool(opts.get("grains_deep_merge"))
    grains: Grains = {}
    for name, function in _in_order(loader):
        _merge(grains, _allowed(_call(name, function, grains), blacklist), deep)
    path = static_file(opts)
    if path:
        _merge(grains, _allowed(read_static(path), blacklist), deep)
    configured = opts.get("configured_grains", opts.get("grains"))  # in a job `grains` are those of the host already
    _merge(grains, dict(configured or {}), deep)
    return grains


def _in_order(loader: Loader) -> List[Tuple[str, Callable[..., Any]]]:
    """Our own functions first, so that the user's can replace what they found; each kind by name."""
    functions = [(name, loader[name]) for name in loader]

    def key(item: Tuple[str, Callable[..., Any]]) -> Tuple[bool, str]:
        return os.path.dirname(item[1].__code__.co_filename) != OWN_FOLDER, item[0]

    return sorted(functions, key=key)


def _call(name: str, function: Callable[..., Any], grains: Grains) -> Grains:
    """What one function found; a function that fails is logged and costs nobody else's grains."""
    try:
        wanted = inspect.signature(function).parameters
        offered = {"grains": grains, "proxy": None}
        found = function(**{key: value for key, value in offered.items() if key in wanted})
    except Exception:
        log.critical("Grains function %s failed: its grains are missing", name, exc_info=True)
        return {}
    return found if isinstance(found, dict) else {}


def _allowed(found: Grains, blacklist: Iterable[str]) -> Grains:
    """Without the names that the blacklist matches as glob or as regular expression."""
    return {name: value for name, value in found.items() if not any(_matches(str(name), block) for block in blacklist)}


def _matches(name: str, pattern: str) -> bool:
    if fnmatch.fnmatchcase(name, pattern):
        return True
    try:
        return re.fullmatch(pattern, name) is not None
    except re.error:
        return False


def _merge(grains: Grains, found: Mapping[str, Any], deep: bool) -> None:
    for name, value in found.items():
        known = grains.get(name)
        if deep and isinstance(value, Mapping) and isinstance(known, dict):
            grains[name] = merged = dict(known)
            _merge(merged, value, deep)
        else:
            grains[name] = value


def static_file(opts: Mapping[str, Any]) -> Optional[str]:
    """Where grains that were set by hand or by `grains.set` are kept; None without a configuration file."""
    conf = opts.get("conf_file")
    if not conf:
        return None
    return os.path.join(conf if os.path.isdir(conf) else os.path.dirname(conf), "grains")


def read_static(path: str) -> Grains:
    """The grains of a static file; a broken file is logged and has none."""
    import yaml

    try:
        with open(path, encoding="utf-8") as source:
            found = yaml.safe_load(source)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        log.warning("Static grains in %s can't be read: %s", path, exc)
        return {}
    return found if isinstance(found, dict) else {}
