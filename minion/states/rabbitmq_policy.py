"""Policies of RabbitMQ."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "rabbitmq.list_policies" in __salt__ else (False, "Command not found: rabbitmqctl")


def present(
    name: str,
    pattern: str,
    definition: Any,
    priority: int = 0,
    vhost: str = "/",
    runas: Optional[str] = None,
    apply_to: Optional[str] = None,
) -> Result:
    """Sees to it that there is a policy.

    Args:
        name: the policy.
        pattern: regular expression for the names that it is for.
        definition: JSON, or a mapping.
        priority: of several policies, the one with the highest counts.
        vhost: the virtual host.
        runas: who runs the command.
        apply_to: `queues`, `exchanges` or `all`.
    """
    ret = begun(name)
    try:
        wanted = json.loads(definition) if isinstance(definition, str) else definition
    except ValueError as exc:
        return failed(ret, f"The definition of policy {name} is not JSON: {exc}")
    try:
        policy = __salt__["rabbitmq.list_policies"](vhost=vhost, runas=runas).get(vhost, {}).get(name)
        updates = _differences(policy, pattern, wanted, priority, apply_to) if policy else []
        if policy and not updates:
            return {**ret, "comment": f"Policy {vhost} {name} is already present"}
        ret["changes"] = {"old": policy, "new": updates} if policy else {"old": {}, "new": name}
        if __opts__["test"]:
            return predicted(ret, f"Policy {vhost} {name} is set to be {'updated' if policy else 'created'}")
        how = {"priority": priority, "runas": runas, "apply_to": apply_to}
        comment = __salt__["rabbitmq.set_policy"](vhost, name, pattern, json.dumps(wanted), **how)["Set"]
    except CommandExecutionError as exc:
        return failed({**ret, "changes": {}}, str(exc))
    return {**ret, "comment": comment}


def _differences(policy: Dict[str, Any], pattern: str, definition: Any, priority: Any, apply_to: Any) -> List[str]:
    """What is other than wanted."""
    found = ["Pattern"] if policy["pattern"] != pattern else []
    found += ["Definition"] if json.loads(policy["definition"]) != definition else []
    found += ["Applyto"] if apply_to and policy["apply_to"] != apply_to else []
    return found + (["Priority"] if int(policy["priority"]) != int(priority) else [])


def absent(name: str, vhost: str = "/", runas: Optional[str] = None) -> Result:
    """Sees to it that there is no such policy.

    Args:
        name: the policy.
        vhost: the virtual host.
        runas: who runs the command.
    """
    ret = begun(name)
    try:
        if not __salt__["rabbitmq.policy_exists"](vhost, name, runas=runas):
            return {**ret, "comment": f"Policy '{vhost} {name}' is not present."}
        if __opts__["test"]:
            return predicted(ret, f"Policy '{vhost} {name}' will be removed.", old=name, new="")
        __salt__["rabbitmq.delete_policy"](vhost, name, runas=runas)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    return {**ret, "changes": {"old": name, "new": ""}, "comment": "Deleted"}
