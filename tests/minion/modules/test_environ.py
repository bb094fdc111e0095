from __future__ import annotations

import os
from typing import Any, Iterator

import pytest

from minion.loader import Loader


@pytest.fixture(autouse=True)
def own_environment() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


def test_one_variable(salt: Loader) -> None:
    assert salt["environ.setval"]("SALTERN_A", "b") == "b"
    assert salt["environ.get"]("SALTERN_A") == "b" and salt["environ.items"]()["SALTERN_A"] == "b"
    assert salt["environ.setval"]("SALTERN_A", False) == "" and salt["environ.get"]("SALTERN_A", "x") == ""
    assert salt["environ.setval"]("SALTERN_A", False, false_unsets=True) is None
    assert salt["environ.get"]("SALTERN_A") == "" and salt["environ.get"]("SALTERN_A", "x") == "x"


@pytest.mark.parametrize(("key", "value"), [("SALTERN_A", 5), (5, "x"), ("A=B", "x"), ("SALTERN_A", "nul\0")])
def test_what_can_not_be_set(salt: Loader, key: Any, value: Any) -> None:
    assert salt["environ.setval"](key, value) is False
    assert salt["environ.has_value"]("SALTERN_A") is False


def test_several_variables(salt: Loader) -> None:
    assert salt["environ.setenv"]({"SALTERN_A": "1", "SALTERN_B": False}) == {"SALTERN_A": "1", "SALTERN_B": ""}
    assert salt["environ.item"]("SALTERN_A") == {"SALTERN_A": "1"}
    assert salt["environ.item"](["SALTERN_B", "SALTERN_C"], "none") == {"SALTERN_B": "", "SALTERN_C": "none"}
    assert salt["environ.has_value"]("SALTERN_A", "1") is True and salt["environ.has_value"]("SALTERN_A", "2") is False
    assert salt["environ.setenv"](["x"]) is False
    assert salt["environ.setenv"]({"SALTERN_C": "set", "SALTERN_D": 5}) is False
    assert salt["environ.has_value"]("SALTERN_C") is False  # all or nothing
    answer = salt["environ.setenv"]({"SALTERN_A": "2"}, false_unsets=True, clear_all=True)
    assert salt["environ.items"]() == {"SALTERN_A": "2"} and answer["SALTERN_B"] is None


def test_the_minion_is_told(salt: Loader) -> None:
    told: list[Any] = []
    salt._found["event.fire"] = lambda data, tag: told.append((tag, data))
    salt["environ.setenv"]({"SALTERN_A": "1"}, update_minion=True)
    data = {"environ": {"SALTERN_A": "1"}, "false_unsets": False, "clear_all": False, "permanent": False}
    assert told == [("environ_setenv", data)]
