"""Merging nested data."""

from __future__ import annotations

from typing import Any

import pytest

from minion import merging


def first() -> Any:
    return {"a": {"x": 1, "l": [1, 2]}, "l": [1], "s": "one", "o": 1}


SECOND = {"a": {"y": 2, "l": [2, 3]}, "l": [1, 2], "s": "two", "n": 1}
RECURSED = {"a": {"x": 1, "l": [2, 3], "y": 2}, "l": [1, 2], "s": "two", "o": 1, "n": 1}


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("recurse", RECURSED),
        ("smart", RECURSED),
        ("none", RECURSED),
        ("unheard-of", RECURSED),
        ("overwrite", {"a": {"y": 2, "l": [2, 3]}, "l": [1, 2], "s": "two", "o": 1, "n": 1}),
        (
            "list",
            {"a": [{"x": 1, "l": [1, 2]}, SECOND["a"]], "l": [[1], [1, 2]], "s": ["one", "two"], "o": 1},
        ),
        ("aggregate", {"a": {"y": 2, "l": [2, 3]}, "l": [1, 2], "s": "two", "o": 1, "n": 1}),
    ],
)
def test_strategies(strategy: str, expected: Any) -> None:
    second = dict(SECOND)
    assert merging.merge(first(), second, strategy) == expected
    assert second == SECOND, "what is merged stays as it was"


def test_lists_are_joined_on_request() -> None:
    joined = merging.merge(first(), SECOND, "recurse", merge_lists=True)
    assert joined["a"]["l"] == [1, 2, 3]
    assert joined["l"] == [1, 2]
    assert merging.merge(first(), SECOND, "none", merge_lists=True) == RECURSED


def test_smart_follows_the_renderer() -> None:
    marked = merging.mark([1])
    for renderer in ("jinja|yamlex", "yamlex", "yamlex_jinja"):
        assert merging.merge({"l": marked}, {"l": merging.mark([2])}, "smart", renderer)["l"] == [1, 2]


def test_update_works_in_place() -> None:
    target = first()
    assert merging.update(target, {"a": {"x": 9}}) is target
    assert target["a"] == {"x": 9, "l": [1, 2]}
    assert merging.update({"a": {"x": 1}}, {"a": {"y": 2}}, recursive_update=False) == {"a": {"y": 2}}
    with pytest.raises(TypeError, match="Cannot update using non-dict types"):
        merging.update([], {})
    with pytest.raises(TypeError, match="into the list under 'l'"):
        merging.update({"l": [1]}, {"l": {"k": 1}}, merge_lists=True, strict=True)


def test_a_copy_is_merged() -> None:
    before = first()
    merging.merge_recurse(before, SECOND)
    assert before == first()


def test_marked_values_are_joined_as_deep_as_they_are_marked() -> None:
    one, two = {"l": [1], "d": {"x": [1]}}, {"l": [2, 1], "d": {"x": [2]}}
    assert merging.aggregate(one, two) == {"l": [2, 1], "d": {"x": [2]}}
    assert merging.aggregate(one, two, level=2) == {"l": [1, 2], "d": {"x": [2]}}
    assert merging.aggregate(one, two, level=True) == {"l": [1, 2], "d": {"x": [1, 2]}}
    assert merging.aggregate(one, two, level="101") == {"l": [2, 1], "d": {"x": [1, 2]}}
    assert merging.aggregate("a", "b", level=1) == ["a", "b"]
    assert merging.mark(merging.mark([1])) == [1]
