"""Settings of the kernel, now and at each boot."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "sysctl.show" in __salt__ else (False, "sysctl module could not be loaded")


def present(name: str, value: Any, config: Optional[str] = None) -> Result:
    """Sees to it that a setting of the kernel has a certain value, and will have it after a boot.

    Args:
        name: the setting, such as `net.ipv4.ip_forward`.
        value: its value.
        config: the file in which it stands; if not given, the one that `sysctl.default_config` names.
    """
    ret = begun(name)
    config = config or __salt__["sysctl.default_config"]()
    if __opts__["test"]:
        return _predict(ret, name, value, __salt__["sysctl.show"](config_file=config))
    try:
        done = __salt__["sysctl.persist"](name, value, config)
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to set {name} to {value}: {exc}")
    if done == "Updated":
        ret.update(comment=f"Updated sysctl value {name} = {value}", changes={name: value})
    else:
        ret["comment"] = f"Sysctl value {name} = {value} is already set"
    return ret


def _predict(ret: Result, name: str, value: Any, configured: Any) -> Result:
    try:
        current = __salt__["sysctl.get"](name).split()
    except CommandExecutionError:  # it may come with a kernel module that is not loaded yet
        current = []
    wanted = str(value).split()
    if name in configured:
        if wanted == current == str(configured[name]).split():
            ret["comment"] = f"Sysctl value {name} = {value} is already set"
            return ret
        return predicted(ret, f"Sysctl option {name} would be changed to {value}")
    if current != wanted:
        return predicted(ret, f"Sysctl option {name} set to be changed to {value}")
    return predicted(
        ret,
        "Sysctl value is currently set on the running system but not in a config file. "
        f"Sysctl option {name} set to be changed to {value} in config file.",
    )
