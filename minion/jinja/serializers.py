"""Filters and tags that read and write YAML, JSON and XML, and how data is printed."""

from __future__ import annotations

import functools
import itertools
import json
import logging
import pprint
import time
from collections import OrderedDict
from collections.abc import Mapping as MappingType
from collections.abc import Sequence as SequenceType
from typing import Any, Callable, Dict, List, Set

import jinja2
from jinja2 import nodes
from jinja2.environment import TemplateModule
from jinja2.ext import Extension
from jinja2.parser import Parser
from markupsafe import Markup

from minion import yamlio

log = logging.getLogger(__name__)


class PrintableDict(OrderedDict):  # type: ignore[type-arg]
    """A mapping whose text is a YAML flow mapping."""

    def __str__(self) -> str:
        pairs = (f"{key!r}: {_quoted(value) if isinstance(value, str) else value}" for key, value in self.items())
        return "{" + ", ".join(pairs) + "}"

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{key!r}: {_quoted(value)}" for key, value in self.items()) + "}"


def _quoted(value: Any) -> str:
    """Python's notation, except for text whose escapes YAML would read as plain characters."""
    if isinstance(value, str) and any(char in value for char in "\n\r\t"):
        text: str = yamlio.dump(value, default_style='"', width=2**31 - 1)
        return text.rstrip("\n")
    return repr(value)


def printable(value: Any) -> Any:
    """What `{{ value }}` prints; mappings print as YAML reads them."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return PrintableDict((key, printable(item)) for key, item in value.items())
    if type(value) in (list, tuple, set):
        return type(value)(printable(item) for item in value)
    return value


def undefined_inside(value: Any, _seen: Any = None) -> List[jinja2.StrictUndefined]:
    """The undefined values within nested data."""
    seen: Set[int] = set() if _seen is None else _seen
    if isinstance(value, jinja2.StrictUndefined):
        return [value]
    if isinstance(value, (str, bytes)) or not isinstance(value, (MappingType, SequenceType)) or id(value) in seen:
        return []
    seen.add(id(value))
    items = value.values() if isinstance(value, MappingType) else value
    return [undefined for item in items for undefined in undefined_inside(item, seen)]


def refuses_undefined(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter returns the undefined values of its input, so that printing names them, instead of failing."""

    @functools.wraps(function)
    def checked(value: Any, *args: Any, **options: Any) -> Any:
        undefined = undefined_inside(value)
        if undefined:
            return jinja2.StrictUndefined("\n".join(item._undefined_message for item in undefined))
        return function(value, *args, **options)

    return checked


@refuses_undefined
def to_yaml(value: Any, flow_style: bool = True) -> Markup:
    """Data as YAML, on one line unless `flow_style` is false."""
    text = yamlio.dump(value, default_flow_style=flow_style).strip()
    return Markup(text[:-4] if text.endswith("\n...") else text)  # noqa: S704


@refuses_undefined
def to_json(value: Any, sort_keys: bool = True, indent: Any = None) -> Markup:
    """Data as JSON, sorted by key."""
    return Markup(json.dumps(value, sort_keys=sort_keys, indent=indent, ensure_ascii=False).strip())  # noqa: S704


@refuses_undefined
def tojson(value: Any, indent: Any = None, **options: Any) -> str:
    """Data as JSON that HTML and YAML can hold; options are those of `json.dumps`."""
    options.setdefault("ensure_ascii", True)
    text = json.dumps(value, indent=indent, **options)
    for char in "<>&'":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


@refuses_undefined
def to_python(value: Any) -> Markup:
    """Data in Python's notation."""
    return Markup(pprint.pformat(value).strip())  # noqa: S704


@refuses_undefined
def to_xml(value: Any) -> Markup:
    """Nested data as XML: text and numbers are attributes, lists repeat their element."""
    from xml.dom import minidom
    from xml.etree.ElementTree import tostring

    root = _xml_tree(_xml_pairs(value), None)
    return Markup(minidom.parseString(tostring(root)).toprettyxml(indent=" "))  # noqa: S318, S704 - our own XML


def _xml_pairs(value: Any) -> Any:
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return value if value and isinstance(value[0], str) else []
    raise jinja2.TemplateRuntimeError("Value is not a dict or list. Cannot render as XML")


def _xml_tree(pairs: Any, parent: Any) -> Any:
    from xml.etree.ElementTree import Element, SubElement

    element = None
    for tag, content in pairs:
        if isinstance(content, list):
            for item in content:
                _xml_tree(((tag, item),), parent)
            continue
        element = Element(tag) if parent is None else SubElement(parent, tag)
        if not isinstance(content, dict):
            element.text = str(content)
            continue
        for name, item in content.items():
            if isinstance(item, (dict, list)):
                _xml_tree(((name, item),), element)
            else:
                element.set(name, str(item))
    return element


