"""Pillar values are not shown to people who did not ask for them: `pillar.get` from the command line gives stars.

Templates and our own code get the values in the clear: whoever needs them asks inside `in_clear()`, or says
`unmask=True`.
"""

from __future__ import annotations

import contextlib
import contextvars
from typing import Any, Iterator

STARS = "**********"

_clear: contextvars.ContextVar[bool] = contextvars.ContextVar("pillar_in_clear", default=False)


def is_clear() -> bool:
    """Whether pillar values are to be given in the clear here."""
    return _clear.get()


@contextlib.contextmanager
def in_clear() -> Iterator[None]:
    """What runs inside sees pillar values as they are."""
    token = _clear.set(True)
    try:
        yield
    finally:
        _clear.reset(token)


def masked(value: Any) -> Any:
    """The same structure with stars for each value that says something; keys, None and empty values stay."""
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(item) for item in value]
    if isinstance(value, bytes):
        return STARS.encode() if value else value
    return STARS if isinstance(value, (str, int, float)) and value else value
