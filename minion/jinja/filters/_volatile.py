"""Filters whose result is not a function of their input."""

from __future__ import annotations

import functools
from typing import Any, Callable

import jinja2


def volatile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keeps Jinja from computing the filter of a constant when it compiles: compiled templates are reused."""

    @jinja2.pass_context
    @functools.wraps(function)
    def in_context(_context: Any, *args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return in_context
