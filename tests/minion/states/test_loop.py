from __future__ import annotations

from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

PING = "test.ping"


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"condition": "m_ret is True"}, "Condition m_ret is True was met"),
        ({"name": "test.echo", "m_args": ["ab"], "condition": "len(m_ret) == 2"}, "Condition len(m_ret) == 2 was met"),
        ({"name": "test.kwarg", "m_kwargs": {"a": 1}, "condition": 'm_ret["a"]'}, 'Condition m_ret["a"] was met'),
    ],
)
def test_a_condition_that_holds(host: State, arguments: Dict[str, Any], comment: str) -> None:
    called = {"name": PING, **arguments}
    assert host("loop.until", test=True, **called)["comment"] == f"The execution module {called['name']} will be run"
    done = host("loop.until", **called)
    assert (done["result"], done["comment"], done["changes"]) == (True, comment, {})


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        (PING, {}, "An exit condition must be specified"),
        ("nosuch.x", {"condition": "m_ret"}, "Cannot find module nosuch.x"),
        (PING, {"condition": "m_ret", "period": "1"}, "Period must be specified as a float in seconds"),
        (PING, {"condition": "not m_ret", "period": 0, "timeout": 0.01}, "Timed out while waiting for condition not"),
    ],
)
def test_a_condition_that_does_not_hold(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("loop.until", name, **arguments).startswith(comment)


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"expected": 5}, "Call provided the expected results in 1 attempts"),
        ({"expected": 4, "compare_operator": "gt"}, "Call provided the expected results in 1 attempts"),
        ({"expected": 5, "compare_operator": "test.arg"}, "Call provided the expected results in 1 attempts"),
    ],
)
def test_an_expected_result(host: State, arguments: Dict[str, Any], comment: str) -> None:
    predicted = host("loop.until_no_eval", "test.echo", test=True, args=[5], **arguments)
    assert predicted["comment"] == f'Would have waited for "test.echo" to produce "{arguments["expected"]}".'
    assert host("loop.until_no_eval", "test.echo", args=[5], **arguments)["comment"] == comment


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("nosuch.x", {}, 'Module.function "nosuch.x" is unavailable.'),
        (PING, {"compare_operator": "nosuch"}, 'Invalid operator "nosuch" supplied.'),
        (PING, {"timeout": "1"}, "Timeout must be specified as a float in seconds"),
        (PING, {"period": 0, "timeout": 0.01}, "Call did not produce the expected result after "),
        ("test.exception", {}, "Exception occurred while executing test.exception: <class 'Exception'>:"),
    ],
)
def test_another_result(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("loop.until_no_eval", name, expected=False, **arguments).startswith(comment)
