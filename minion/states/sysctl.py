"""Settings of the kernel."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return (
        True if "sysctl.show" in __salt__ else (False, "there is no execution module for kernel settings of this host")
    )


def present(name: str, value: Any, config: Optional[str] = None) -> Result:
    """Sees to it that a kernel setting has a value, now and after the next boot.

    Args:
        name: the setting, as net.ipv4.ip_forward.
        value: its value.
        config: the file in which it stands; by default the system's.
    """
    ret = begun(name)
    file = config or __salt__["sysctl.default_config"]()
    if __opts__["test"]:
        return _predict(ret, value, file)
    try:
        done = __salt__["sysctl.persist"](name, value, file)
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to set {name} to {value}: {exc}")
    if done == "Already set":
        return {**ret, "comment": f"Sysctl value {name} = {value} is already set"}
    return {**ret, "changes": {name: value}, "comment": f"Updated sysctl value {name} = {value}"}


def _predict(ret: Result, value: Any, file: str) -> Result:
    name = ret["name"]
    configured = __salt__["sysctl.show"](config_file=file) or {}
    try:
        is_set = _same(__salt__["sysctl.get"](name), value)
    except CommandExecutionError:
        is_set = False  # a module that an earlier state loads may bring it
    if name in configured:
        if is_set and _same(configured[name], value):
            return {**ret, "comment": f"Sysctl value {name} = {value} is already set"}
        comment = f"Sysctl option {name} would be changed to {value}"
    elif is_set:
        comment = (
            "Sysctl value is currently set on the running system but not in a config file. "
            f"Sysctl option {name} set to be changed to {value} in config file."
        )
    else:
        comment = f"Sysctl option {name} set to be changed to {value}"
    return {**ret, "result": None, "comment": comment}


def _same(one: Any, other: Any) -> bool:
    """Are two values equal? The kernel separates numbers by tabs, people by blanks."""
    return str(one).split() == str(other).split()
