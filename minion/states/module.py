"""Calls execution functions as states."""

from __future__ import annotations

import datetime
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.arguments import Signature, signature
from minion.errors import SaltInvocationError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__loaders__: Any

Result = Dict[str, Any]

# arguments that a state has for itself; functions get theirs as `m_name`, ...
_TAKEN = ("name", "fun", "names", "state", "saltenv")


def wait(name: str, **kwargs: Any) -> Result:
    """Calls a function only if a state that this one watches has changed something.

    Args:
        name: the function.
        kwargs: as for `module.run`.
    """
    return {"name": name, "changes": {}, "result": True, "comment": ""}


def watch(name: str, **kwargs: Any) -> Result:
    """Another name of `module.wait`.

    Args:
        name: the function.
        kwargs: as for `module.run`.
    """
    return wait(name)


def run(**kwargs: Any) -> Result:
    """Calls execution functions.

    .. code-block:: yaml

        fetch_out_of_band:
          module.run:
            - git.fetch:
              - cwd: /path/to/my/repo
              - opts: '--all'

        the older way:
          module.run:
            - name: test.arg
            - args: [1, 2]
            - kwargs: {key: value}

    Args:
        kwargs: function -> list of its arguments; or `name`, a function, and its arguments, where arguments that are
            called `name`, `fun`, `names`, `state` or `saltenv` are written `m_name`, ...; `returner` gets the result.
    """
    given = [key for key in kwargs if key not in ("name", "__reqs__", "sfun")]
    if not given or any("." not in key for key in given):
        return _run_named(**kwargs)
    return {**_run_functions({key: kwargs[key] for key in given}), "name": [key for key in kwargs if key != "name"]}


def mod_watch(**kwargs: Any) -> Result:
    """Calls the functions because of a change.

    Args:
        kwargs: as for `module.run`.
    """
    return run(**kwargs)


# function -> arguments


def _run_functions(functions: Dict[str, Any]) -> Result:
    ret: Result = {"changes": {}, "comment": "", "result": None}
    names = [name.split(":")[0] for name in functions]
    missing = [name for name in names if name not in __salt__]
    waiting = [name for name in names if name in __salt__] if __opts__["test"] else []
    if missing or waiting:
        comments = []
        if missing:
            comments.append(f"Unavailable {_functions_word(missing)}: {', '.join(missing)}.")
            ret["result"] = False
        if waiting:
            comments.append(f"F{_functions_word(waiting)[1:]} {', '.join(waiting)} to be executed.")
        return {**ret, "comment": " ".join(comments)}
    failures: List[str] = []
    successes: List[str] = []
    for name, arguments in functions.items():
        try:
            value = _call(name.split(":")[0], arguments)
        except (SaltInvocationError, TypeError) as exc:
            failures.append(f"'{name}' failed: {exc}")
            continue
        if _is_success(value):
            shown = value.get("comment", "Success") if isinstance(value, dict) else value
            successes.append(f"{name}: {shown}")
            ret["changes"][name] = value
        elif isinstance(value, dict):
            failures.append(f"'{name}' failed: {value.get('comment', '(error message N/A)')}")
        else:
            failures.append(f"'{name}': {value}")
    return {**ret, "comment": ", ".join(failures + successes), "result": not failures}


def _functions_word(names: List[str]) -> str:
    """ "function", or its odd plural, which Salt's comments have always had."""
    return "function" if len(names) == 1 else "functionTrue"


def _call(name: str, arguments: Any) -> Any:
    """Calls a function with a list of values and one-key mappings, whose keys are names of arguments."""
    function = __salt__[name]
    takes = signature(function)
    positional = [item for item in arguments or [] if not isinstance(item, dict)]
    keywords = {key: value for item in arguments or [] if isinstance(item, dict) for key, value in item.items()}
    required = [arg for arg in takes.args if arg not in takes.defaults]
    missing = [arg for arg in required[len(positional) :] if arg not in keywords]
    if missing:
        raise SaltInvocationError(f"Missing arguments: {', '.join(missing)}")
    named = [keywords.pop(arg) for arg in required[len(positional) :]]
    return function(*positional, *named, **keywords)


# name, and arguments beside it


def _run_named(name: str, **kwargs: Any) -> Result:
    ret: Result = {"name": name, "changes": {}, "comment": "", "result": None}
    if name not in __salt__:
        return {**ret, "comment": f"Module function {name} is not available", "result": False}
    if __opts__["test"]:
        return {**ret, "comment": f"Module function {name} is set to execute"}
    takes = signature(__salt__[name])
    try:
        args, keywords = _arguments(takes, kwargs)
    except SaltInvocationError as exc:
        return {**ret, "comment": str(exc), "result": False}
    try:
        value = __salt__[name](*args, **keywords)
    except Exception as exc:  # noqa: BLE001 - a function may raise anything
        comment = f"Module function {name} threw an exception. Exception: {exc}"
        return {**ret, "comment": comment, "result": False}
    _return_by(kwargs.get("returner"), name, value)
    comment = f"Module function {name} executed"
    return {**ret, "changes": {"ret": value}, "comment": comment, "result": _is_success(value)}


def _arguments(takes: Signature, given: Dict[str, Any]) -> Tuple[List[Any], Dict[str, Any]]:
    args: List[Any] = []
    missing: Dict[str, None] = {}
    for arg in takes.args:
        known_as = f"m_{arg}" if arg in _TAKEN else arg
        if known_as in given:
            args.append(given[known_as])
        elif arg in takes.defaults:
            args.append(given.get(arg, takes.defaults[arg]))
        else:
            missing[known_as] = None
    if missing:
        raise SaltInvocationError(f"The following arguments are missing: {' '.join(missing)}")
    more = _of_type(takes.varargs, list, "list", given)
    keywords = _of_type(takes.keywords, dict, "dict", given)
    return [*args, *(more or [])], keywords or {}


def _of_type(name: Optional[str], kind: type, kind_name: str, given: Dict[str, Any]) -> Any:
    known_as = f"m_{name}" if name in _TAKEN else name
    if name is None or known_as not in given:
        return None
    if not isinstance(given[known_as], kind):
        raise SaltInvocationError(f"'{name}' must be a {kind_name}.")
    return given[known_as]


def _return_by(returner: Optional[str], name: str, value: Any) -> None:
    key = f"{returner}.returner"
    if returner and key in __loaders__.returners:
        jid = datetime.datetime.now().strftime("%Y%m%d%H%M%S%f")
        __loaders__.returners[key]({"id": __opts__["id"], "ret": value, "fun": name, "jid": jid})


def _is_success(value: Any) -> bool:
    """False, a `result` that is false and a `retcode` that is not 0, at any depth, are failures."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, dict):
        return True
    for key, item in value.items():
        if (key == "result" and item is False) or (key == "retcode" and item != 0):
            return False
        if isinstance(item, dict) and not _is_success(item):
            return False
    return True
