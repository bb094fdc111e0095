"""Defaults of formulas: `NAME/defaults.yaml` or `.json` in the state tree, and merging them."""

from __future__ import annotations

import copy
import json
from typing import Any, Callable, Dict

from minion import merging, yamlio
from minion.data import traverse

__salt__: Dict[str, Callable[..., Any]]


def get(key: str, default: Any = "") -> Any:
    """A default of a formula.

    Args:
        key: `formula:key:key`, or a formula for all of its defaults.
        default: given if there is no such key.

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.get core:users:root
    """
    formula, _, path = key.partition(":")
    defaults = _load(formula)
    return traverse(defaults, path, default) if path else defaults


def _load(formula: str) -> Any:
    for name, read in (("yaml", yamlio.load), ("json", json.loads)):
        path = __salt__["cp.cache_file"](f"salt://{formula}/defaults.{name}")
        if path:
            with open(path, encoding="utf-8") as source:
                return read(source.read()) or {}
    return None


def merge(dest: Any, src: Any, merge_lists: bool = False, in_place: bool = True, convert_none: bool = True) -> Any:
    """Merges defaults with more important values.

    Args:
        dest: the defaults; changed unless `in_place` is false.
        src: the values that win.
        merge_lists: join lists instead of replacing them.
        in_place: change `dest`.
        convert_none: take null for an empty mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.merge '{a: b}' '{d: e}'
    """
    if dest is None and convert_none and in_place:
        raise TypeError("Can't perform in-place merge into NoneType")
    src, dest = (({} if value is None and convert_none else value) for value in (src, dest))
    return merging.update(dest if in_place else copy.deepcopy(dest), src, merge_lists=merge_lists)


def deepcopy(source: Any) -> Any:
    """A copy that shares nothing with its source.

    Args:
        source: any data.

    CLI Example:

    .. code-block:: jinja

        {% set copy = salt["defaults.deepcopy"](source) %}
    """
    return copy.deepcopy(source)


def update(dest: Any, defaults: Any, merge_lists: bool = True, in_place: bool = True, convert_none: bool = True) -> Any:
    """Merges the same defaults below each value of a mapping.

    Args:
        dest: the mapping; changed unless `in_place` is false.
        defaults: for each of its values.
        merge_lists: join lists instead of replacing them.
        in_place: change `dest`.
        convert_none: take null for an empty mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' defaults.update '{ed: {}, joe: {uid: 1000}}' '{shell: /bin/sh}'
    """
    if dest is None and in_place:
        raise TypeError("Can't perform in-place update into NoneType")
    nodes = dest if in_place else copy.deepcopy({} if dest is None and convert_none else dest)
    defaults = {} if defaults is None and convert_none else defaults
    for name, values in nodes.items():
        nodes[name] = merge(copy.deepcopy(defaults), values, merge_lists=merge_lists, convert_none=convert_none)
    return nodes