@refuses_undefined
def load_yaml(value: Any) -> Any:
    """Reads YAML text."""
    try:
        return yamlio.load(_text_of(value))
    except yamlio.YAMLError as exc:
        raise jinja2.TemplateRuntimeError(f"Encountered error loading yaml: {exc}") from exc
    except (AttributeError, TypeError):
        raise jinja2.TemplateRuntimeError(f"Unable to load yaml from {value}") from None


@refuses_undefined
def load_json(value: Any) -> Any:
    """Reads JSON text."""
    try:
        return json.loads(_text_of(value))
    except (ValueError, TypeError, AttributeError):
        raise jinja2.TemplateRuntimeError(f"Unable to load json from {value}") from None


@refuses_undefined
def load_text(value: Any) -> Any:
    """The text of an imported template."""
    return _text_of(value)


def _text_of(value: Any) -> Any:
    return str(value) if isinstance(value, TemplateModule) else value


@refuses_undefined
def dict_to_sls_yaml_params(value: Dict[str, Any], flow_style: bool = False) -> Markup:
    """A mapping as the list of one-key mappings that a state takes as arguments, in YAML."""
    return to_yaml([{key: item} for key, item in value.items()], flow_style)  # type: ignore[no-any-return]


SERIALIZING_FILTERS: Dict[str, Callable[..., Any]] = {
    "yaml": to_yaml,
    "json": to_json,
    "tojson": tojson,
    "python": to_python,
    "xml": to_xml,
    "load_yaml": load_yaml,
    "load_json": load_json,
    "load_text": load_text,
    "dict_to_sls_yaml_params": dict_to_sls_yaml_params,
    **{
        name: refuses_undefined(function)
        for name, function in {
            "combinations": itertools.combinations,
            "combinations_with_replacement": itertools.combinations_with_replacement,
            "compress": itertools.compress,
            "permutations": itertools.permutations,
            "product": itertools.product,
            "zip": zip,
            "zip_longest": itertools.zip_longest,
        }.items()
    },
}


class SerializerExtension(Extension):
    """The tags `load_*`, `import_*` and `profile`."""

    tags = {"load_yaml", "load_json", "load_text", "import_yaml", "import_json", "import_text", "profile"}  # noqa: RUF012

    def parse(self, parser: Parser) -> Any:
        tag = parser.stream.current.value
        if tag == "profile":
            return self._parse_profile(parser)
        if tag.startswith("load_"):
            return self._parse_load(parser, tag)
        return self._parse_import(parser, tag)

    def _parse_load(self, parser: Parser, tag: str) -> List[nodes.Node]:
        """`{% load_yaml as x %}...{% endload %}`: a macro, called, and filtered."""
        line = next(parser.stream).lineno
        parser.stream.expect("name:as")
        target = parser.parse_assign_target()
        macro = "_" + parser.free_identifier().name
        body = parser.parse_statements(("name:endload",), drop_needle=True)
        called = nodes.Call(nodes.Name(macro, "load"), [], [], None, None)
        loaded = nodes.Filter(called, tag, [], [], None, None)
        return _at_line(line, nodes.Macro(macro, [], [], body), nodes.Assign(target, loaded))

    def _parse_import(self, parser: Parser, tag: str) -> List[nodes.Node]:
        """`{% import_yaml "file" as x %}`: an import, filtered."""
        imported = parser.parse_import()
        loader = "load_" + tag.split("_", 1)[1]
        loaded = nodes.Filter(nodes.Name(imported.target, "load"), loader, [], [], None, None)
        line = imported.lineno
        body: List[nodes.Node] = [imported]
        body.extend(_at_line(line, nodes.Assign(nodes.Name(imported.target, "store"), loaded)))
        return self._profiled(parser, imported.template, tag, body, line)

    def _parse_profile(self, parser: Parser) -> List[nodes.Node]:
        line = next(parser.stream).lineno
        parser.stream.expect("name:as")
        label = parser.parse_expression()
        body = parser.parse_statements(("name:endprofile",), drop_needle=True)
        return self._profiled(parser, label, "profile block", body, line)

    def _profiled(
        self, parser: Parser, label: nodes.Expr, kind: str, body: List[nodes.Node], line: int
    ) -> List[nodes.Node]:
        """The statements, with the time they take logged."""
        name = "_salt_profile_" + parser.free_identifier().name
        start = self.call_method("_profile_start", [label, nodes.Const(kind)])
        end = self.call_method("_profile_end", [nodes.Name(name, "load")])
        begin = _at_line(line, nodes.Assign(nodes.Name(name, "store"), start))
        return [*begin, *body, *_at_line(line, nodes.ExprStmt(end))]

    def _profile_start(self, label: Any, kind: str) -> Any:
        return label, kind, time.monotonic()

    def _profile_end(self, started: Any) -> None:
        label, kind, since = started
        log.debug("Time (in seconds) to render %s '%s': %s", kind, label, time.monotonic() - since)


def _at_line(line: int, *statements: nodes.Node) -> List[nodes.Node]:
    for statement in statements:
        statement.set_lineno(line)
    return list(statements)
