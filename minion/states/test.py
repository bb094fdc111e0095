"""States that only pretend: for trying out requisites, orders and outputs, and for checking the pillar."""

from __future__ import annotations

import random
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import SaltInvocationError
from minion.state.tags import tag_of

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__low__: Any
__running__: Any

Result = Dict[str, Any]

_CHANGES = {"testing": {"old": "Unchanged", "new": "Something pretended to change"}}


def _result(name: str, result: Optional[bool], comment: str, changes: bool = False) -> Result:
    return {"name": name, "changes": dict(_CHANGES) if changes else {}, "result": result, "comment": comment}


def nop(name: str, **kwargs: Any) -> Result:
    """Does nothing; something to hang requisites on.

    Args:
        name: any text.
        kwargs: ignored.
    """
    return succeed_without_changes(name)


def succeed_without_changes(name: str, **kwargs: Any) -> Result:
    """Succeeds and changes nothing.

    Args:
        name: any text.
        kwargs: `comment` is shown.
    """
    return _result(name, True, kwargs.get("comment", "Success!"))


def fail_without_changes(name: str, **kwargs: Any) -> Result:
    """Fails and changes nothing.

    Args:
        name: any text.
        kwargs: `comment` is shown.
    """
    if __opts__["test"]:
        return _result(name, False, "If we weren't testing, this would be a failure!")
    return _result(name, False, kwargs.get("comment", "Failure!"))


def succeed_with_changes(name: str, **kwargs: Any) -> Result:
    """Succeeds and pretends to change something.

    Args:
        name: any text.
        kwargs: `comment` is shown.
    """
    if __opts__["test"]:
        return _result(name, None, "If we weren't testing, this would be successful with changes", changes=True)
    return _result(name, True, kwargs.get("comment", "Success!"), changes=True)


def fail_with_changes(name: str, **kwargs: Any) -> Result:
    """Fails and pretends to have changed something.

    Args:
        name: any text.
        kwargs: `comment` is shown.
    """
    if __opts__["test"]:
        return _result(name, None, "If we weren't testing, this would be failed with changes", changes=True)
    return _result(name, False, kwargs.get("comment", "Failure!"), changes=True)


def configurable_test_state(
    name: str,
    changes: Any = True,
    result: Any = True,
    comment: str = "",
    warnings: Union[str, List[str], None] = None,
    allow_test_mode_failure: bool = False,
) -> Result:
    """Does what it is told to pretend.

    Args:
        name: any text.
        changes: pretend to change something: true, false or `Random`.
        result: true, false or `Random`.
        comment: is shown.
        warnings: are shown.
        allow_test_mode_failure: a false `result` holds in test mode too.
    """
    changed = _chosen("changes", changes)
    ret = _result(name, _chosen("result", result), comment, changes=changed)
    if isinstance(warnings, (str, list)):
        ret["warnings"] = [warnings] if isinstance(warnings, str) else warnings
    elif warnings is not None:
        raise SaltInvocationError(
            "You have specified the state option 'warnings' with invalid arguments. "
            "It must be a string or a list of strings"
        )
    if __opts__["test"]:
        predicted = True if changes is False else None
        ret["result"] = result if allow_test_mode_failure and result is False else predicted
        ret["comment"] = comment or "This is a test"
    return ret


def _chosen(option: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() == "random":
        return random.choice((True, False))  # noqa: S311 - no secret
    raise SaltInvocationError(
        f"You have specified the state option '{option}' with invalid arguments. "
        "It must be either True, False, or 'Random'"
    )


def show_notification(name: str, text: Optional[str] = None, **kwargs: Any) -> Result:
    """Shows a text.

    Args:
        name: any text.
        text: is shown.
        kwargs: ignored.
    """
    if not text:
        raise SaltInvocationError("Missing required argument text.")
    return _result(name, True, text)


def mod_watch(name: str, sfun: Optional[str] = None, **kwargs: Any) -> Result:
    """Says what has changed among the states that are watched.

    Args:
        name: any text.
        sfun: the state function that watches.
        kwargs: `result`, `comment` and `changes` are given back.
    """
    watched = __low__["__reqs__"].get("watch", []) if "__reqs__" in __low__ else []
    changed = [f"{low['state']}: {low['__id__']}" for low in watched if __running__[tag_of(low)]["changes"]]
    return {
        "name": name,
        "result": kwargs.get("result", True),
        "comment": kwargs.get("comment", "Watch statement fired."),
        "changes": kwargs.get("changes", {"Requisites with changes": changed}),
    }


def check_pillar(
    name: str,
    present: Any = None,
    boolean: Any = None,
    integer: Any = None,
    string: Any = None,
    listing: Any = None,
    dictionary: Any = None,
    verbose: bool = False,
) -> Result:
    """Succeeds if the pillar has certain keys.

    Args:
        name: any text.
        present: keys that must be there.
        boolean: keys whose values must be true or false.
        integer: keys whose values must be whole numbers.
        string: keys whose values must be text.
        listing: keys whose values must be lists.
        dictionary: keys whose values must be mappings.
        verbose: name the keys that are right too.
    """
    wanted = [
        (None, present),
        (bool, boolean),
        (int, integer),
        (str, string),
        (list, listing),
        (dict, dictionary),
    ]
    if not any(keys for _, keys in wanted):
        raise SaltInvocationError("Missing required argument text.")
    wrong, fine = "", ""
    for kind, keys in wanted:
        for key in [keys] if isinstance(keys, str) else keys or []:
            value = __salt__["pillar.get"](key, None)
            shown = (str,) if kind is str else kind
            if value is None:
                wrong += f'Pillar key "{key}" is missing.\n'
            elif kind is not None and not isinstance(value, kind):
                wrong += f'Pillar key "{key}" is not {shown}.\n'
            else:
                fine += f"- {key} ({shown})\n"
    comment = wrong + (f"Those keys passed the check:\n{fine}" if verbose and fine else "")
    return _result(name, not wrong, comment)
