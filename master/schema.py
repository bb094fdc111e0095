"""What the fields of a request may be: type, size, characters. Unknown fields are dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from transports import names
from transports.errors import NameRefused

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)))
MAX_TEXT = 4096
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class SchemaError(Exception):
    """A field that is missing or not acceptable. The peer gets the empty answer; the message is for the log."""


@dataclass(frozen=True)
class Field:
    """One field of a request.

    Attributes:
        check: returns the acceptable value, or raises ValueError, TypeError or NameRefused.
        required: whether the request is refused without it.
        default: its value when it is absent.
    """

    check: Callable[[Any], Any]
    required: bool = False
    default: Any = None


def apply(schema: Mapping[str, Field], load: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of a load, checked.

    Raises:
        SchemaError: one is missing or not acceptable.
    """
    fields = {}
    for name, field in schema.items():
        value = load.get(name)
        if value is None:
            if field.required:
                raise SchemaError(f"field {name} is missing")
            fields[name] = field.default
            continue
        try:
            fields[name] = field.check(value)
        except (ValueError, TypeError, NameRefused) as exc:
            raise SchemaError(f"field {name}: {exc}") from None
    return fields


def text(value: Any) -> str:
    """Text of at most 4096 characters without control characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError("not a text of at most 4096 characters")
    if value.translate(_CONTROLS) != value:
        raise ValueError("a text with control characters")
    return value


def sha256(value: Any) -> str:
    """A SHA-256 hash, in lower-case hex digits."""
    if not isinstance(value, str) or not _SHA256.fullmatch(value):
        raise ValueError("not a SHA-256 hash")
    return value


def whole(low: int, high: int) -> Callable[[Any], int]:
    """An integer within bounds."""

    def check(value: Any) -> int:
        if type(value) is not int or not low <= value <= high:
            raise ValueError(f"not an integer from {low} to {high}")
        return value

    return check


def number(low: float, high: float) -> Callable[[Any], float]:
    """A number within bounds; decimal text is accepted."""

    def check(value: Any) -> float:
        if isinstance(value, bool) or not low <= float(value) <= high:
            raise ValueError(f"not a number from {low:g} to {high:g}")
        return float(value)

    return check


def flag(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, int)):
        raise ValueError("not True or False")
    return bool(value)


def mapping(value: Any) -> dict[Any, Any]:
    """A map of free data."""
    if not isinstance(value, dict):
        raise ValueError("not a map")
    return value


def sequence(value: Any) -> list[Any]:
    """A list of free data."""
    if not isinstance(value, list):
        raise ValueError("not a list")
    return value


def anything(value: Any) -> Any:
    """Free data: sizes and depth were limited when it was unpacked."""
    return value


def text_or_list(value: Any) -> str | list[str]:
    """A text, or a list of texts."""
    if isinstance(value, list):
        return [text(item) for item in value]
    return text(value)


environment = names.saltenv
"""The name of an environment; whether it exists is the file server's to say."""
