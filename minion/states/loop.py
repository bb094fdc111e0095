"""Waiting until an execution function answers as expected."""

from __future__ import annotations

import operator
import time
from typing import Any, Callable, Dict, List, Optional, Union

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__utils__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def until(
    name: str,
    m_args: Optional[List[Any]] = None,
    m_kwargs: Optional[Dict[str, Any]] = None,
    condition: Optional[str] = None,
    period: Union[int, float] = 1,
    timeout: Union[int, float] = 60,
) -> Result:
    """Calls an execution function again and again until a condition holds.

    Args:
        name: the function.
        m_args, m_kwargs: its arguments.
        condition: a Python expression; `m_ret` in it is what the function returned. It may do what Python may do, so
            nothing in it may come from strangers.
        period: seconds between two calls.
        timeout: seconds after which the state fails.
    """
    ret = begun(name)
    if name not in __salt__:
        return failed(ret, f"Cannot find module {name}")
    if condition is None:
        return failed(ret, "An exit condition must be specified")
    complaint = _wrong_times(period, timeout)
    if complaint:
        return failed(ret, complaint)
    if __opts__["test"]:
        return predicted(ret, f"The execution module {name} will be run")
    deadline = time.time() + timeout
    while time.time() < deadline:
        answer = __salt__[name](*(m_args or ()), **(m_kwargs or {}))
        if eval(condition, {"m_ret": answer}):  # noqa: S307 - as free as a template of whoever wrote the SLS file
            ret["comment"] = f"Condition {condition} was met"
            return ret
        time.sleep(period)
    return failed(ret, f"Timed out while waiting for condition {condition}")


def until_no_eval(
    name: str,
    expected: Any,
    compare_operator: str = "eq",
    timeout: Union[int, float] = 60,
    period: Union[int, float] = 1,
    init_wait: Union[int, float] = 0,
    args: Optional[List[Any]] = None,
    kwargs: Optional[Dict[str, Any]] = None,
) -> Result:
    """Calls an execution function again and again until its result compares with what is expected.

    Args:
        name: the function.
        expected: what to compare its result with.
        compare_operator: how: a function of Python's `operator` (`eq`, `lt`, `contains`, ...), or an execution function
            that takes the result and what is expected.
        timeout: seconds after which the state fails.
        period: seconds between two calls.
        init_wait: seconds before the first call.
        args, kwargs: the function's arguments.
    """
    ret = begun(name)
    if __opts__["test"]:
        return predicted(ret, f'Would have waited for "{name}" to produce "{expected}".')
    compare = _comparison(compare_operator)
    if name not in __salt__:
        return failed(ret, f'Module.function "{name}" is unavailable.')
    if compare is None:
        return failed(ret, f'Invalid operator "{compare_operator}" supplied.')
    complaint = _wrong_times(period, timeout)
    if complaint:
        return failed(ret, complaint)
    time.sleep(init_wait)
    attempts, deadline = 0, time.time() + timeout
    while time.time() < deadline:
        attempts += 1
        try:
            answer = __salt__[name](*(args or ()), **(kwargs or {}))
        except Exception as exc:  # noqa: BLE001 - whatever the function raises ends the waiting
            return failed(ret, f"Exception occurred while executing {name}: {type(exc)}:{exc}")
        if compare(answer, expected):
            ret["comment"] = f"Call provided the expected results in {attempts} attempts"
            return ret
        time.sleep(period)
    return failed(ret, f"Call did not produce the expected result after {attempts} attempts")


def _comparison(name: str) -> Optional[Callable[[Any, Any], Any]]:
    for known in (__salt__, __utils__):
        if name in known:
            return known[name]
    return None if name.startswith("_") else getattr(operator, name, None)


def _wrong_times(period: Any, timeout: Any) -> str:
    for what, seconds in (("Period", period), ("Timeout", timeout)):
        if not isinstance(seconds, (int, float)):
            return f"{what} must be specified as a float in seconds"
    return ""
