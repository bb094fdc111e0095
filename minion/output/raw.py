"""`raw`: the data as Python writes it, on one line."""

from __future__ import annotations

from typing import Any

from minion.output.settings import Settings
from minion.output.text import printable


def output(data: Any, settings: Settings) -> str:
    """Text as it is, unless it goes to a terminal; anything else by its `str`."""
    if not isinstance(data, str):
        return str(data)
    return printable(data) if settings.terminal else data
