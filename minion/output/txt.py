"""`txt`: each line of a result behind the minion's name, for the output of shell commands."""

from __future__ import annotations

import pprint
from typing import Any, Iterator, Mapping

from minion.output.settings import Settings
from minion.output.text import printable


def output(data: Any, settings: Settings) -> str:
    """`minion: line` for each line."""
    if isinstance(data, Mapping):
        return "\n".join(printable(line, settings.strip_colors) for line in _lines(data))
    return printable(data if isinstance(data, str) else pprint.pformat(data), settings.strip_colors)


def _lines(data: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in data.items():
        for line in value.splitlines() if isinstance(value, (str, bytes)) else [value]:
            yield f"{key}: {line!r}" if isinstance(line, bytes) else f"{key}: {line}"
