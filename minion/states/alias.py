"""Who gets the mail of whom."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def present(name: str, target: Any) -> Result:
    """Sees to it that the mail of an alias goes to someone.

    Args:
        name: the alias.
        target: an address, or a list of them.
    """
    ret = begun(name)
    try:
        if __salt__["aliases.has_target"](name, target):
            return {**ret, "comment": f"Alias {name} already present"}
        if __opts__["test"]:
            return predicted(ret, f"Alias {name} -> {target} is set to be added")
        __salt__["aliases.set_target"](name, target)
    except (CommandExecutionError, OSError) as exc:
        return failed(ret, f"Failed to set alias {name} -> {target}: {exc}")
    return {**ret, "changes": {"alias": name}, "comment": f"Set email alias {name} -> {target}"}


def absent(name: str) -> Result:
    """Sees to it that there is no such alias.

    Args:
        name: the alias.
    """
    ret = begun(name)
    if not __salt__["aliases.get_target"](name):
        return {**ret, "comment": f"Alias {name} already absent"}
    if __opts__["test"]:
        return predicted(ret, f"Alias {name} is set to be removed")
    try:
        __salt__["aliases.rm_alias"](name)
    except (CommandExecutionError, OSError) as exc:
        return failed(ret, f"Failed to remove alias {name}: {exc}")
    return {**ret, "changes": {"alias": name}, "comment": f"Removed alias {name}"}
