"""Looking into nested data: the small functions that grains, pillar, config, templates and states share."""

from __future__ import annotations

import copy
import fnmatch
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple, Union

from minion.arguments import typed
from minion.errors import SaltException
from minion.merging import update

DEFAULT_DELIMITER = ":"
_MISSING: Any = object()


def is_true(value: Any) -> bool:
    """Whether a value that may come from a command line means yes."""
    return value.lower() == "true" if isinstance(value, str) else bool(value)


def traverse(
    data: Any,
    key: Union[str, int, Sequence[Any]],
    default: Any = None,
    delimiter: str = DEFAULT_DELIMITER,
) -> Any:
    """What lies at `a:b:0` in nested mappings and lists; the default if it is not there.

    In a list a number is an index and anything else is looked for in the mappings that the list holds. A key that is
    missing as text is tried as the number, boolean or null that YAML would read.
    """
    if isinstance(key, str):
        steps: Sequence[Any] = key.split(delimiter)
    elif isinstance(key, int):
        steps = [key]
    else:
        steps = key
    for step in steps:
        try:
            data = _step_into_list(data, step) if isinstance(data, list) else _step_into_mapping(data, step)
        except (KeyError, IndexError, TypeError, ValueError):
            return default
    return data


def _step_into_list(data: List[Any], step: Any) -> Any:
    try:
        wanted = int(step)
    except ValueError:
        wanted = step
    for embedded in data:
        if isinstance(embedded, dict) and wanted in embedded:
            return embedded[wanted]
    return data[wanted]


def _step_into_mapping(data: Any, step: Any) -> Any:
    try:
        return data[step]
    except KeyError:
        return data[typed(step)]


def traverse_mappings(data: Any, key: str, default: Any = None, delimiter: str = DEFAULT_DELIMITER) -> Any:
    """Like `traverse`, but lists are not looked into."""
    try:
        for step in key.split(delimiter):
            data = data[step]
    except (KeyError, IndexError, TypeError):
        return default
    return data


def chosen_parts(data: Mapping[Any, Any], paths: Iterable[Any], delimiter: str = DEFAULT_DELIMITER) -> Dict[Any, Any]:
    """The parts of nested data that lie at `a:b`, ..., where they lie; what is missing is left out."""
    chosen: Dict[Any, Any] = {}
    for path in map(str, paths):
        part = traverse_mappings(data, path, _MISSING, delimiter)
        if part is not _MISSING:
            for key in reversed(path.split(delimiter)):
                part = {key: part}
            update(chosen, part, merge_lists=True)
    return chosen


def ensure_path(data: Dict[Any, Any], key: str, delimiter: str = DEFAULT_DELIMITER) -> Tuple[Dict[Any, Any], str]:
    """The mapping that holds the last part of `key`, made on the way if need be, and that last part."""
    *parents, last = key.split(delimiter)
    for parent in parents:
        if not isinstance(data.get(parent), dict):
            data[parent] = {}
        data = data[parent]
    return data, last


def filter_by(
    lookup: Mapping[Any, Any],
    key: str,
    source: Any,
    merge: Optional[Mapping[str, Any]] = None,
    default: Any = "default",
    base: Optional[str] = None,
) -> Any:
    """The value of `lookup` whose key, a glob, matches what `source` has at `key`; see `grains.filter_by`."""
    present = traverse(source, key, [])
    found = _first_match(lookup, present if isinstance(present, list) else [present])
    if found is None:
        found = lookup.get(default)
    if base and base in lookup:
        found = _on_base(lookup[base], found)
    if not merge:
        return found
    if not isinstance(merge, Mapping):
        raise SaltException("filter_by merge argument must be a dictionary.")
    return merge if found is None else update(found, copy.deepcopy(merge))


def _first_match(lookup: Mapping[Any, Any], values: Iterable[Any]) -> Any:
    for value in values:
        for pattern in lookup:
            if fnmatch.fnmatchcase(str(value), str(pattern)):
                choice = lookup[pattern]
                if choice is not None:
                    return choice
                break
    return None


