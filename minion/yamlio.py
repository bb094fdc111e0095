"""YAML with the types that SLS files rely on.

Duplicate keys are refused, dates stay text, `0644` is the number 644, `!!binary` is bytes. What is read is limited in
size, depth and in what its aliases may expand to, because a small file can describe an enormous structure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict, defaultdict
from typing import Any, Dict, Hashable, Iterator, List, Tuple

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

MAX_SIZE = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 2_000_000  # after the expansion of aliases

YAMLError = yaml.YAMLError


class LimitError(yaml.YAMLError):
    """The document is larger, or nested more deeply, than what is read."""


Node = Any

_TAG = "tag:yaml.org,2002:"
# libyaml composes recursively in C and overruns the stack where Python would raise; texts that could nest deeper than
# this are measured first.
_SAFE_RECURSION = 1000
_DEEP_LINE = re.compile(rf"^[\s?:-]{{{_SAFE_RECURSION}}}", re.M)

_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class SafeLoader(_BaseLoader):  # type: ignore[misc]
    """Reads into plain dicts."""

    mapping_type: type = dict

    def get_single_data(self) -> Any:
        node = self.get_single_node()
        if node is None:
            return None
        _check_limits(node)
        return self.construct_document(node)

    def construct_yaml_map(self, node: Node) -> Iterator[Any]:
        data = self.mapping_type()
        yield data
        data.update(self.construct_mapping(node))

    def construct_mapping(self, node: Node, deep: bool = False) -> Any:
        if not isinstance(node, MappingNode):
            raise ConstructorError(None, None, f"expected a mapping node, but found {node.id}", node.start_mark)
        self.flatten_mapping(node)
        mapping = self.mapping_type()
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=deep)
            _check_key(node, key_node, key, mapping)
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def flatten_mapping(self, node: MappingNode) -> None:
        """Resolves `<<`; keys that stand in the mapping itself win."""
        merged: List[Tuple[Node, Node]] = []
        own: List[Tuple[Node, Node]] = []
        for key_node, value_node in node.value:
            if key_node.tag == _TAG + "merge":
                merged.extend(self._merged_pairs(node, value_node))
                continue
            if key_node.tag == _TAG + "value":
                key_node.tag = _TAG + "str"
            own.append((key_node, value_node))
        if merged:
            present = [key_node.value for key_node, _ in own]
            own = [pair for pair in merged if pair[0].value not in present] + own
        node.value = own

    def _merged_pairs(self, node: MappingNode, value_node: Node) -> List[Tuple[Node, Node]]:
        sources = [value_node]
        expected = "expected a mapping or list of mappings for merging"
        if isinstance(value_node, SequenceNode):
            sources = list(reversed(value_node.value))
            expected = "expected a mapping for merging"
        pairs: List[Tuple[Node, Node]] = []
        for source in sources:
            if not isinstance(source, MappingNode):
                raise ConstructorError(
                    "while constructing a mapping",
                    node.start_mark,
                    f"{expected}, but found {source.id}",
                    source.start_mark,
                )
            self.flatten_mapping(source)
            pairs.extend(source.value)
        return pairs

    def construct_scalar(self, node: ScalarNode) -> Any:
        if node.tag == _TAG + "int" and re.match(r"0[0-9_]", node.value):
            node.value = node.value.lstrip("0") or "0"  # a file mode, not an octal number
        return super().construct_scalar(node)

    def construct_yaml_binary(self, node: ScalarNode) -> bytes:
        try:
            encoded = self.construct_scalar(node).encode("ascii")
        except UnicodeEncodeError as exc:
            message = f"failed to convert base64 data into ascii: {exc}"
            raise ConstructorError(None, None, message, node.start_mark) from None
        try:
            return base64.decodebytes(encoded + b"=" * (-len(encoded) % 4))
        except binascii.Error as exc:
            raise ConstructorError(None, None, f"failed to decode base64 data: {exc}", node.start_mark) from None


class OrderedLoader(SafeLoader):
    """Reads into OrderedDicts, whose order survives the `yaml` filter."""

    mapping_type = OrderedDict


for _kind, _constructor in {
    "map": SafeLoader.construct_yaml_map,
    "omap": SafeLoader.construct_yaml_map,
    "str": SafeLoader.construct_scalar,
    "python/unicode": SafeLoader.construct_scalar,
    "timestamp": SafeLoader.construct_scalar,
    "binary": SafeLoader.construct_yaml_binary,
}.items():
    SafeLoader.add_constructor(_TAG + _kind, _constructor)
    OrderedLoader.add_constructor(_TAG + _kind, _constructor)


def _check_key(node: Node, key_node: Node, key: Any, mapping: Dict[Any, Any]) -> None:
    problem = ""
    if not isinstance(key, Hashable):
        problem = f"found unacceptable key {key_node.value}"
    elif key in mapping:
        problem = f"found conflicting ID '{key}'"
    if problem:
        raise ConstructorError("while constructing a mapping", node.start_mark, problem, key_node.start_mark)


def _check_limits(root: Node) -> None:
    """Refuses what is nested too deeply, or would be enormous once its aliases are expanded."""
    sizes: Dict[int, int] = {}
    open_nodes: List[Tuple[Node, bool]] = [(root, False)]
    depth = 0
    while open_nodes:
        node, children_done = open_nodes.pop()
        if children_done:
            depth -= 1
            size = sizes[id(node)] = 1 + sum(sizes[id(child)] for child in _children(node))
            if size > MAX_NODES:
                raise LimitError(f"its aliases expand to more than {MAX_NODES} values; line {_line(node)}")
        elif isinstance(node, ScalarNode):
            sizes[id(node)] = 1
        elif sizes.get(id(node)) == 0:
            raise LimitError(f"it contains itself by an alias; line {_line(node)}")
        elif id(node) not in sizes:
            sizes[id(node)] = 0
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitError(f"nested more than {MAX_DEPTH} levels deep; line {_line(node)}")
            open_nodes.append((node, True))
            open_nodes.extend((child, False) for child in _children(node))


def _children(node: Node) -> List[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _line(node: Node) -> int:
    return int(node.start_mark.line) + 1


def _refuse_deep_text(text: str) -> None:
    """Measures the depth without recursion, if the text could be nested deeply at all."""
    if text.count("[") + text.count("{") < _SAFE_RECURSION and not _DEEP_LINE.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_BaseLoader):
        if isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            depth += 1
            if depth > MAX_DEPTH:
                raise LimitError(f"nested more than {MAX_DEPTH} levels deep; line {_line(event)}")
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            depth -= 1


def load(source: Any, loader: Any = SafeLoader) -> Any:
    """One YAML document from text, bytes or a file object."""
    text = source.read() if hasattr(source, "read") else source
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    if len(text) > MAX_SIZE:
        raise LimitError(f"the document has {len(text)} characters; at most {MAX_SIZE} are read")
    _refuse_deep_text(text)
    return yaml.load(text, Loader=loader)  # noqa: S506 - the loaders above are safe ones


class SafeDumper(_BaseDumper):  # type: ignore[misc]
    """Writes OrderedDicts in their order and plain dicts sorted; what it does not know becomes NULL."""


class IndentedDumper(yaml.SafeDumper):
    """Indents lists below their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


