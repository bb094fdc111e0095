"""Filters whose result is not a function of their input."""

from __future__ import annotations

import functools
from typing import Any, Callable

import jinja2

from minion import inputs


def volatile(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keeps Jinja from computing the filter of a constant when it compiles, since compiled templates are reused; and
    tells that the result of the template is none to keep.
    """

    @jinja2.pass_context
    @functools.wraps(function)
    def in_context(_context: Any, *args: Any, **options: Any) -> Any:
        inputs.volatile(f"the filter {function.__name__}")
        return function(*args, **options)

    return in_context
