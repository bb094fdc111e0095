"""Schemas in databases of PostgreSQL."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "schema_exists")


def present(
    dbname: str,
    name: str,
    owner: Optional[str] = None,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Result:
    """Sees to it that a database has a schema.

    Args:
        dbname: the database.
        name: the schema.
        owner: whose a new schema is.
        user: the account to run psql as.
        db_user, db_password, db_host, db_port: the connection.
    """
    ret = {"dbname": dbname, **begun(name)}
    server = {"db_user": db_user, "db_password": db_password, "db_host": db_host, "db_port": db_port, "user": user}
    if __salt__["postgres.schema_get"](dbname, name, **server) is not None:
        return {**ret, "comment": f"Schema {name} already exists in database {dbname}"}
    if __opts__["test"]:
        return predicted(ret, f"Schema {name} is set to be created in database {dbname}.")
    if not __salt__["postgres.schema_create"](dbname, name, owner=owner, **server):
        return failed(ret, f"Failed to create schema {name} in database {dbname}")
    comment = f"Schema {name} has been created in database {dbname}"
    return {**ret, "changes": {name: "Present"}, "comment": comment}


def absent(
    dbname: str,
    name: str,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Result:
    """Sees to it that a database does not have a schema; it must be empty.

    Args:
        dbname: the database.
        name: the schema.
        user: the account to run psql as.
        db_user, db_password, db_host, db_port: the connection.
    """
    ret = {"dbname": dbname, **begun(name)}
    server = {"db_user": db_user, "db_password": db_password, "db_host": db_host, "db_port": db_port, "user": user}
    if not __salt__["postgres.schema_exists"](dbname, name, **server):
        comment = f"Schema {name} is not present in database {dbname}, so it cannot be removed"
        return {**ret, "comment": comment}
    if __opts__["test"]:
        return predicted(ret, f"Schema {name} is set to be removed from database {dbname}")
    if not __salt__["postgres.schema_remove"](dbname, name, **server):
        return failed(ret, f"Schema {name} failed to be removed")
    comment = f"Schema {name} has been removed from database {dbname}"
    return {**ret, "changes": {name: "Absent"}, "comment": comment}
