"""Looks for `key:subkey:value` in nested data: how targets and filters match grains and pillars."""

from __future__ import annotations

import fnmatch
import logging
import re
from typing import Any, Callable, Mapping

from minion.data import DEFAULT_DELIMITER, traverse

log = logging.getLogger(__name__)

MAX_SEARCHED = 4096  # a minion's own data must not make a regular expression of the operator's endless

Compare = Callable[[Any, str], bool]


def globs(value: Any, pattern: str) -> bool:
    """The value is one that the glob describes, in upper or lower case."""
    return fnmatch.fnmatchcase(str(value).lower(), pattern.lower())


def equals(value: Any, pattern: str) -> bool:
    """The value is this one, in upper or lower case."""
    return str(value).lower() == pattern.lower()


def searches(value: Any, pattern: str) -> bool:
    """The value begins as the regular expression says, in upper or lower case."""
    text = str(value)
    if len(text) > MAX_SEARCHED:
        log.debug("A value of %d characters is not searched for %r", len(text), pattern)
        return False
    try:
        return re.match(pattern, text, re.IGNORECASE) is not None
    except (re.error, OverflowError, RecursionError) as exc:
        log.error("Invalid regex %r in match: %s", pattern, exc)
        return False


def matches_nested(data: Any, expression: str, delimiter: str, compare: Compare) -> bool:
    """Whether `a:b:value` holds in nested data.

    Keys and values may contain the delimiter themselves, so each way to divide the expression into a path and a value
    is tried, the longest path first.
    """
    parts = expression.split(delimiter)
    for count in range(len(parts) - 1, 0, -1):
        path, wanted = delimiter.join(parts[:count]), delimiter.join(parts[count:])
        if path == "*":
            found, wanted = data, expression
        else:
            found = traverse(data, path, {}, delimiter)
        if found != {} and _holds(found, wanted, compare):
            return True
    return False


def _holds(found: Any, wanted: str, compare: Compare) -> bool:
    if isinstance(found, dict):
        return _in_mapping(found, wanted, compare)
    if isinstance(found, (list, tuple)):
        return any(
            (isinstance(item, dict) and _in_mapping(item, wanted, compare)) or compare(item, wanted) for item in found
        )
    return compare(found, wanted)


def _in_mapping(mapping: Mapping[Any, Any], wanted: str, compare: Compare) -> bool:
    """Whether a key is what is wanted or, behind `*:`, anything one level below."""
    below = wanted.startswith("*:")
    wanted = wanted[2:] if below else wanted
    if wanted == "*" or wanted in mapping or any(compare(key, wanted) for key in mapping):
        return True
    if matches_nested(mapping, wanted, DEFAULT_DELIMITER, compare):
        return True
    return below and any(_value_holds(value, wanted, compare) for value in mapping.values())


def _value_holds(value: Any, wanted: str, compare: Compare) -> bool:
    if isinstance(value, dict):
        return _in_mapping(value, wanted, compare)
    if isinstance(value, list):
        return any(compare(item, wanted) for item in value)
    return compare(value, wanted)
