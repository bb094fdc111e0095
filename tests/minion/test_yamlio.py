"""YAML: its limits, and what command-line arguments spell.

Types and errors of documents are compared with a real Salt in state/cases/yaml.yaml.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import Any

import pytest
import yaml

from minion import yamlio


def test_order_is_kept() -> None:
    text = "z: 1\na: {y: 2, b: 3}\n"
    loaded = yamlio.load(text, yamlio.OrderedLoader)
    assert type(loaded) is OrderedDict
    assert list(loaded["a"]) == ["y", "b"]
    assert type(yamlio.load(text)) is dict
    assert yamlio.load(b"a: \xc3\xbc") == {"a": "ü"}


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(yamlio.YAMLError, match="its aliases expand to more than 2000000 values; line"):
        yamlio.load("\n".join(lines))


def test_a_merge_bomb_is_refused() -> None:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k{n}: 1}}" for n in range(1, 9)]
    with pytest.raises(yamlio.YAMLError, match="its aliases expand to more than"):
        yamlio.load("\n".join(lines))


@pytest.mark.parametrize("depth", [65, 1000, 100_000])
@pytest.mark.parametrize("begin", ["[", "{a: ", "- ", "? "])
def test_deep_nesting_is_refused(depth: int, begin: str) -> None:
    with pytest.raises(yamlio.YAMLError, match=r"more than 64 levels deep; line 1|expected node content"):
        yamlio.load(begin * depth)
    closed = "[" * depth + "]" * depth
    with pytest.raises(yamlio.YAMLError, match="nested more than 64 levels deep; line 1"):
        yamlio.load(closed)


def test_what_is_nested_less_is_read() -> None:
    value = yamlio.load("[" * 64 + "]" * 64)
    for _ in range(63):
        (value,) = value
    assert value == []


def test_what_contains_itself_is_refused() -> None:
    with pytest.raises(yamlio.YAMLError, match="contains itself by an alias; line 2"):
        yamlio.load("x: 1\na: &a [*a]")


def test_a_huge_document_is_refused() -> None:
    with pytest.raises(yamlio.YAMLError, match="the document has 4194305 characters; at most 4194304 are read"):
        yamlio.load("#" * (yamlio.MAX_SIZE + 1))


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['true']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!python/object/new:subprocess.Popen [['true']]",
        "!custom x",
    ],
)
def test_no_tag_makes_objects(text: str) -> None:
    with pytest.raises(yamlio.YAMLError, match="could not determine a constructor"):
        yamlio.load(text)


def test_written_text() -> None:
    assert yamlio.dump({"b": [1, 2], "a": "ü"}) == "a: ü\nb: [1, 2]\n"
    assert yamlio.dump(OrderedDict([("b", 1), ("a", 2)]), default_flow_style=False) == "b: 1\na: 2\n"
    assert yamlio.dump({"x": object()}) == "{x: NULL}\n"
    assert yamlio.dump(defaultdict(list, a=[1]), default_flow_style=False) == "a:\n- 1\n"
    indented = yamlio.dump({"a": ["x"]}, Dumper=yamlio.IndentedDumper, default_flow_style=False)
    assert indented == "a:\n  - x\n"
    with pytest.raises(yaml.YAMLError):
        yamlio.dump({"x": object()}, Dumper=yamlio.SortingDumper)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("0644", 644),
        ("1.5", 1.5),
        ("true", True),
        ("Yes", True),
        ("null", None),
        ("None", None),
        ("~", None),
        ("[1, a]", [1, "a"]),
        ("{a: 1}", {"a": 1}),
        ("a: 1", "a: 1"),
        ("- a", "- a"),
        ("", ""),
        ("---", "---"),
        ("a # b", "a # b"),
        ("#comment", "#comment"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("a\tb", "a\tb"),
        ("[broken", "[broken"),
        ("!x", "!x"),
        ("'quoted'", "quoted"),
        (7, 7),
        (None, None),
    ],
)
def test_arguments(text: Any, value: Any) -> None:
    found = yamlio.yamlify(text)
    assert (found, type(found)) == (value, type(value))
