"""Whoever sends a lot waits for himself alone."""

from __future__ import annotations

from typing import Any

import pytest

from master.lanes import Lanes


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lanes(clock: Clock, rate: float = 10, burst: float = 100, most: int = 50, max_size: int = 1000) -> Lanes[Any]:
    return Lanes(rate, burst, most, max_size, clock)


def test_one_request_of_each_in_turn(clock):
    line = lanes(clock)
    for number in range(5):
        line.put("evil", f"evil {number}")
    line.put("good", "good 0")
    line.put("other", "other 0")
    assert [line.take() for _ in range(8)] == [
        "evil 0", "good 0", "other 0", "evil 1", "evil 2", "evil 3", "evil 4", None,
    ]  # fmt: skip


def test_who_has_no_tokens_left_rests_and_the_others_do_not(clock):
    line = lanes(clock)
    line.put("evil", "large", tokens=120)
    line.put("evil", "next")
    line.put("good", "good")
    assert [line.take(), line.take(), line.take()] == ["large", "good", None]
    assert line.patience() == pytest.approx(2)
    clock.now = 1.9
    assert line.take() is None
    clock.now = 2.01
    assert line.patience() == pytest.approx(0)
    assert line.take() == "next"
    assert line.patience() is None


def test_debt_outlives_an_empty_lane(clock):
    line = lanes(clock)
    line.put("evil", "first", tokens=100)
    assert line.take() == "first"
    line.charge("evil", 50)
    line.put("evil", "second")
    assert line.take() is None
    clock.now = 5.01
    assert line.take() == "second"


def test_a_lane_holds_so_many_and_so_much(clock):
    line = lanes(clock)
    assert all(line.put("evil", number) for number in range(50))
    assert not line.put("evil", 50)
    assert line.put("good", 0, 5000), "one thing fits, whatever its size"
    assert not line.put("good", 1, 1)
    assert line.put("other", 0, 600)
    assert not line.put("other", 1, 401)
    assert line.put("other", 2, 400)
