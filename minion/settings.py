"""Configuration files: declared options, `*.conf` folders, includes, clear errors.

An option is a field of a frozen dataclass made with `option(default, "what it does")`; its annotation is its type, its
name is Salt's. The reference in docs/ is generated from these declarations. What a file sets that is declared nowhere
is kept (users read their own keys with `config.get`) and reported once.
"""

from __future__ import annotations

import dataclasses
import difflib
import glob
import logging
import os
import typing
from typing import Any, Dict, List, Mapping, Sequence, Tuple, Type, TypeVar, Union

from minion.errors import ConfigError

log = logging.getLogger(__name__)

Settings = TypeVar("Settings", bound="BaseSettings")


def option(default: Any, doc: str) -> Any:
    """Declares one option.

    Args:
        default: its value when no file sets it; lists and maps are copied for each configuration.
        doc: what it does, with units, for the reference.
    """
    if isinstance(default, (dict, list)):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata={"doc": doc})
    return dataclasses.field(default=default, metadata={"doc": doc})


@dataclasses.dataclass(frozen=True, init=False, repr=False, eq=False)
class BaseSettings:
    """Common base: declared options are attributes, everything (undeclared too) is in `opts`.

    What `dataclass` would make for each class is written here for all: to compile a function of two hundred
    parameters takes each command longer than to read its configuration.
    """

    undeclared: Dict[str, Any] = dataclasses.field(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        for field in dataclasses.fields(self):
            if field.name not in values:
                made = field.default_factory is not dataclasses.MISSING
                values[field.name] = field.default_factory() if made else field.default  # type: ignore[operator]
        if len(values) != len(dataclasses.fields(self)):
            unknown = values.keys() - {field.name for field in dataclasses.fields(self)}
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        self.__dict__.update(values)

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def opts(self) -> Dict[str, Any]:
        """All options as the map that modules know as `__opts__`."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "undeclared"}
        return {**self.undeclared, **values}


def read_files(path: str, include_option: str) -> Dict[str, Any]:
    """Merges a configuration file with the files it includes; a missing main file counts as empty.

    Args:
        path: the main file, for example /etc/salt/minion.
        include_option: the option that names the default folder (`default_include`), relative to the main file.

    Raises:
        ConfigError: a file can't be read or is not a map of options.
    """
    merged = _read(path) if os.path.isfile(path) else {}
    for name in included_files(path, merged, include_option):
        merged = {**merged, **_read(name)}
    return merged


def included_files(path: str, options: Mapping[str, Any], include_option: str) -> List[str]:
    """The files that a configuration file includes, in the order in which they count.

    Args:
        path: the main file.
        options: what it says; `default_include` and `include` are relative to it.
        include_option: see `read_files`.

    Raises:
        ConfigError: one that is named does not exist.
    """
    found: List[str] = []
    default_folder = options.get("default_include", include_option)
    for pattern in [default_folder, *_as_list(options.get("include"))]:
        where = os.path.join(os.path.dirname(path), str(pattern))
        files = sorted(glob.glob(where))
        if not files and pattern != default_folder and not glob.has_magic(str(pattern)):
            raise ConfigError(f"{path} includes {where}, which does not exist")
        found.extend(filter(os.path.isfile, files))
    return found


def _as_list(value: Any) -> List[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _read(path: str) -> Dict[str, Any]:
    import yaml

    try:
        with open(path, encoding="utf-8") as source:
            data = yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} can't be read: {exc}") from None
    except yaml.YAMLError as exc:
        raise ConfigError(f"{path} is not valid YAML: {exc}") from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold `option: value` lines, not a {type(data).__name__}")
    return {str(key): value for key, value in data.items()}


def build(kind: Type[Settings], values: Mapping[str, Any], where: str) -> Settings:
    """Makes typed settings of what files and command lines say.

    Args:
        kind: the dataclass that declares the options.
        values: option -> value; None means "not set".
        where: the file, for messages.

    Raises:
        ConfigError: a value does not have the type of its option.
    """
    types = typing.get_type_hints(kind)
    declared = {f.name for f in dataclasses.fields(kind)} - {"undeclared"}
    known: Dict[str, Any] = {}
    undeclared: Dict[str, Any] = {}
    for name, value in values.items():
        if name not in declared:
            undeclared[name] = value
        elif value is not None:
            known[name] = _coerced(value, types[name], name, where)
    return kind(undeclared=undeclared, **known)


def report_undeclared(settings: BaseSettings, where: str) -> None:
    """Says in the log which options are kept but have no meaning here; for daemons, once at their start.

    Args:
        settings: a configuration.
        where: its file.
    """
    if settings.undeclared:
        declared = {f.name for f in dataclasses.fields(settings)}
        named = ", ".join(_with_hint(name, declared) for name in sorted(settings.undeclared))
        log.warning("%s: options that Saltern does not know are kept for config.get and templates: %s", where, named)


def _with_hint(name: str, declared: typing.AbstractSet[str]) -> str:
    near = difflib.get_close_matches(name, declared, 1, 0.85)
    return f"{name} (there is {near[0]})" if near else name


def _coerced(value: Any, wanted: Any, name: str, where: str) -> Any:
    """The value in its option's type; what YAML users commonly write for it is accepted."""
    plain, arguments = typing.get_origin(wanted) or wanted, typing.get_args(wanted)
    if wanted is Any:
        return value
    if plain is Union:
        for choice in arguments:
            if _fits(value, choice):
                return value
        return _coerced(value, arguments[0], name, where)
    if plain is bool:
        return _boolean(value, name, where)
    if plain in (list, List):
        return _as_list(value) if not isinstance(value, str) else [part.strip() for part in value.split(",")]
    try:
        if plain is int and not isinstance(value, bool) and int(value) == float(value):
            return int(value)
        if plain is float and not isinstance(value, bool):
            return float(value)
        if plain is str and isinstance(value, (str, int, float)):
            return str(value)
    except (TypeError, ValueError):
        pass
    if _fits(value, wanted):
        return value
    expected = getattr(plain, "__name__", str(plain))
    raise ConfigError(f"{where}: option {name} must be of type {expected}, not {type(value).__name__} ({value!r})")


def _fits(value: Any, wanted: Any) -> bool:
    plain = typing.get_origin(wanted) or wanted
    return wanted is Any or (isinstance(plain, type) and isinstance(value, plain))


def _boolean(value: Any, name: str, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.lower() in ("true", "yes", "on", "false", "no", "off"):
        return value.lower() in ("true", "yes", "on")
    raise ConfigError(f"{where}: option {name} must be True or False, not {value!r}")


def below_root(values: Dict[str, Any], names: Sequence[str]) -> Dict[str, Any]:
    """Prefixes absolute paths with `root_dir`, as Salt does, so that everything can live below one folder."""
    root = str(values.get("root_dir") or "/")
    if root == "/":
        return values
    moved = dict(values)
    for name in names:
        path = values.get(name)
        if isinstance(path, str) and path.startswith("/") and not path.startswith(root.rstrip("/") + "/"):
            moved[name] = os.path.join(root, path.lstrip("/"))
    return moved


def reference(kind: Type[BaseSettings]) -> List[Tuple[str, str, str, str]]:
    """(option, type, default, what it does) of every declared option, for the documentation."""
    rows = []
    for field in dataclasses.fields(kind):
        if field.name == "undeclared":
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        rows.append((field.name, str(field.type), repr(default), str(field.metadata.get("doc", ""))))
    return rows
