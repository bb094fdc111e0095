"""Pillar data from the rows of SQL queries, for any database with Python's usual interface.

A query may be text, a list `[query, depth]`, or a mapping:

    query: SELECT role, name, value FROM settings WHERE minion_id = %s
    depth: 2             # how many leading columns become keys of nested mappings; 0: all but the last
    as_list: True        # values that collide become lists, instead of the later ones winning
    with_lists: '1,3'    # columns whose values become lists instead of mappings
    ignore_null: True    # NULL replaces nothing
    as_json: True        # each row is one JSON document; they are merged

Queries given by name put their data below that name.
"""

from __future__ import annotations

import datetime
import json
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple, Union

from minion.errors import CommandExecutionError
from minion.merging import update


class Query(NamedTuple):
    """One query and how its rows become nested data."""

    text: str
    depth: int
    as_list: bool
    as_json: bool
    with_lists: List[int]
    ignore_null: bool


def fetch(cursor: Any, minion_id: str, queries: Sequence[Any], named: Mapping[str, Any]) -> Dict[str, Any]:
    """The data of all queries; each gets the minion id as its only parameter."""
    result: Dict[str, Any] = {}
    for root, query in _read(queries, named):
        cursor.execute(query.text, (minion_id,))
        columns = [column[0] for column in cursor.description]
        target = result
        if root:
            target = result[root] = {}
        add_rows(target, query, columns, [[_plain(value) for value in row] for row in cursor.fetchall()])
    return result


def _plain(value: Any) -> Any:
    """A value that can be sent: what databases have besides numbers, text and dates becomes text."""
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    known = (str, bytes, bool, int, float, datetime.datetime, datetime.date, dict, list, type(None))
    return value if isinstance(value, known) else str(value)


def _read(queries: Sequence[Any], named: Mapping[str, Any]) -> Iterator[Tuple[str, Query]]:
    for name, given in [*(("", item) for item in queries), *sorted(named.items())]:
        if isinstance(given, (list, tuple)):
            given = dict(zip(("query", "depth"), given))
        settings = {"query": given} if isinstance(given, str) else dict(given or {})
        if settings.get("query"):
            yield (
                name,
                Query(
                    settings["query"],
                    int(settings.get("depth") or 0),
                    bool(settings.get("as_list")),
                    bool(settings.get("as_json")),
                    _numbers(settings.get("with_lists") or []),
                    bool(settings.get("ignore_null")),
                ),
            )


def _numbers(value: Union[str, int, List[Any]]) -> List[int]:
    return [int(part) for part in (value if isinstance(value, list) else str(value).split(","))]


def add_rows(target: Dict[Any, Any], query: Query, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Adds rows to nested data."""
    if query.as_json and len(columns) == 1:
        for row in rows:
            update(target, _document(row[0]), merge_lists=query.as_list)
        return
    nesting = _Nesting(target, query, columns)
    for row in rows:
        nesting.add(row)
    nesting.make_lists()


def _document(value: Any) -> Dict[str, Any]:
    """A JSON document, which some databases have parsed already."""
    document = json.loads(value) if isinstance(value, (str, bytes, bytearray)) else value
    if not isinstance(document, dict):
        raise CommandExecutionError(f"as_json rows must decode to a dict, got {type(document).__name__}")
    return document


class _Nesting:
    """Rows on their way into nested mappings."""

    def __init__(self, target: Dict[Any, Any], query: Query, columns: Sequence[str]) -> None:
        self._target, self._query, self._columns = target, query, columns
        last = len(columns) - 1
        self._depth = query.depth if 0 < query.depth < len(columns) else last
        self._to_list: Dict[int, Tuple[Dict[Any, Any], Dict[Any, None]]] = {}  # mapping -> keys that become lists

    def add(self, row: Sequence[Any]) -> None:
        here = self._target
        for column in range(self._depth - 1):
            self._mark(here, row[column], column)
            here = self._into(here, row[column])
        if self._depth == len(row) - 1:
            self._set(here, row[-2] if len(row) > 1 else row[0], row[-1], self._depth in self._query.with_lists)
            return
        key = row[self._depth - 1]
        self._mark(here, key, self._depth - 1)
        here = here.setdefault(key, {})
        for column in range(self._depth, len(row)):
            name = self._columns[column]
            self._mark(here, name, column)
            self._set(here, name, row[column], False)

    def _mark(self, mapping: Dict[Any, Any], key: Any, column: int) -> None:
        if column + 1 in self._query.with_lists:
            self._to_list.setdefault(id(mapping), (mapping, {}))[1][key] = None

    def _into(self, here: Dict[Any, Any], key: Any) -> Dict[Any, Any]:
        """The mapping below a key; what is in its way is replaced, or kept beside it in a list."""
        present = here.get(key)
        if isinstance(present, dict):
            return present
        inner: Dict[Any, Any] = {}
        if isinstance(present, list):
            present.append(inner)
        else:
            here[key] = [present, inner] if self._query.as_list and key in here else inner
        return inner

    def _set(self, here: Dict[Any, Any], key: Any, value: Any, listed: bool) -> None:
        if listed or (self._query.as_list and key in here):
            present = here.get(key, [])
            here[key] = [*(present if isinstance(present, list) else [present]), value]
        elif value is not None or not self._query.ignore_null:
            here[key] = value

    def make_lists(self) -> None:
        """The inner ones first."""
        for mapping, keys in reversed(list(self._to_list.values())):
            for key in keys:
                inner = mapping.get(key)
                if isinstance(inner, dict):
                    mapping[key] = list(inner.values())
                elif isinstance(inner, list):
                    mapping[key] = [inner]
