"""Calls the function here and now."""

from __future__ import annotations

from typing import Any, Callable, Dict, List


def execute(opts: Dict[str, Any], data: Dict[str, Any], func: Callable[..., Any], args: List[Any], kwargs: Any) -> Any:
    """Calls the function and returns what it returns.

    CLI Example:

    .. code-block:: bash

        salt --module-executors='[direct_call]' '*' test.ping
    """
    return func(*args, **kwargs)
