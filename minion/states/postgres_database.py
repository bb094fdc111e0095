"""Databases of PostgreSQL."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "user_exists")


def present(
    name: str,
    tablespace: Optional[str] = None,
    encoding: Optional[str] = None,
    lc_collate: Optional[str] = None,
    lc_ctype: Optional[str] = None,
    owner: Optional[str] = None,
    owner_recurse: bool = False,
    template: Optional[str] = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is a database.

    Args:
        name: the database.
        tablespace: where it lies.
        encoding, lc_collate, lc_ctype: how it reads and sorts text; these can't be changed afterwards.
        owner: whose it is.
        owner_recurse: give all that is in it to its owner, too, when the owner changes.
        template: the database that a new one is a copy of.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    found: Optional[Dict[str, Any]] = __salt__["postgres.db_list"](**server).get(name)
    fixed = {"Encoding": encoding, "Collate": lc_collate, "Ctype": lc_ctype}
    if found is None:
        if __opts__["test"]:
            return predicted(ret, f"Database {name} is set to be created")
        how = {"tablespace": tablespace, "owner": owner, "encoding": encoding, "template": template}
        how.update(lc_collate=lc_collate, lc_ctype=lc_ctype)
        if not __salt__["postgres.db_create"](name, **how, **server):
            return failed(ret, f"Failed to create database {name}")
        return {**ret, "changes": {name: "Present"}, "comment": f"The database {name} has been created"}
    if not _fits(found, fixed):
        return failed(ret, f"Database {name} has wrong parameters which couldn't be changed on fly.")
    if _fits(found, {"Tablespace": tablespace, "Owner": owner}):
        return {**ret, "comment": f"Database {name} is already present"}
    if __opts__["test"]:
        return predicted(ret, f"Database {name} exists, but parameters need to be changed")
    if not __salt__["postgres.db_alter"](
        name, tablespace=tablespace, owner=owner, owner_recurse=owner_recurse, **server
    ):
        return failed(ret, f"Failed to change parameters for database {name}")
    return {
        **ret,
        "changes": {name: "Parameters changed"},
        "comment": f"Parameters for database {name} have been changed",
    }


def _fits(found: Dict[str, Any], wanted: Dict[str, Optional[str]]) -> bool:
    """Is a database as it should be, as far as something is said of it?"""
    return all(
        not value or (found[key].lower() == value.lower() if key == "Encoding" else found[key] == value)
        for key, value in wanted.items()
    )


def absent(
    name: str,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is no such database.

    Args:
        name: the database.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    server = _postgres.connection(locals())
    there = __salt__["postgres.db_exists"](name, **server)
    return _postgres.absent(begun(name), f"Database {name}", there, __opts__["test"], lambda: _removed(name, server))


def _removed(name: str, server: Dict[str, Any]) -> bool:
    try:
        return bool(__salt__["postgres.db_remove"](name, **server))
    except CommandExecutionError:
        return False  # the reason is in the log
