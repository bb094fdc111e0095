from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


def appear(path: Path) -> threading.Timer:
    timer = threading.Timer(0.2, path.touch)
    timer.start()
    return timer


def test_a_condition_is_met_after_a_while(host: State, tmp_path: Path) -> None:
    path = tmp_path / "file"
    options: Dict[str, Any] = {"m_args": [str(path)], "condition": "m_ret is True", "period": 0.02, "timeout": 20}
    result = host("loop.until", "file.file_exists", test=True, **options)
    assert (result["result"], result["comment"]) == (None, "The execution module file.file_exists will be run")
    timer = appear(path)
    result = host("loop.until", "file.file_exists", **options)
    timer.join()
    assert (result["result"], result["comment"]) == (True, "Condition m_ret is True was met")


def test_a_value_comes_after_a_while(host: State, tmp_path: Path) -> None:
    path = tmp_path / "file"
    options: Dict[str, Any] = {"args": [str(path)], "expected": True, "period": 0.02, "timeout": 20}
    result = host("loop.until_no_eval", "file.file_exists", test=True, **options)
    assert result["comment"] == 'Would have waited for "file.file_exists" to produce "True".'
    timer = appear(path)
    result = host("loop.until_no_eval", "file.file_exists", **options)
    timer.join()
    assert result["result"] is True and result["comment"].startswith("Call provided the expected results in ")
    assert host("loop.until_no_eval", "test.echo", args=["b"], expected="a", compare_operator="gt")["result"] is True


@pytest.mark.parametrize(
    ("fun", "name", "arguments", "comment"),
    [
        ("until", "no.such", {"condition": "1"}, "Cannot find module no.such"),
        ("until", "test.ping", {}, "An exit condition must be specified"),
        ("until", "test.ping", {"condition": "1", "period": "x"}, "Period must be specified as a float in seconds"),
        (
            "until",
            "test.ping",
            {"condition": "not m_ret", "period": 0.01, "timeout": 0.02},
            "Timed out while waiting for condition not m_ret",
        ),
        ("until_no_eval", "no.such", {"expected": 1}, 'Module.function "no.such" is unavailable.'),
        ("until_no_eval", "test.ping", {"expected": 1, "compare_operator": "x"}, 'Invalid operator "x" supplied.'),
        (
            "until_no_eval",
            "test.ping",
            {"expected": 5, "period": 1, "timeout": 0.1},
            "Call did not produce the expected result after 1 attempts",
        ),
        (
            "until_no_eval",
            "test.exception",
            {"expected": 5, "args": ["broken"]},
            "Exception occurred while executing test.exception: <class 'Exception'>:broken",
        ),
    ],
)
def test_failures(host: State, fun: str, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails(f"loop.{fun}", name, **arguments) == comment
