"""Salt's tests: `{% if x is match("^a") %}`."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict


def pattern_flags(ignorecase: bool, multiline: bool) -> int:
    """Flags for `re`, as filters and tests take them."""
    return (re.I if ignorecase else 0) | (re.M if multiline else 0)


def match(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> bool:
    """Does the text begin with what the pattern describes?"""
    return bool(re.compile(rgx, pattern_flags(ignorecase, multiline)).match(text))


def equalto(value: Any, other: Any) -> bool:
    """Are they equal?"""
    return bool(value == other)


def is_list(value: Any) -> bool:
    """Is it a list?"""
    return isinstance(value, list)


TESTS: Dict[str, Callable[..., bool]] = {"match": match, "equalto": equalto, "list": is_list}
