"""Merging nested data: pillar sources, defaults, map files."""

from __future__ import annotations

import copy
import logging
from collections import OrderedDict
from collections.abc import Mapping as MappingType
from typing import Any, Dict, List, Mapping, Tuple, Union

log = logging.getLogger(__name__)

_PLAIN = frozenset((str, int, bool, float, bytes, type(None)))
Level = Union[bool, int, List[Any], str, Tuple[Any, ...]]


def update(
    dest: Any, upd: Mapping[Any, Any], recursive_update: bool = True, merge_lists: bool = False, strict: bool = False
) -> Any:
    """Merges `upd` into `dest`, in place, and returns `dest`.

    Args:
        recursive_update: mappings below the top are merged too; otherwise they are replaced.
        merge_lists: lists are joined without doubles; otherwise replaced.
        strict: with merge_lists, a mapping may not replace a list.
    """
    if not isinstance(dest, MappingType) or not isinstance(upd, MappingType):
        raise TypeError("Cannot update using non-dict types in dictupdate.update()")
    target: Any = dest
    for key, value in upd.items():
        present = target.get(key) if recursive_update else None
        if isinstance(present, MappingType) and isinstance(value, MappingType):
            target[key] = update(present, value, merge_lists=merge_lists)
        elif merge_lists and isinstance(present, list) and isinstance(value, list):
            target[key] = _joined(present, value)
        elif strict and merge_lists and isinstance(present, list) and isinstance(value, MappingType):
            raise TypeError(f"Cannot merge a mapping with the keys {list(value)} into the list under {key!r}")
        else:
            target[key] = value
    return target


def _joined(first: List[Any], second: List[Any]) -> List[Any]:
    joined = copy.deepcopy(first)
    joined.extend(item for item in second if item not in joined)
    return joined


def merge_list(first: Mapping[Any, Any], second: Mapping[Any, Any]) -> Dict[Any, Any]:
    """Values of keys that both have become a list of the two; keys that only `second` has are left out."""
    return {key: [value, second[key]] if key in second else value for key, value in first.items()}


def merge_recurse(first: Any, second: Mapping[Any, Any], merge_lists: bool = False) -> Any:
    """`update` on a copy."""
    return update(_copied(first), second, merge_lists=merge_lists)


def _copied(value: Any) -> Any:
    """A deep copy; data as YAML and JSON give it is copied several times faster than by the library."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict or kind is OrderedDict:
        return kind((key, _copied(item)) for key, item in value.items())
    if kind is list:
        return [_copied(item) for item in value]
    return copy.deepcopy(value)


def merge_overwrite(first: Any, second: Mapping[Any, Any], merge_lists: bool = False) -> Any:
    """Top-level keys that both have are taken from `second`, unmerged."""
    for key in second:
        if key in first:
            first[key] = second[key]
    return merge_recurse(first, second, merge_lists=merge_lists)


def merge(first: Any, second: Any, strategy: str = "smart", renderer: str = "yaml", merge_lists: bool = False) -> Any:
    """Merges by a named strategy: smart, recurse, list, aggregate, overwrite or none."""
    if strategy == "smart":
        aggregates = renderer.split("|")[-1] == "yamlex" or renderer.startswith("yamlex_")
        strategy = "aggregate" if aggregates else "recurse"
    if strategy == "list":
        return merge_list(first, second)
    if strategy == "aggregate":
        return aggregate(first, second, level=1)
    if strategy == "overwrite":
        return merge_overwrite(first, second, merge_lists)
    if strategy == "none":
        return merge_recurse(first, second)
    if strategy != "recurse":
        log.warning("Unknown merging strategy '%s', fallback to recurse", strategy)
        return merge_recurse(first, second)
    return merge_recurse(first, second, merge_lists)


class Aggregate:
    """Marks a value that is joined with its like instead of being replaced."""


class AggregatedMap(OrderedDict, Aggregate):  # type: ignore[type-arg]
    """A mapping marked `!aggregate`."""


class AggregatedSequence(list, Aggregate):  # type: ignore[type-arg]
    """A list marked `!aggregate`."""


def mark(value: Any) -> Any:
    """The value, marked for aggregation."""
    if isinstance(value, Aggregate):
        return value
    if isinstance(value, dict):
        return AggregatedMap(value)
    return AggregatedSequence(value if isinstance(value, (list, tuple, set)) else [value])


def aggregate(first: Any, second: Any, level: Level = False) -> Any:
    """Merges `second` into `first` as far as both are marked; `level` marks that many levels from the top."""
    here, below = _levels(level)
    if here:
        first, second = mark(first), mark(second)
    if isinstance(first, dict) and isinstance(second, dict):
        both = isinstance(first, Aggregate) and isinstance(second, Aggregate)
        result = copy.copy(first if both else second)
        for key, value in second.items():
            result[key] = aggregate(first[key], value, below) if key in first else value
        return result
    if isinstance(first, AggregatedSequence) and isinstance(second, AggregatedSequence):
        return type(first)([*first, *(item for item in second if item not in first)])
    return copy.copy(second)


def _levels(level: Level) -> Tuple[bool, Level]:
    """Whether this level is marked, and the rest for the levels below."""
    if isinstance(level, bool):
        return level, level
    if not level:
        return False, False
    if isinstance(level, int):
        return True, level - 1
    return bool(int(level[0])), level[1:]
