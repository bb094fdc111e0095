"""Filters of mappings and nested data."""

from __future__ import annotations

import importlib
from typing import Any, Callable, Dict, Iterable, List

import jinja2
from jinja2.runtime import Context

from minion.data import DEFAULT_DELIMITER, compare_dicts, compare_lists, ensure_path, traverse
from minion.errors import CommandExecutionError, SaltException, SaltInvocationError
from minion.jinja.filters.text import to_num


def set_dict_key_value(
    data: Dict[str, Any], keys: str, value: Any, delimiter: str = DEFAULT_DELIMITER, ordered_dict: bool = False
) -> Dict[str, Any]:
    """Sets what lies at `a:b:c`."""
    parent, last = ensure_path(data, keys, delimiter)
    parent[last] = value
    return data


def update_dict_key_value(
    data: Dict[str, Any], keys: str, value: Any, delimiter: str = DEFAULT_DELIMITER, ordered_dict: bool = False
) -> Dict[str, Any]:
    """Updates the mapping that lies at `a:b:c`."""
    return _change(data, keys, delimiter, {}, "update", value)


def append_dict_key_value(
    data: Dict[str, Any], keys: str, value: Any, delimiter: str = DEFAULT_DELIMITER, ordered_dict: bool = False
) -> Dict[str, Any]:
    """Appends to the list that lies at `a:b:c`."""
    return _change(data, keys, delimiter, [], "append", value)


def extend_dict_key_value(
    data: Dict[str, Any], keys: str, value: Any, delimiter: str = DEFAULT_DELIMITER, ordered_dict: bool = False
) -> Dict[str, Any]:
    """Extends the list that lies at `a:b:c`."""
    return _change(data, keys, delimiter, [], "extend", value)


def _change(data: Dict[str, Any], keys: str, delimiter: str, empty: Any, method: str, value: Any) -> Dict[str, Any]:
    parent, last = ensure_path(data, keys, delimiter)
    if parent.get(last) is None:
        parent[last] = empty
    target = parent[last]
    try:
        change = getattr(target, method)
    except AttributeError:
        raise SaltInvocationError(f"The last key contains a {type(target)}, which cannot {method}.") from None
    try:
        change(value)
    except (ValueError, TypeError):
        raise SaltInvocationError(f"Cannot {method} {type(target)} with a {type(value)}.") from None
    return data


def to_entries(data: Any) -> List[Dict[str, Any]]:
    """A mapping or list as a list of `{key: ..., value: ...}`."""
    if isinstance(data, dict):
        pairs: Iterable[Any] = data.items()
    elif isinstance(data, list):
        pairs = enumerate(data)
    else:
        raise SaltException("Input data must be a dict or list")
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries: Iterable[Dict[str, Any]]) -> Dict[Any, Any]:
    """The mapping of a list of `{key: ..., value: ...}`; `name` does for `key`, in any case."""
    result = {}
    for entry in entries:
        folded = {key.lower(): value for key, value in entry.items()}
        key = folded.get("key") or folded.get("name")
        if key:
            result[key] = folded.get("value")
    return result


def mysql_to_dict(lines: Iterable[str], key: str) -> Dict[Any, Dict[str, Any]]:
    """The table that `mysql` prints, as mappings by the value of one column."""
    result: Dict[Any, Dict[str, Any]] = {}
    headers: List[str] = []
    for line in lines:
        if not line or line.startswith("+"):
            continue
        cells = [cell.strip() for cell in line.split("|")][1:-1]
        if not headers:
            headers = cells
            continue
        row = {header: to_num(cell) for header, cell in zip(headers, cells)}
        result[row[key]] = row
    return result


def json_query(data: Any, expr: str) -> Any:
    """What a JMESPath expression finds; needs the library jmespath."""
    try:
        jmespath: Any = importlib.import_module("jmespath")
    except ImportError:
        raise CommandExecutionError("json_query requires jmespath module installed") from None
    return jmespath.search(expr, data)


def encoded(data: Any) -> Any:
    """All text within as bytes."""
    if isinstance(data, str):
        return data.encode()
    if isinstance(data, dict):
        return {encoded(key): encoded(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [encoded(item) for item in data]
    return data


@jinja2.pass_context
def method_call(context: Context, value: Any, name: str, *args: Any, **options: Any) -> Any:
    """Calls a method by name, as far as the sandbox allows; nothing if there is no such method."""
    method = context.environment.getattr(value, name)
    if isinstance(method, jinja2.Undefined):
        return None
    return context.environment.call(context, method, *args, **options)  # type: ignore[attr-defined]


FILTERS: Dict[str, Callable[..., Any]] = {
    "append_dict_key_value": append_dict_key_value,
    "compare_dicts": compare_dicts,
    "compare_lists": compare_lists,
    "extend_dict_key_value": extend_dict_key_value,
    "from_entries": from_entries,
    "json_decode_dict": encoded,
    "json_decode_list": encoded,
    "json_encode_dict": encoded,
    "json_encode_list": encoded,
    "json_query": json_query,
    "method_call": method_call,
    "mysql_to_dict": mysql_to_dict,
    "set_dict_key_value": set_dict_key_value,
    "to_entries": to_entries,
    "traverse": traverse,
    "update_dict_key_value": update_dict_key_value,
}
