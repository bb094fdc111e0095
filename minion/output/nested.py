"""`nested`: an indented tree; what people see unless they ask for something else."""

from __future__ import annotations

from numbers import Number
from typing import Any, Iterator, List, Mapping, Tuple

from minion.output.settings import Settings
from minion.output.text import decode, palette, printable, printable_data


def output(data: Any, settings: Settings) -> str:
    """The tree, beginning at the column `nested_indent`."""
    return "\n".join(tree(printable_data(data, settings), settings, settings.nested_indent))


def tree(data: Any, settings: Settings, indent: int) -> List[str]:
    """The lines of a tree of printable data."""
    return list(_Tree(settings).lines(data, indent, ""))


class _Tree:
    def __init__(self, settings: Settings) -> None:
        self._colors = palette(settings)
        failed = settings.retcode != 0
        self._list_color = "RED" if failed else "GREEN"
        self._key_color = "RED" if failed else "CYAN"

    def lines(self, data: Any, indent: int, prefix: str) -> Iterator[str]:
        if isinstance(data, Mapping):
            yield from self._mapping(data, indent, prefix)
        elif isinstance(data, (list, tuple)):
            yield from self._sequence(data, indent)
        elif isinstance(data, (set, frozenset)):
            yield from self._sequence(sorted(data, key=str), indent)
        elif data is None or isinstance(data, Number):
            yield self._line(indent, "LIGHT_YELLOW", prefix + repr(data))
        else:
            yield from self._text(_as_text(data), indent, prefix)

    def _line(self, indent: int, color: str, text: str, after: str = "") -> str:
        return f"{' ' * indent}{self._colors[color]}{text}{self._colors['ENDC']}{after}"

    def _text(self, text: str, indent: int, prefix: str) -> Iterator[str]:
        for line in text.splitlines():
            yield self._line(indent, "GREEN", prefix + line)
            prefix = " " * len(prefix)

    def _sequence(self, items: Any, indent: int) -> Iterator[str]:
        for item in items:
            if isinstance(item, (list, tuple, Mapping)):
                yield self._line(indent, self._list_color, "|_")
                yield from self.lines(item, indent + 2, "" if isinstance(item, Mapping) else "- ")
            else:
                yield from self.lines(item, indent, "- ")

    def _mapping(self, data: Mapping[Any, Any], indent: int, prefix: str) -> Iterator[str]:
        if indent:
            yield self._line(indent, self._key_color, "----------")
        for key, value in _in_order(data):
            yield self._line(indent, self._key_color, f"{prefix}{key}", ":")
            yield from self.lines(value, indent + 4, "")


def _in_order(data: Mapping[Any, Any]) -> List[Tuple[Any, Any]]:
    try:
        return sorted(data.items(), key=lambda pair: pair[0])
    except TypeError:  # keys of several types
        by_text = {str(key): value for key, value in data.items()}
        return sorted(by_text.items(), key=lambda pair: pair[0])


def _as_text(data: Any) -> str:
    if isinstance(data, str):
        return data
    return printable(decode(data) if isinstance(data, bytes) else str(data))
