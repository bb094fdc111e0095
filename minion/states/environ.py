"""The environment variables of the minion, which the commands that it runs inherit."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def setenv(
    name: str,
    value: Any,
    false_unsets: bool = False,
    clear_all: bool = False,
    update_minion: bool = False,
    permanent: Any = False,
) -> Result:
    """Sees to it that environment variables have certain values, in this process or in the whole minion.

    Args:
        name: the variable; any text, if `value` is a mapping.
        value: its value; or several variables with their values. False empties a variable.
        false_unsets: False removes a variable, rather than to empty it.
        clear_all: empty or remove all others.
        update_minion: in the minion too, not only in this job.
        permanent: of no effect but on Windows.
    """
    ret = begun(name)
    if isinstance(value, str) or value is False:
        wanted = {name: value}
    elif isinstance(value, dict):
        wanted = value
    else:
        return failed(ret, "Environ value must be string, dict or False")
    gone = None if false_unsets is True else ""
    changes: Dict[str, Any] = {}
    if clear_all is True:
        changes.update((key, gone) for key in os.environ if key not in wanted)
    for key, each in wanted.items():
        after = gone if each is False else each
        if os.environ.get(key) != after and not (after == "" and each is not False and key not in os.environ):
            changes[key] = after
    if __opts__["test"]:
        ret["changes"] = changes
        said = "will be changed" if changes else "are already set with the correct values"
        ret["comment"] = f"Environ values {said}"
        return ret
    if not changes:
        ret["comment"] = "Environ values were already set with the correct values"
        return ret
    done = __salt__["environ.setenv"](wanted, false_unsets, clear_all, update_minion, permanent)
    if not done:
        return failed(ret, "Failed to set environ variables")
    ret.update(comment="Environ values were set", changes=done)
    return ret