def _on_base(base: Any, found: Any) -> Any:
    if found is None or not isinstance(base, Mapping):
        return base if found is None else found
    if not isinstance(found, Mapping):
        raise SaltException("filter_by default and look-up values must both be dictionaries.")
    return update(copy.deepcopy(base), found)


def is_iterable(value: Any, ignore: Any = (str,)) -> bool:
    """Can it be iterated over, and is it none of the ignored types (by default text)?"""
    if ignore and isinstance(value, ignore):
        return False
    try:
        iter(value)
    except TypeError:
        return False
    return True


def is_dictlist(data: Any) -> bool:
    """Is it a list of one-element mappings, the way SLS files write arguments?"""
    return isinstance(data, list) and all(isinstance(item, dict) and len(item) == 1 for item in data)


def repack_dictlist(data: Any, recurse: bool = False) -> Dict[Any, Any]:
    """`[a, {b: 1}]` as `{a: None, b: 1}`; empty if the data does not have this form."""
    if not isinstance(data, list):
        return {}
    result: Dict[Any, Any] = {}
    for item in data:
        if isinstance(item, (str, int, float)):
            result[item] = None
        elif isinstance(item, dict) and len(item) == 1:
            ((key, value),) = item.items()
            result[key] = repack_dictlist(value, recurse=True) if recurse and is_dictlist(value) else value
        else:
            return {}
    return result


def flatten(
    data: Iterable[Any], levels: Optional[int] = None, preserve_nulls: bool = False, _inside: Tuple[int, ...] = ()
) -> List[Any]:
    """The items of nested lists as one list, at most `levels` deep."""
    if id(data) in _inside:
        raise RecursionError("Reference cycle detected. Check input list.")
    inside = _inside + (id(data),)
    result: List[Any] = []
    for item in data:
        if not preserve_nulls and item in (None, "None", "null"):
            continue
        if is_iterable(item) and (levels is None or levels >= 1):
            deeper = None if levels is None else int(levels) - 1
            result.extend(flatten(item, deeper, preserve_nulls, inside))
        else:
            result.append(item)
    return result


def compare_dicts(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Dict[Any, Dict[str, Any]]:
    """What changed from one mapping to another, as `{key: {"old": ..., "new": ...}}`."""
    missing = object()
    changes = {}
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key, missing), new.get(key, missing)
        if before is missing or after is missing or before != after:
            changes[key] = {"old": "" if before is missing else before, "new": "" if after is missing else after}
    return changes


def compare_lists(old: Sequence[Any], new: Sequence[Any]) -> Dict[str, List[Any]]:
    """What one list has that the other has not, as `{"old": [...], "new": [...]}`."""
    changes = {"new": [item for item in new if item not in old], "old": [item for item in old if item not in new]}
    return {side: items for side, items in changes.items() if items}


def check_whitelist_blacklist(
    value: str, whitelist: Union[str, Iterable[str], None] = None, blacklist: Union[str, Iterable[str], None] = None
) -> bool:
    """Does it match the whitelist, if there is one, and not the blacklist? Entries are globs or regular expressions."""
    allowed, refused = _patterns("whitelist", whitelist), _patterns("blacklist", blacklist)
    if refused and any(_expression_matches(value, pattern) for pattern in refused):
        return False
    return not allowed or any(_expression_matches(value, pattern) for pattern in allowed)


def _patterns(what: str, patterns: Any) -> List[str]:
    if not patterns:
        return []
    if isinstance(patterns, str):
        return [patterns]
    try:
        return list(patterns)
    except TypeError:
        raise TypeError(f"Expecting iterable {what}, but got {type(patterns).__name__} ({patterns})") from None


def _expression_matches(value: str, pattern: str) -> bool:
    if fnmatch.fnmatch(value, pattern):
        return True
    try:
        return bool(re.match(rf"\A{pattern}\Z", value))
    except re.error:
        return False