class SortingDumper(_BaseDumper):  # type: ignore[misc]
    """Writes subclasses of plain types like these, all mappings sorted; what it does not know is an error."""


for _type in (dict, list, tuple, str, bool, int, float):
    SortingDumper.add_multi_representer(_type, yaml.SafeDumper.yaml_representers[_type])


_dumper: Any
for _dumper in (SafeDumper, IndentedDumper):
    _dumper.add_representer(OrderedDict, lambda dumper, data: dumper.represent_dict(list(data.items())))
    _dumper.add_representer(defaultdict, lambda dumper, data: dumper.represent_dict(data))
    _dumper.add_representer(None, lambda dumper, data: dumper.represent_scalar(_TAG + "null", "NULL"))


def dump(data: Any, stream: Any = None, **options: Any) -> Any:
    """Data as YAML text, in Salt's style: flow style for collections of scalars, unicode as it is."""
    options.setdefault("allow_unicode", True)
    options.setdefault("default_flow_style", None)
    options.setdefault("Dumper", SafeDumper)
    return yaml.dump(data, stream, **options)


def yamlify(value: Any) -> Any:
    """A command-line argument or key as the number, boolean, null, list or mapping that it spells, else unchanged."""
    if not isinstance(value, str) or value.strip() in ("", "---", "..."):
        return value
    if any(char in value for char in "\t\r\n") or ("_" in value and re.fullmatch(r"[0-9_]+", value.strip())):
        return value
    if value == "None":
        return None
    try:
        loaded = load(value)
    except Exception:  # noqa: BLE001 - tags such as `!!int x` fail in any way; what is no YAML is text
        return value
    return loaded if _spelled_plainly(value, loaded) else value


def _spelled_plainly(text: str, loaded: Any) -> bool:
    if isinstance(loaded, dict):
        return text.startswith("{")
    if isinstance(loaded, list):
        return text.startswith("[")
    if loaded is None:
        return "#" not in text and text != "!"
    if isinstance(loaded, str):
        return "#" not in text and not (loaded == "" and text in ("|", "!"))
    return isinstance(loaded, (int, float))
