"""Answers to the questions that Debian's packages ask when they are installed."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__virtualname__ = "debconf"
__func_alias__ = {"set_": "set"}

_HIDDEN = "(password hidden)"


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Debian":
        return False, "debconf state only runs on Debian systems"
    return True if "debconf.show" in __salt__ else (False, "debconf module could not be loaded")


def set_file(
    name: str,
    source: str,
    template: Optional[str] = None,
    context: Any = None,
    defaults: Any = None,
    **kwargs: Any,
) -> Result:
    """Sets the answers that a file lists.

    Args:
        name: any text.
        source: URL of the file.
        template: the engine that renders it.
        context, defaults: variables for the template; those in `context` win.
        kwargs: passed on to `debconf.set_file`.
    """
    ret = begun(name)
    for option, value in (("Context", context), ("Defaults", defaults)):
        if value is not None and not isinstance(value, dict):
            return failed(ret, f"{option} must be formed as a dict")
    if __opts__["test"]:
        return predicted(ret, "Debconf selections would have been set.")
    if template:
        done = __salt__["debconf.set_template"](source, template, context or {}, defaults or {}, **kwargs)
    else:
        done = __salt__["debconf.set_file"](source, **kwargs)
    if not done:
        return failed(ret, "Unable to set debconf selections from file.")
    ret["comment"] = "Debconf selections were set."
    return ret


def set_(name: str, data: Dict[str, Dict[str, Any]], **kwargs: Any) -> Result:
    """Sees to it that questions are answered.

    Args:
        name: the package that asks.
        data: question -> `type` and `value` of the answer.
        kwargs: ignored.
    """
    ret = begun(name)
    unchanged = []
    known = __salt__["debconf.show"](name) or []
    for question, answer in data.items():
        kind, value = answer["type"], answer["value"]
        if kind == "boolean":
            value = "false" if str(value).lower() in ("false", "0", "", "no", "none") else "true"
        shown = _HIDDEN if kind == "password" else str(value)
        if [question, kind, str(value)] in [list(each) for each in known]:
            unchanged.append(question)
        elif __opts__["test"]:
            predicted(ret, "", **{question: f"New value: {shown}"})
        elif __salt__["debconf.set"](name, question, kind, value):
            ret["changes"][question] = shown
        else:
            failed(ret, "Some settings failed to be applied.")
            ret["changes"][question] = "Failed to set!"
    if not ret["changes"]:
        ret["comment"] = "All specified answers are already set"
    elif unchanged and ret["result"] is not False:
        ret["comment"] = "Unchanged answers: " + "".join(f"{question} " for question in unchanged)
    return ret
