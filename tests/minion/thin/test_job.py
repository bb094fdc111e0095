"""Grains and pillar that wait until somebody looks."""

from __future__ import annotations

import copy
import json

import pytest

from minion.thin.job import Lazy
from transports import codec


def f(a: int, b: int) -> int:
    return a + b


def lazy() -> tuple[Lazy, list[int]]:
    looked: list[int] = []

    def load() -> dict[str, int]:
        looked.append(1)
        return {"a": 1, "b": 2}

    return Lazy(load), looked


@pytest.mark.parametrize(
    "look",
    [
        lambda m: m["a"] == 1, lambda m: m.get("b") == 2, lambda m: "a" in m, lambda m: list(m) == ["a", "b"],
        lambda m: len(m) == 2, lambda m: bool(m), lambda m: {**m} == {"a": 1, "b": 2}, lambda m: dict(m)["a"] == 1,
        lambda m: m == {"a": 1, "b": 2}, lambda m: m.items() >= {("a", 1)}, lambda m: copy.deepcopy(m)["b"] == 2,
        lambda m: copy.copy(m)["b"] == 2, lambda m: json.loads(json.dumps(m)) == {"a": 1, "b": 2},
        lambda m: codec.unpack(codec.pack(m)) == {"a": 1, "b": 2}, lambda m: f(**m) == 3,
        lambda m: m.setdefault("a", 5) == 1, lambda m: m.pop("a") == 1, lambda m: repr(m) == "{'a': 1, 'b': 2}",
        lambda m: (m | {"c": 3})["a"] == 1, lambda m: ({"c": 3} | m)["a"] == 1, lambda m: {}.update(m) is None,
    ],
)  # fmt: skip
def test_filled_at_the_first_look_whatever_it_is(look) -> None:
    made, looked = lazy()
    assert looked == []
    assert look(made)
    assert look(lazy()[0]) and looked == [1]


def test_what_is_set_before_does_not_get_lost() -> None:
    made, looked = lazy()
    made["c"] = 3
    assert looked == [1] and dict(made) == {"a": 1, "b": 2, "c": 3}
