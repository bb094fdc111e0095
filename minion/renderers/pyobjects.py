"""Runs a Python file in which states are objects: `with Pkg.installed("nginx"): Service.running("nginx")`."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.renderers import _pyobjects
from minion.renderers._text import read_text

__salt__: Dict[str, Callable[..., Any]]
__states__: Any
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__opts__: Dict[str, Any]
__file_client__: Any

_IMPORT = re.compile(r"^\s*import\s+(salt://\S+)\s*$")
_FROM = re.compile(r"^\s*from\s+(salt://\S+)\s+import\s+(.+)$")


def render(
    template: Any, saltenv: str = "base", sls: str = "", context: Optional[Dict[str, Any]] = None, **options: Any
) -> Any:
    """The states that the file makes."""
    registry = _pyobjects.Registry()
    names = {**_scope(registry, sls), **(context or {})}
    text, names = _with_imports(read_text(template), names, registry, saltenv)
    exec(compile(text, f"<{sls}>", "exec"), names)  # noqa: S102 - it is the operator's own code
    return registry.high_data()


def _scope(registry: _pyobjects.Registry, sls: str) -> Dict[str, Any]:
    modules: Dict[str, List[str]] = {}
    for name in __states__:
        module, _, function = name.partition(".")
        modules.setdefault(module, []).append(function)
    factories = {
        "".join(part.capitalize() for part in module.split("_")): _pyobjects.Factory(registry, module, functions)
        for module, functions in modules.items()
    }
    return {
        **factories,
        "include": registry.include,
        "extend": _pyobjects.Extend,
        "Map": _pyobjects.map_class(__salt__),
        "salt": _pyobjects.Functions(__salt__),
        "pillar": __salt__["pillar.get"],
        "grains": __salt__["grains.get"],
        "mine": __salt__.get("mine.get"),
        "config": __salt__.get("config.get"),
        "__salt__": __salt__,
        "__pillar__": __pillar__,
        "__grains__": __grains__,
        "__opts__": __opts__,
        "__sls__": sls,
    }


def _with_imports(
    text: str, scope: Dict[str, Any], registry: _pyobjects.Registry, saltenv: str
) -> Tuple[str, Dict[str, Any]]:
    """The text without its imports of `salt://` files, and the scope with what they bring."""
    names, lines = dict(scope), []
    for line in text.splitlines():
        whole, part = _IMPORT.match(line), _FROM.match(line)
        if whole:
            url = whole.group(1)
            name = os.path.splitext(os.path.basename(url))[0]
            names[name] = SimpleNamespace(**_import(url, scope, registry, saltenv))
        elif part:
            _import_names(part.group(1), part.group(2), names, _import(part.group(1), scope, registry, saltenv))
        lines.append("" if whole or part else line)  # an empty line keeps the line numbers right
    return "\n".join(lines), names


def _import(url: str, scope: Dict[str, Any], registry: _pyobjects.Registry, saltenv: str) -> Dict[str, Any]:
    path = __file_client__.cache_file(url, saltenv)
    if not path:
        raise ImportError(f"Could not find the file '{url}'")
    with open(path, encoding="utf-8") as source:
        text, names = _with_imports(source.read(), scope, registry, saltenv)
    with registry.ignoring():
        exec(compile(text, path, "exec"), names)  # noqa: S102 - it is the operator's own code
    return names


def _import_names(url: str, wanted: str, names: Dict[str, Any], found: Dict[str, Any]) -> None:
    for item in wanted.split(","):
        name, _, alias = (part.strip() for part in item.partition(" as "))
        if name not in found:
            raise ImportError(f"'{name}' was not found in '{url}'")
        names[alias or name] = found[name]
