"""Looking into nested data."""

from __future__ import annotations

from typing import Any

import pytest

from minion import data
from minion.errors import SaltException

TREE: Any = {"a": {"b": [1, {"c": "d"}], 5: "five", True: "yes", None: "nothing"}, "x:y": 1, "n": None}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("a:b:0", 1),
        ("a:b:1:c", "d"),
        ("a:b:c", "d"),
        ("a:5", "five"),
        ("a:true", "yes"),
        ("a:null", "nothing"),
        ("n", None),
        ("a:b:7", "default"),
        ("a:b:x", "default"),
        ("a:z", "default"),
        ("n:x", "default"),
        ("", "default"),
        (["a", "b", 0], 1),
    ],
)
def test_traverse(key: Any, value: Any) -> None:
    assert data.traverse(TREE, key, "default") == value


def test_traverse_by_other_means() -> None:
    assert data.traverse(TREE, "a|b|0", delimiter="|") == 1
    assert data.traverse(["x", "y"], 1) == "y"
    assert data.traverse_mappings(TREE, "a:b") == [1, {"c": "d"}]
    assert data.traverse_mappings(TREE, "a:b:0:c", "default") == "default"


def test_a_path_is_made() -> None:
    tree: Any = {"a": 1}
    holder, last = data.ensure_path(tree, "a:b:c")
    holder[last] = "x"
    assert tree == {"a": {"b": {"c": "x"}}}


def test_filter_by() -> None:
    lookup = {"Debian": {"pkg": "apache2"}, "Red*": {"pkg": "httpd"}, "default": {"pkg": "web"}, "base": {"port": 80}}
    grains = {"os": ["Redox", "Debian"], "none": "x"}
    assert data.filter_by(lookup, "os", grains) == {"pkg": "httpd"}
    assert data.filter_by(lookup, "none", grains) == {"pkg": "web"}
    assert data.filter_by(lookup, "missing", grains, default="nosuch") is None
    assert data.filter_by(lookup, "os", grains, base="base") == {"port": 80, "pkg": "httpd"}
    assert data.filter_by(lookup, "os", grains, merge={"pkg": "mine", "new": 1}) == {"pkg": "mine", "new": 1}
    with pytest.raises(SaltException, match="merge argument must be a dictionary"):
        data.filter_by(lookup, "os", grains, merge=["x"])  # type: ignore[arg-type]
    with pytest.raises(SaltException, match="must both be dictionaries"):
        data.filter_by({"base": {"a": 1}, "x": "text"}, "none", grains, base="base")


def test_dictlists() -> None:
    assert data.repack_dictlist(["a", {"b": 1}, 5]) == {"a": None, "b": 1, 5: None}
    assert data.repack_dictlist([{"b": [{"c": 1}]}], recurse=True) == {"b": {"c": 1}}
    assert data.repack_dictlist([{"a": 1, "b": 2}]) == {}
    assert data.repack_dictlist("text") == {}
    assert data.is_dictlist([{"a": 1}])
    assert not data.is_dictlist([{"a": 1, "b": 2}])


def test_flatten() -> None:
    assert data.flatten([1, [2, (3, [4])], "ab", None]) == [1, 2, 3, 4, "ab"]
    assert data.flatten([[1, [2]]], levels=1) == [1, [2]]
    assert data.flatten([[None]], preserve_nulls=True) == [None]
    cycle: Any = []
    cycle.append([cycle])
    with pytest.raises(RecursionError, match="Reference cycle"):
        data.flatten(cycle)


def test_comparisons() -> None:
    assert data.compare_dicts({"a": 1, "b": None, "c": 3}, {"a": 2, "c": 3, "d": None}) == {
        "a": {"old": 1, "new": 2},
        "b": {"old": None, "new": ""},
        "d": {"old": "", "new": None},
    }
    assert data.compare_lists([1, 2], [2, 3]) == {"new": [3], "old": [1]}
    assert data.compare_lists([1], [1]) == {}


@pytest.mark.parametrize(("value", "true"), [("True", True), ("no", False), (1, True), ([], False), (None, False)])
def test_is_true(value: Any, true: bool) -> None:
    assert data.is_true(value) is true
