"""Groups of PostgreSQL: roles that others belong to."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "group_create")


def present(
    name: str,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    encrypted: Any = None,
    superuser: Optional[bool] = None,
    inherit: Optional[bool] = None,
    login: Optional[bool] = None,
    replication: Optional[bool] = None,
    password: Optional[str] = None,
    refresh_password: Optional[bool] = None,
    groups: Any = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is a group which may do certain things.

    Args:
        name: the group.
        createdb, createroles, superuser, inherit, login, replication: what it may.
        encrypted: how the server keeps the password: md5 (or True), scram-sha-256, or False.
        password: in clear, or what the server keeps.
        refresh_password: set the password without looking at the present one, which only superusers can.
        groups: the groups that it belongs to; a list, or names joined by commas.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    arguments = dict(locals())
    return _postgres.role_present(__salt__, __opts__["test"], "group", arguments, _postgres.connection(arguments))


def absent(
    name: str,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is no such group.

    Args:
        name: the group.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    server = _postgres.connection(locals())
    there = __salt__["postgres.user_exists"](name, **server)
    remove = __salt__["postgres.group_remove"]
    return _postgres.absent(begun(name), f"Group {name}", there, __opts__["test"], lambda: remove(name, **server))
