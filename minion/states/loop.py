"""Waits until an execution function returns what is wanted."""

from __future__ import annotations

import operator
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__utils__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def until(
    name: str,
    m_args: Optional[Sequence[Any]] = None,
    m_kwargs: Optional[Mapping[str, Any]] = None,
    condition: Optional[str] = None,
    period: float = 1,
    timeout: float = 60,
) -> Result:
    """Calls an execution function until a condition is met.

    Args:
        name: the function.
        m_args, m_kwargs: its arguments.
        condition: a Python expression in which `m_ret` is what the function returned.
        period: seconds between two calls.
        timeout: seconds after which the state fails.
    """
    ret = begun(name)
    problem = f"Cannot find module {name}" if name not in __salt__ else _bad_times(period, timeout)
    if condition is None or problem:
        return failed(ret, problem or "An exit condition must be specified")
    if __opts__["test"]:
        return predicted(ret, f"The execution module {name} will be run")
    code = compile(condition, "<condition>", "eval")

    def holds(value: Any) -> bool:
        return bool(eval(code, {"m_ret": value}))  # noqa: S307 - who writes states may run what he likes

    _, met = _repeat(lambda: __salt__[name](*(m_args or ()), **(m_kwargs or {})), holds, period, timeout)
    if not met:
        return failed(ret, f"Timed out while waiting for condition {condition}")
    return {**ret, "comment": f"Condition {condition} was met"}


def until_no_eval(
    name: str,
    expected: Any,
    compare_operator: str = "eq",
    timeout: float = 60,
    period: float = 1,
    init_wait: float = 0,
    args: Optional[List[Any]] = None,
    kwargs: Optional[Mapping[str, Any]] = None,
) -> Result:
    """Calls an execution function until it returns what is expected.

    Args:
        name: the function.
        expected: what it is compared with.
        compare_operator: a function of Python's module `operator`, an execution function or one of `_utils`; it gets
            what was returned and what is expected.
        timeout: seconds after which the state fails.
        period: seconds between two calls.
        init_wait: seconds before the first.
        args, kwargs: arguments of the function.
    """
    ret = begun(name)
    if name not in __salt__:
        return failed(ret, f'Module.function "{name}" is unavailable.')
    compare = __salt__.get(compare_operator) or __utils__.get(compare_operator)
    compare = compare or getattr(operator, compare_operator, None)
    problem = _bad_times(period, timeout)
    if compare is None or problem:
        return failed(ret, problem or f'Invalid operator "{compare_operator}" supplied.')
    if __opts__["test"]:
        return predicted(ret, f'Would have waited for "{name}" to produce "{expected}".')
    matches: Callable[[Any, Any], Any] = compare
    time.sleep(init_wait)
    try:
        attempts, met = _repeat(
            lambda: __salt__[name](*(args or ()), **(kwargs or {})),
            lambda value: bool(matches(value, expected)),
            period,
            timeout,
        )
    except Exception as exc:  # noqa: BLE001 - a function may raise anything
        return failed(ret, f"Exception occurred while executing {name}: {type(exc)}:{exc}")
    if not met:
        return failed(ret, f"Call did not produce the expected result after {attempts} attempts")
    return {**ret, "comment": f"Call provided the expected results in {attempts} attempts"}


def _bad_times(period: Any, timeout: Any) -> str:
    for label, value in (("Period", period), ("Timeout", timeout)):
        if not isinstance(value, (int, float)):
            return f"{label} must be specified as a float in seconds"
    return ""


def _repeat(call: Callable[[], Any], holds: Callable[[Any], bool], period: float, timeout: float) -> Tuple[int, bool]:
    """(number of calls, whether the last one returned what is wanted)"""
    end, attempts = time.monotonic() + timeout, 0
    while time.monotonic() < end:
        attempts += 1
        if holds(call()):
            return attempts, True
        time.sleep(period)
    return attempts, False
