"""Users of PostgreSQL."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "user_exists")


def present(
    name: str,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    encrypted: Any = None,
    superuser: Optional[bool] = None,
    replication: Optional[bool] = None,
    inherit: Optional[bool] = None,
    login: Optional[bool] = None,
    password: Optional[str] = None,
    default_password: Optional[str] = None,
    refresh_password: Optional[bool] = None,
    valid_until: Optional[str] = None,
    groups: Any = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is a user who may do certain things.

    Args:
        name: the user.
        createdb, createroles, superuser, replication, inherit, login: what the user may.
        encrypted: how the server keeps the password: md5 (or True), scram-sha-256, or False.
        password: in clear, or what the server keeps.
        default_password: for a new user, if there is no `password`.
        refresh_password: set the password without looking at the present one, which only superusers can.
        valid_until: until when the password holds.
        groups: the groups that the user belongs to; a list, or names joined by commas.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    arguments = dict(locals())
    return _postgres.role_present(__salt__, __opts__["test"], "user", arguments, _postgres.connection(arguments))


def absent(
    name: str,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is no such user.

    Args:
        name: the user.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    server = _postgres.connection(locals())
    there = __salt__["postgres.user_exists"](name, **server)
    remove = __salt__["postgres.user_remove"]
    return _postgres.absent(begun(name), f"User {name}", there, __opts__["test"], lambda: remove(name, **server))
