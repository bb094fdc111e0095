"""Reads YAML whose values may be marked `!aggregate`, to be joined with others, or `!reset`."""

from __future__ import annotations

import copy
from typing import Any, Dict

import yaml

from minion import yamlio
from minion.errors import SaltRenderError
from minion.merging import AggregatedMap, AggregatedSequence, aggregate
from minion.renderers._text import read_text


class AggregatingLoader(yamlio.OrderedLoader):
    """Joins values of one key that are marked; the document itself counts as marked."""

    def get_single_node(self) -> Any:
        root = super().get_single_node()
        if root is not None:
            root.tag = "!aggregate"
        return root

    def construct_joined_map(self, node: Any) -> Any:
        self.flatten_mapping(node)
        mapping: Dict[Any, Any] = self.mapping_type()
        for key_node, value_node in node.value:
            starts_anew = key_node.tag == "!reset"
            if key_node.tag == "!aggregate":
                value_node.tag = "!aggregate"
                key_node.tag = self.plain_tag(key_node)
            key = self.construct_object(key_node, deep=True)
            value = self.construct_object(value_node, deep=True)
            mapping[key] = aggregate(mapping[key], value) if key in mapping and not starts_anew else value
        return mapping

    def construct_marked(self, node: Any) -> Any:
        value = self.construct_unmarked(node)
        if value is None:
            return AggregatedSequence()
        if isinstance(value, dict):
            return AggregatedMap(value)
        return AggregatedSequence(value if isinstance(value, list) else [value])

    def construct_unmarked(self, node: Any) -> Any:
        plain = copy.copy(node)
        plain.tag = self.plain_tag(node)
        return self.construct_object(plain, deep=True)

    def plain_tag(self, node: Any) -> Any:
        """The tag that the node would have without the mark."""
        implicit: Any = (True, True) if isinstance(node, yaml.ScalarNode) else True
        return self.resolve(type(node), getattr(node, "value", None), implicit)


AggregatingLoader.add_constructor("tag:yaml.org,2002:map", AggregatingLoader.construct_joined_map)
AggregatingLoader.add_constructor("!aggregate", AggregatingLoader.construct_marked)
AggregatingLoader.add_constructor("!reset", AggregatingLoader.construct_unmarked)


def render(source: Any, saltenv: str = "base", sls: str = "", **options: Any) -> Any:
    """The data; `{}` if there is none."""
    try:
        return yamlio.load(read_text(source), AggregatingLoader) or {}
    except yamlio.YAMLError as exc:
        raise SaltRenderError(exc) from None
