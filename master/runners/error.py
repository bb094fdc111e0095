"""Fails on demand."""

from __future__ import annotations

import builtins
from typing import Any

from minion import errors


def error(name: str | None = None, message: str = "") -> dict[str, Any]:
    """Raises an exception, to see what becomes of it; does nothing if none is named.

    Args:
        name: a class of Python's or Salt's.
        message: what it says.

    CLI Example:

    .. code-block:: bash

        salt-run error.error name=CommandExecutionError message='it broke'
    """
    if name is None:
        return {}
    short = str(name).rpartition(".")[2]
    kind = getattr(errors, short, None) or getattr(builtins, short, None)
    raise (kind if isinstance(kind, type) and issubclass(kind, Exception) else Exception)(message)
