"""Plugins of RabbitMQ."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "rabbitmq.plugin_is_enabled" in __salt__ else (False, "Command not found: rabbitmqctl")


def enabled(name: str, runas: Optional[str] = None) -> Result:
    """Sees to it that a plugin is enabled.

    Args:
        name: the plugin.
        runas: who runs the command.
    """
    return _set(name, "enabled", "enable", runas, {"old": "", "new": name})


def disabled(name: str, runas: Optional[str] = None) -> Result:
    """Sees to it that a plugin is not enabled.

    Args:
        name: the plugin.
        runas: who runs the command.
    """
    return _set(name, "disabled", "disable", runas, {"old": name, "new": ""})


def _set(name: str, state: str, verb: str, runas: Optional[str], changes: Dict[str, str]) -> Result:
    ret = begun(name)
    try:
        if __salt__["rabbitmq.plugin_is_enabled"](name, runas=runas) == (verb == "enable"):
            return {**ret, "comment": f"Plugin '{name}' is already {state}."}
        if __opts__["test"]:
            return predicted(ret, f"Plugin '{name}' is set to be {state}.", **changes)
        __salt__[f"rabbitmq.{verb}_plugin"](name, runas=runas)
    except CommandExecutionError as exc:
        return failed(ret, f"Error: {exc}")
    return {**ret, "changes": changes, "comment": f"Plugin '{name}' was {state}."}
