"""Environment variables of the minion."""

from __future__ import annotations

import os
from typing import Any, Optional

__func_alias__ = {"set_": "set"}


def get(key: str, profile: Any = None) -> Optional[str]:
    """The value of a variable; None if it is not set."""
    return os.environ.get(key)


def set_(key: str, value: str, profile: Any = None) -> str:
    """Sets a variable that is not set, in this process; its value."""
    return os.environ.setdefault(key, value)
