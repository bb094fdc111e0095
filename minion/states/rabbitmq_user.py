"""Users of RabbitMQ."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "rabbitmq.list_users" in __salt__ else (False, "Command not found: rabbitmqctl")


def present(
    name: str,
    password: Optional[str] = None,
    force: bool = False,
    tags: Any = None,
    perms: Sequence[Mapping[str, Sequence[str]]] = (),
    runas: Optional[str] = None,
) -> Result:
    """Sees to it that there is a user.

    Args:
        name: the user.
        password: its password.
        force: set the password in any case; without one, take it away.
        tags: a list, or text with blanks between.
        perms: list of mappings of a virtual host to what may be configured, written to and read, as three regular
            expressions.
        runas: who runs the command.
    """
    ret = begun(name)
    try:
        exists = __salt__["rabbitmq.user_exists"](name, runas=runas)
        if not exists:
            made = {"old": "", "new": name}
            if __opts__["test"]:
                return predicted(ret, f"User '{name}' is set to be created.", user=made)
            __salt__["rabbitmq.add_user"](name, password, runas=runas)
            ret["changes"]["user"] = made
        elif force or _is_other_password(name, password, runas):
            _set_password(ret, password, runas)
        if tags is not None:
            _set_tags(ret, tags.split() if isinstance(tags, str) else list(tags), runas)
        _set_permissions(ret, perms, runas)
    except CommandExecutionError as exc:
        return failed(ret, f"Error: {exc}")
    if not ret["changes"]:
        asked = force or perms or tags
        comment = f"'{name}' is already in the desired state." if asked else f"User '{name}' is already present."
        return {**ret, "comment": comment}
    if __opts__["test"]:
        return predicted(ret, f"Configuration for '{name}' will change.")
    return {**ret, "comment": f"'{name}' was configured."}


def _is_other_password(name: str, password: Optional[str], runas: Optional[str]) -> bool:
    return password is not None and not __salt__["rabbitmq.check_password"](name, password, runas=runas)


def _set_password(ret: Result, password: Optional[str], runas: Optional[str]) -> None:
    if password is not None:
        _call("change_password", ret["name"], password, runas=runas)
        ret["changes"]["password"] = {"old": "", "new": "Set password."}
    else:
        _call("clear_password", ret["name"], runas=runas)
        ret["changes"]["password"] = {"old": "Removed password.", "new": ""}


def _call(function: str, *args: Any, runas: Optional[str]) -> None:
    """Calls what changes something, unless in test mode."""
    if not __opts__["test"]:
        __salt__[f"rabbitmq.{function}"](*args, runas=runas)


def _set_tags(ret: Result, tags: List[str], runas: Optional[str]) -> None:
    current = list(__salt__["rabbitmq.list_users"](runas=runas).get(ret["name"], []))
    if set(current) == set(tags):
        return
    _call("set_user_tags", ret["name"], tags, runas=runas)
    ret["changes"]["tags"] = {"old": current, "new": tags}


def _set_permissions(ret: Result, perms: Sequence[Mapping[str, Sequence[str]]], runas: Optional[str]) -> None:
    if not perms:
        return
    existing = __salt__["rabbitmq.list_user_permissions"](ret["name"], runas=runas)
    for vhost, expressions in (pair for mapping in perms for pair in mapping.items()):
        wanted = dict(zip(("configure", "write", "read"), expressions))
        if existing.get(vhost) == wanted:
            continue
        _call("set_permissions", vhost, ret["name"], *expressions, runas=runas)
        change = ret["changes"].setdefault("perms", {"old": {}, "new": {}})
        change["old"].update({vhost: existing[vhost]} if vhost in existing else {})
        change["new"][vhost] = wanted


def absent(name: str, runas: Optional[str] = None) -> Result:
    """Sees to it that there is no such user.

    Args:
        name: the user.
        runas: who runs the command.
    """
    ret = begun(name)
    try:
        if not __salt__["rabbitmq.user_exists"](name, runas=runas):
            return {**ret, "comment": f"The user '{name}' is not present."}
        if __opts__["test"]:
            return predicted(ret, f"The user '{name}' will be removed.", name={"old": name, "new": ""})
        __salt__["rabbitmq.delete_user"](name, runas=runas)
    except CommandExecutionError as exc:
        return failed(ret, f"Error: {exc}")
    return {**ret, "changes": {"name": {"old": name, "new": ""}}, "comment": f"The user '{name}' was removed."}
