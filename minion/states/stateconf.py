"""What the stateconf renderer leaves behind in the states: it does nothing."""

from __future__ import annotations

from typing import Any, Dict

__func_alias__ = {"set_": "set"}


def set_(name: str, **kwargs: Any) -> Dict[str, Any]:
    """Holds values that the stateconf renderer has read.

    Args:
        name: any text.
        kwargs: the values.
    """
    return {"name": name, "result": True, "changes": {}, "comment": ""}


def context(name: str, **kwargs: Any) -> Dict[str, Any]:
    """Holds values that the stateconf renderer has read.

    Args:
        name: any text.
        kwargs: the values.
    """
    return set_(name)
