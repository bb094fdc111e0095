"""Filters of text, numbers and dates."""

from __future__ import annotations

import datetime
import io
import re
import shlex
import sys
import uuid
from typing import Any, Callable, Dict, Optional, Tuple, Union

import yaml

from minion.data import check_whitelist_blacklist
from minion.jinja.filters._volatile import volatile
from minion.jinja.tests import pattern_flags

_UUID_NAMESPACE = uuid.UUID("91633EBF-1C86-5E33-935A-28061F4B480E")  # of Salt: the same text gives the same uuid


def to_bool(value: Any) -> bool:
    """ "yes", "1" and "true", numbers above zero and collections that are not empty are true."""
    if isinstance(value, str):
        return value.lower() in ("yes", "1", "true")
    if isinstance(value, int):
        return value > 0
    if isinstance(value, (list, dict, set)):
        return len(value) > 0
    return False


def to_num(value: Any) -> Any:
    """Text as an integer or float if it is one."""
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            pass
    return value


def quote(value: str) -> str:
    """Quoted for a shell."""
    return shlex.quote(value)


def skip(_value: Any) -> str:
    """Nothing."""
    return ""


def _found_groups(found: Any) -> Optional[Tuple[Any, ...]]:
    return (found.groups() or (found.group(),)) if found else None


def regex_search(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> Optional[Tuple[Any, ...]]:
    """The groups of the first match anywhere, or the whole match if the pattern has none."""
    return _found_groups(re.search(rgx, text, pattern_flags(ignorecase, multiline)))


def regex_match(text: str, rgx: str, ignorecase: bool = False, multiline: bool = False) -> Optional[Tuple[Any, ...]]:
    """The groups of a match at the beginning."""
    return _found_groups(re.match(rgx, text, pattern_flags(ignorecase, multiline)))


def regex_replace(text: str, rgx: str, val: str, ignorecase: bool = False, multiline: bool = False) -> str:
    """Every match replaced."""
    return re.compile(rgx, pattern_flags(ignorecase, multiline)).sub(val, text)


def uuid5(value: Any) -> str:
    """A UUID that belongs to the text."""
    return str(uuid.uuid5(_UUID_NAMESPACE, value.decode() if isinstance(value, bytes) else value))


def is_hex(value: Any) -> bool:
    """Is it a hexadecimal number?"""
    try:
        int(value, 16)
    except (TypeError, ValueError):
        return False
    return True


def contains_whitespace(value: str) -> bool:
    """Does it have any white space?"""
    return any(char.isspace() for char in value)


def human_to_bytes(size: Any, default_unit: str = "B", handle_metric: bool = False) -> int:
    """`2G` as a number of bytes; 0 if it can't be read. With `handle_metric` MB means a million bytes, MiB 2**20."""
    found = re.match(r"([0-9.]*)\s*(.*)$", str(size).strip())
    number, unit = (found.group(1), found.group(2).lower() or default_unit.lower()) if found else ("", "")
    try:
        value: Union[int, float] = float(number) if "." in number else int(number)
    except ValueError:
        return 0
    if not re.fullmatch(r"b|[kmgtpezy](i?b)?", unit):
        return 0
    power = "bkmgtpezy".index(unit[0])
    decimal = handle_metric and re.fullmatch(r"[kmgtpezy]b", unit)
    return int(value * (10 ** (power * 3) if decimal else 2 ** (power * 10)))


def to_snake_case(value: str) -> str:
    """camelCase as camel_case."""
    result = value[0].lower()
    for index, letter in enumerate(value[1:], 1):
        ends_word = value[index - 1].islower() or value[index + 1 : index + 2].islower()
        result += ("_" if letter.isupper() and ends_word else "") + letter.lower()
    return result


def to_camelcase(value: str, uppercamel: bool = False) -> str:
    """snake_case as snakeCase, or SnakeCase."""
    first, *others = value.split("_")
    return (first.capitalize() if uppercamel else first) + "".join(word.capitalize() for word in others)


def to_bytes(value: Any, encoding: str = "utf-8", errors: str = "strict") -> bytes:
    """Text as bytes."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return bytes(value, encoding or "utf-8", errors)


def strftime(date: Any = None, format: str = "%Y-%m-%d") -> str:
    """A date given as datetime, seconds since 1970 or ISO text, in the given format; now if nothing is given."""
    return _datetime_of(date).strftime(format)


def _datetime_of(date: Any) -> datetime.datetime:
    if date is None:
        return datetime.datetime.now()
    if isinstance(date, datetime.datetime):
        return date
    try:
        return datetime.datetime.fromtimestamp(float(date))
    except (TypeError, ValueError, OverflowError, OSError):
        pass
    try:
        return datetime.datetime.fromisoformat(str(date).strip().replace("/", "-"))
    except ValueError:
        raise RuntimeError(f"Unable to parse {date}. Consider an ISO date or seconds since 1970") from None


def yaml_dquote(value: Any) -> str:
    """In YAML's double quotes."""
    return _emitted("write_double_quoted", value)


def yaml_squote(value: Any) -> str:
    """In YAML's single quotes."""
    return _emitted("write_single_quoted", value)


def _emitted(style: str, value: Any) -> str:
    stream = io.StringIO()
    emitter = yaml.emitter.Emitter(stream, width=sys.maxsize)
    getattr(emitter, style)(str(value))
    return stream.getvalue()


def yaml_encode(value: Any) -> str:
    """A scalar as YAML writes it, text in double quotes."""
    node: Any = yaml.representer.SafeRepresenter().represent_data(value)
    if not isinstance(node, yaml.ScalarNode):
        raise TypeError(f"yaml_encode() only works with YAML scalar data; failed for {type(value)}")
    return yaml_dquote(node.value) if node.tag.endswith(":str") else str(node.value)


FILTERS: Dict[str, Callable[..., Any]] = {
    "check_whitelist_blacklist": check_whitelist_blacklist,
    "contains_whitespace": contains_whitespace,
    "date_format": volatile(strftime),
    "human_to_bytes": human_to_bytes,
    "is_hex": is_hex,
    "quote": quote,
    "regex_escape": re.escape,
    "regex_match": regex_match,
    "regex_replace": regex_replace,
    "regex_search": regex_search,
    "skip": skip,
    "str_to_num": to_num,
    "strftime": volatile(strftime),
    "to_bool": to_bool,
    "to_bytes": to_bytes,
    "to_camelcase": to_camelcase,
    "to_num": to_num,
    "to_snake_case": to_snake_case,
    "uuid": uuid5,
    "yaml_dquote": yaml_dquote,
    "yaml_encode": yaml_encode,
    "yaml_squote": yaml_squote,
}
