"""`newline_values_only`: the results without the names of the minions, one on each line."""

from __future__ import annotations

from typing import Any, Iterator

from minion.output.settings import Settings
from minion.output.text import printable


def output(data: Any, settings: Settings) -> str:
    """Each result, and each item of a result that is a list, on a line of its own."""
    return "\n".join(printable(str(value), settings.strip_colors) for value in _values(data))


def _values(data: Any) -> Iterator[Any]:
    for value in data.values():
        if isinstance(value, list):
            yield from value
        else:
            yield value
