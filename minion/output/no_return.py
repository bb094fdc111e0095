"""`no_return`: which minions did not answer, in red."""

from __future__ import annotations

from typing import Any, Iterator

from minion.output.settings import Settings
from minion.output.text import palette, printable_data


def output(data: Any, settings: Settings) -> str:
    """Each minion with the sentence about it below."""
    colors = palette(settings)

    def lines(item: Any, indent: int) -> Iterator[str]:
        space = " " * indent
        if isinstance(item, str):
            for line in item.split("\n"):
                yield f"{colors['RED']}{space}{line}{colors['ENDC']}"
        elif isinstance(item, dict):
            for key in sorted(item):
                yield f"{colors['CYAN']}{space}{key}{colors['ENDC']}:"
                yield from lines(item[key], indent + 4)

    return "\n".join(lines(printable_data(data, settings), 0))
