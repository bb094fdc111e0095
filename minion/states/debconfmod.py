"""Answers to the questions that Debian's packages ask when they are installed."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__env__: str
__virtualname__ = "debconf"
__func_alias__ = {"set_": "set"}


def __virtual__() -> Any:
    if __grains__["os_family"] != "Debian":
        return False, "debconf is Debian's"
    return True if "debconf.show" in __salt__ else (False, "debconf-utils is not installed")


def set_file(
    name: str,
    source: str,
    template: Optional[str] = None,
    context: Any = None,
    defaults: Any = None,
    **kwargs: Any,
) -> Result:
    """Answers the questions of a file of selections.

    Args:
        name: the package, or any text.
        source: the file, as salt://...
        template: the engine that renders it.
        context, defaults: variables for the template; those in `context` win.
        kwargs: `saltenv`, the environment of the file; the template sees the rest.
    """
    ret = begun(name)
    for option, value in (("Context", context), ("Defaults", defaults)):
        if value is not None and not isinstance(value, dict):
            return failed(ret, f"{option} must be formed as a dict")
    if __opts__["test"]:
        return {**ret, "result": None, "comment": "Debconf selections would have been set."}
    kwargs.setdefault("saltenv", __env__)
    try:
        if template:
            done = __salt__["debconf.set_template"](source, template, context or {}, defaults or {}, **kwargs)
        else:
            done = __salt__["debconf.set_file"](source, **kwargs)
    except CommandExecutionError as exc:
        return failed(ret, f"Unable to set debconf selections from file. {exc}")
    if not done:
        return failed(ret, "Unable to set debconf selections from file.")
    return {**ret, "comment": "Debconf selections were set."}


def set_(name: str, data: Dict[str, Dict[str, Any]], **kwargs: Any) -> Result:
    """Sees to it that questions are answered in a certain way.

    Args:
        name: the package.
        data: question -> `type` and `value`.
        kwargs: ignored.
    """
    ret = begun(name)
    current = __salt__["debconf.show"](name) or []
    unchanged: List[str] = []
    for question, answer in data.items():
        kind, value = answer["type"], answer["value"]
        if kind == "boolean":
            value = "true" if value else "false"
        if [question, kind, str(value)] in current:
            unchanged.append(question)
        elif __opts__["test"]:
            ret["result"] = None
            ret["changes"][question] = f"New value: {_shown(kind, value)}"
        else:
            ret["changes"][question] = _answer(ret, question, kind, value)
    if not ret["changes"]:
        return {**ret, "comment": "All specified answers are already set"}
    if ret["result"] is False:
        return {**ret, "comment": "Some settings failed to be applied."}
    return {**ret, "comment": f"Unchanged answers: {' '.join(unchanged)} " if unchanged else ""}


def _shown(kind: str, value: Any) -> str:
    return "(password hidden)" if kind == "password" else str(value)


def _answer(ret: Result, question: str, kind: str, value: Any) -> str:
    """Answers a question; what to tell of it."""
    try:
        if __salt__["debconf.set"](ret["name"], question, kind, value):
            return _shown(kind, value)
    except CommandExecutionError:
        pass  # the result tells which one failed
    ret["result"] = False
    return "Failed to set!"
