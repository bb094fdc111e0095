from __future__ import annotations

import os
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"SLTN_A": "a", "SLTN_B": "b", "PATH": os.environ["PATH"]})


@pytest.mark.parametrize(
    ("name", "arguments", "after"),
    [
        ("SLTN_C", {"value": "c"}, {"SLTN_C": "c"}),
        ("any", {"value": {"SLTN_A": "x", "SLTN_B": "b"}}, {"SLTN_A": "x"}),
        ("SLTN_A", {"value": False}, {"SLTN_A": ""}),
        ("SLTN_A", {"value": False, "false_unsets": True}, {"SLTN_A": None}),
    ],
)
def test_variables(host: State, name: str, arguments: Dict[str, Any], after: Dict[str, Any]) -> None:
    predicted = host("environ.setenv", name, test=True, **arguments)
    assert (predicted["comment"], predicted["changes"]) == ("Environ values will be changed", after)
    first = host("environ.setenv", name, **arguments)
    assert (first["result"], first["comment"]) == (True, "Environ values were set")
    assert {key: os.environ.get(key) for key in after} == after
    second = host("environ.setenv", name, **arguments)
    assert (second["comment"], second["changes"]) == ("Environ values were already set with the correct values", {})
    predicted = host("environ.setenv", name, test=True, **arguments)
    assert predicted["comment"] == "Environ values are already set with the correct values"


def test_no_value(host: State) -> None:
    assert host.fails("environ.setenv", "SLTN_A", value=5) == "Environ value must be string, dict or False"
