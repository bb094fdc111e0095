"""What the states of PostgreSQL share."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping

from minion.modules import _postgres_password
from minion.states._result import Result, begun, failed, predicted

Salt = Mapping[str, Callable[..., Any]]

_CONNECTION = {  # argument of states -> argument of execution functions
    "user": "runas",
    "maintenance_db": "maintenance_db",
    "db_password": "password",
    "db_host": "host",
    "db_port": "port",
    "db_user": "user",
}
_MAY = {  # argument -> how `postgres.role_get` calls it
    "createdb": "can create databases",
    "inherit": "inherits privileges",
    "login": "can login",
    "createroles": "can create roles",
    "replication": "replication",
    "superuser": "superuser",
}


def usable(salt: Salt, function: str) -> Any:
    """What `__virtual__` of the states says."""
    if f"postgres.{function}" in salt:
        return True
    return False, "Unable to load postgres module.  Make sure `postgres.bins_dir` is set."


def connection(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """The connection that the arguments of a state name, as execution functions take it."""
    return {other: arguments[name] for name, other in _CONNECTION.items() if name in arguments}


def absent(ret: Result, noun: str, there: bool, test: bool, remove: Callable[[], Any]) -> Result:
    """Sees to it that a thing is gone.

    Args:
        ret: the result so far.
        noun: what it is, as `User fred`.
        there: whether it is there.
        test: only predict.
        remove: removes it; true if that worked.
    """
    if not there:
        return {**ret, "comment": f"{noun} is not present, so it cannot be removed"}
    if test:
        return predicted(ret, f"{noun} is set to be removed")
    if not remove():
        return failed(ret, f"{noun} failed to be removed")
    return {**ret, "changes": {ret["name"]: "Absent"}, "comment": f"{noun} has been removed"}


def role_present(salt: Salt, test: bool, kind: str, arguments: Mapping[str, Any], server: Dict[str, Any]) -> Result:
    """Sees to it that a user or group is as its state says.

    Args:
        salt: the execution functions.
        test: only predict.
        kind: user or group.
        arguments: of the state.
        server: the connection.
    """
    name, ret = arguments["name"], begun(arguments["name"])
    if _method(arguments) not in _postgres_password.METHODS:
        return failed(ret, f"Unknown password algorithm: {_method(arguments)}")
    refresh = bool(arguments["refresh_password"])
    role = salt["postgres.role_get"](name, return_password=not refresh, **server)
    update = {} if role is None else _role_changes(salt, role, arguments, server)
    verb = "create" if role is None else "update"
    if role is not None and not update:
        return {**ret, "comment": f"{kind.capitalize()} {name} is already present"}
    changes = {name: update or "Present"}
    if test:
        return predicted(ret, f"{kind.capitalize()} {name} is set to be {verb}d", **(changes if update else {}))
    password = arguments["password"]
    if role is None and password is None:
        password = arguments.get("default_password")
    names = (*_MAY, "valid_until", "groups")
    given = {key: arguments[key] for key in names if key in arguments}
    given["encrypted"] = _method(arguments)
    given["rolepassword"] = password if role is None or "password" in update else None
    if not salt[f"postgres.{kind}_{verb}"](
        **{f"{kind}name" if kind == "group" else "username": name}, **given, **server
    ):
        return failed(ret, f"Failed to {verb} {kind} {name}")
    return {**ret, "changes": changes, "comment": f"The {kind} {name} has been {verb}d"}


def _method(arguments: Mapping[str, Any]) -> Any:
    """How the server is to keep the password."""
    return _postgres_password.DEFAULT if arguments["encrypted"] is None else arguments["encrypted"]


def _role_changes(
    salt: Salt, role: Mapping[str, Any], arguments: Mapping[str, Any], server: Dict[str, Any]
) -> Dict[str, Any]:
    """Argument -> its value, where a role differs from it."""
    update = {
        key: arguments[key]
        for key, column in _MAY.items()
        if arguments[key] is not None and role[column] != arguments[key]
    }
    password, name = arguments["password"], arguments["name"]
    if password is not None:
        known = "password" in role and _postgres_password.matches(name, password, role["password"], _method(arguments))
        if not known:
            update["password"] = True
    until = arguments.get("valid_until")
    if until is not None and _moment(salt, until, server) != str(role["expiry time"]):
        update["valid_until"] = until
    missing = [group for group in _names(arguments["groups"]) if group not in role["groups"]]
    return {**update, "groups": missing} if missing else update


def _moment(salt: Salt, text: str, server: Dict[str, Any]) -> str:
    """A moment as the server writes it; None if it never comes."""
    escaped = str(text).replace("'", "''")
    found = salt["postgres.psql_query"](f"SELECT '{escaped}'::timestamp(0) AS dt", **server)
    moment = str(found[0]["dt"]) if found else ""
    return "None" if moment.endswith("infinity") else moment


def _names(groups: Any) -> List[str]:
    return [group.strip() for group in groups.split(",")] if isinstance(groups, str) else list(groups or [])
