"""`table`: lists of rows as tables with rules around them."""

from __future__ import annotations

import dataclasses
from itertools import zip_longest
from typing import Any, Iterator, List, Mapping, Optional, Sequence

from minion.output.settings import Settings
from minion.output.text import palette, printable_data

_JUSTIFY = {"center": str.center, "right": str.rjust, "left": str.ljust}

Row = Sequence[Any]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a table looks; each is an option `out.table.NAME`."""

    has_header: bool = True
    row_delimiter: str = "-"
    delim: str = " | "
    justify: str = "center"
    separate_rows: bool = True
    prefix: str = "| "
    suffix: str = " |"
    width: int = 50
    nested_indent: int = 0
    rows_key: Optional[str] = None
    labels_key: Optional[str] = None
    title: Optional[str] = None


def output(data: Any, settings: Settings) -> str:
    """Every list of rows in the data as a table below the key it stands under."""
    known = {field.name for field in dataclasses.fields(Layout)}
    layout = Layout(**{key: value for key, value in settings.table.items() if key in known and value is not None})
    return show(data, layout, settings)


def show(data: Any, layout: Layout, settings: Settings) -> str:
    """The tables of some data in a layout."""
    tables = _Tables(layout, settings)
    indent = settings.nested_indent or layout.nested_indent
    lines = [tables.line(indent, "WHITE", layout.title, "\n")] if layout.title and layout.rows_key else []
    lines.extend(tables.lines(printable_data(data, settings), indent))
    return "\n".join(lines)


class _Tables:
    def __init__(self, layout: Layout, settings: Settings) -> None:
        self._layout = layout
        self._colors = palette(settings)

    def line(self, indent: int, color: str, text: str, after: str = "") -> str:
        return f"{' ' * indent}{self._colors[color]}{text}{self._colors['ENDC']}{after}"

    def lines(self, data: Any, indent: int) -> Iterator[str]:
        """Looks for rows; with `rows_key` only for those below that key."""
        wanted = self._layout.rows_key
        if isinstance(data, (list, tuple)) and not wanted:
            yield from self._table(data, None, indent)
        elif isinstance(data, dict) and wanted and wanted not in data:
            for key in sorted(data):
                yield from self.lines(data[key], indent)
        elif isinstance(data, dict):
            for key in sorted(data):
                if not wanted or key == wanted:
                    yield from self._entry(data, key, indent)

    def _entry(self, data: Mapping[Any, Any], key: Any, indent: int) -> Iterator[str]:
        layout = self._layout
        if not layout.rows_key:
            yield self.line(indent, "DARK_GRAY", key, ":")
            yield self.line(indent, "DARK_GRAY", "----------")
        if isinstance(data[key], (list, tuple)):
            yield from self._table(data[key], data.get(layout.labels_key) if layout.labels_key else None, indent)
        else:
            yield from self.lines(data[key], indent + 4)

    def _table(self, rows: Sequence[Any], labels: Any, indent: int) -> Iterator[str]:
        """Rows of one kind (lists, mappings or texts); a mixture is no table."""
        if not rows or any(type(row) is not type(rows[0]) for row in rows):
            return
        if isinstance(labels, dict):
            labels = [labels[key] for key in sorted(labels)]
        if isinstance(rows[0], dict):
            labels = labels or [str(label).replace("_", " ").title() for label in sorted(rows[0])]
            rows = [[str(row[key]) for key in sorted(row)] for row in rows]
        elif isinstance(rows[0], str):
            rows = [[row] for row in rows]
        table = [labels, *rows] if labels else list(rows)
        yield from self._draw(table, bool(labels and self._layout.has_header), indent + 4)

    def _draw(self, table: List[Row], header: bool, indent: int) -> Iterator[str]:
        layout = self._layout
        folded = [self._fold(row) for row in table]
        columns = list(zip_longest(*(line for row in folded for line in row), fillvalue=""))
        widths = [max(len(cell) for cell in column) for column in columns]
        length = len(layout.prefix) + len(layout.suffix) + sum(widths) + len(layout.delim) * (len(widths) - 1)
        rule = self.line(indent, "LIGHT_GRAY", layout.row_delimiter * length)
        justify = _JUSTIFY[layout.justify.lower()]
        if layout.separate_rows:
            yield rule
        for row in folded:
            for line in row:
                padded = [*line, *[""] * (len(widths) - len(line))]
                cells = [justify(cell, width) for cell, width in zip(padded, widths)]
                yield self.line(indent, "WHITE", layout.prefix + layout.delim.join(cells) + layout.suffix)
            if layout.separate_rows or header:
                yield rule
                header = False

    def _fold(self, row: Row) -> List[Sequence[str]]:
        """One row as so many lines as its longest cell needs."""
        return list(zip_longest(*(self._wrap(cell).split("\n") for cell in row), fillvalue=""))

    def _wrap(self, text: str) -> str:
        first, *words = text.split(" ")
        for word in words:
            length = len(first[first.rfind("\n") + 1 :]) + len(word.split("\n", 1)[0])
            first += ("\n" if length >= self._layout.width else " ") + word
        return first
