"""Data to text and back, in the formats that `slsutil.serialize` and `file.serialize` offer."""

from __future__ import annotations

import configparser
import importlib
import io
import json
import sys
from typing import Any, Callable, Dict, Mapping, NamedTuple, Union

from minion.errors import CommandExecutionError

Text = Union[str, bytes]


class Format(NamedTuple):
    """One format."""

    serialize: Callable[..., Text]
    deserialize: Callable[..., Any]


def serialize(name: str, data: Any, **options: Any) -> Text:
    """Data as text of a format; options are those of its library.

    Raises:
        CommandExecutionError: there is no such format, or it can't hold the data.
    """
    try:
        return _format(name).serialize(data, **options)
    except (TypeError, ValueError, configparser.Error) as exc:
        raise CommandExecutionError(f"Can't write the data as {name}: {exc}") from exc


def deserialize(name: str, text: Any, **options: Any) -> Any:
    """Data from text, bytes or a file object of a format.

    Raises:
        CommandExecutionError: there is no such format, or the text is not of it.
    """
    text = text.read() if hasattr(text, "read") else text
    try:
        return _format(name).deserialize(text, **options)
    except (TypeError, ValueError, configparser.Error) as exc:
        raise CommandExecutionError(f"Can't read the text as {name}: {exc}") from exc


def is_known(name: str) -> bool:
    """Is there such a format?"""
    return name in _FORMATS


def _format(name: str) -> Format:
    if name not in _FORMATS:
        raise CommandExecutionError(f"Serializer '{name}' not found.")
    return _FORMATS[name]


def _decoded(text: Text) -> str:
    return text.decode("utf-8") if isinstance(text, bytes) else text


def _to_json(data: Any, **options: Any) -> str:
    options.setdefault("ensure_ascii", False)
    return json.dumps(data, **options)


def _from_json(text: Text, **options: Any) -> Any:
    return json.loads(_decoded(text), **options)


def _to_yaml(data: Any, **options: Any) -> str:
    from minion import yamlio

    options.setdefault("Dumper", yamlio.SortingDumper)
    options.setdefault("allow_unicode", False)
    try:
        text: str = yamlio.dump(data, **options)
    except yamlio.YAMLError as exc:
        raise ValueError(str(exc)) from None
    return text[:-5] if text.endswith("\n...\n") else text[:-1] if text.endswith("\n") else text


def _from_yaml(text: Text, **options: Any) -> Any:
    import yaml

    from minion import yamlio

    try:
        return yamlio.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as exc:
        raise ValueError(str(exc)) from None


def _to_configparser(data: Any, **options: Any) -> str:
    if not isinstance(data, Mapping):
        raise TypeError(f"configparser can only serialize dictionaries, not {type(data)}")
    parser = configparser.ConfigParser(**options)
    for section, keys in data.items():
        if str(section) != configparser.DEFAULTSECT:
            parser.add_section(str(section))
        for key, value in keys.items():
            parser.set(str(section), parser.optionxform(str(key)), None if value is None else str(value))
    stream = io.StringIO()
    parser.write(stream)
    return stream.getvalue()


def _from_configparser(text: Text, **options: Any) -> Dict[str, Dict[str, str]]:
    parser = configparser.ConfigParser(**options)
    parser.read_string(_decoded(text))
    return {name: dict(parser.items(name)) for name in parser.sections()}


def _to_msgpack(data: Any, **options: Any) -> bytes:
    import msgpack

    packed: bytes = msgpack.packb(data, **options)
    return packed


def _from_msgpack(text: Text, **options: Any) -> Any:
    import msgpack

    return msgpack.unpackb(text, **{"raw": False, "strict_map_key": False, **options})


def _to_toml(data: Any, **options: Any) -> str:
    for library in ("tomli_w", "toml"):
        try:
            text: str = importlib.import_module(library).dumps(data, **options)
            return text
        except ImportError:
            continue
    raise CommandExecutionError("Writing TOML needs the library tomli-w or toml")


def _from_toml(text: Text, **options: Any) -> Any:
    library = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        return importlib.import_module(library).loads(_decoded(text), **options)
    except ImportError:
        raise CommandExecutionError("Reading TOML needs Python 3.11 or the library tomli") from None


def _to_python(data: Any, **options: Any) -> str:
    import pprint

    return pprint.pformat(data, **options)


def _from_python(text: Text, **options: Any) -> Any:
    import ast

    try:
        return ast.literal_eval(_decoded(text))
    except SyntaxError as exc:
        raise ValueError(str(exc)) from None


def _to_plist(data: Any, **options: Any) -> bytes:
    import plistlib

    return plistlib.dumps(data, **options)


def _from_plist(text: Text, **options: Any) -> Any:
    import plistlib

    return plistlib.loads(text.encode() if isinstance(text, str) else text, **options)


def _to_keyvalue(data: Any, **options: Any) -> str:
    separator = options.get("separator", "=")
    rows = data.items() if isinstance(data, Mapping) else [pair for item in data for pair in item.items()]
    return "\n".join(f"{key}{separator}{value}" for key, value in rows)


def _from_keyvalue(text: Text, **options: Any) -> Dict[str, str]:
    separator, quoting = options.get("separator", "="), options.get("quoting", False)
    result = {}
    for line in _decoded(text).splitlines():
        key, found, value = line.partition(separator)
        if found:
            result[key] = value.strip("'\"") if quoting else value
    return result


_FORMATS: Dict[str, Format] = {
    "configparser": Format(_to_configparser, _from_configparser),
    "json": Format(_to_json, _from_json),
    "keyvalue": Format(_to_keyvalue, _from_keyvalue),
    "msgpack": Format(_to_msgpack, _from_msgpack),
    "plist": Format(_to_plist, _from_plist),
    "python": Format(_to_python, _from_python),
    "toml": Format(_to_toml, _from_toml),
    "tomlmod": Format(_to_toml, _from_toml),
    "yaml": Format(_to_yaml, _from_yaml),
}
