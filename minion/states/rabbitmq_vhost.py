"""Virtual hosts of RabbitMQ."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "rabbitmq.list_vhosts" in __salt__ else (False, "Command not found: rabbitmqctl")


def present(name: str) -> Result:
    """Sees to it that there is a virtual host.

    Args:
        name: the virtual host.
    """
    ret = begun(name)
    try:
        if __salt__["rabbitmq.vhost_exists"](name):
            return {**ret, "comment": f"Virtual Host '{name}' already exists."}
        if __opts__["test"]:
            return predicted(ret, f"Virtual Host '{name}' will be created.", old="", new=name)
        comment = __salt__["rabbitmq.add_vhost"](name)["Added"]
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return {**ret, "changes": {"old": "", "new": name}, "comment": comment}


def absent(name: str) -> Result:
    """Sees to it that there is no such virtual host.

    Args:
        name: the virtual host.
    """
    ret = begun(name)
    try:
        if not __salt__["rabbitmq.vhost_exists"](name):
            return {**ret, "comment": f"Virtual Host '{name}' is not present."}
        if __opts__["test"]:
            return predicted(ret, f"Virtual Host '{name}' will be removed.", old=name, new="")
        comment = __salt__["rabbitmq.delete_vhost"](name)["Deleted"]
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return {**ret, "changes": {"old": name, "new": ""}, "comment": comment}
