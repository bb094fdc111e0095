"""PostgreSQL: languages and schemas of a database."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.modules import _postgres
from minion.modules._postgres import identifier

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


def language_list(
    maintenance_db: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, str]:
    """The languages of a database.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.language_list dbname
    """
    rows = _server(locals()).rows("SELECT lanname FROM pg_language")
    return {row["lanname"]: row["lanname"] for row in rows}


def language_exists(
    name: str,
    maintenance_db: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether a database has a language.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.language_exists plpgsql dbname
    """
    return name in language_list(maintenance_db, user, host, port, password, runas)


def language_create(
    name: str,
    maintenance_db: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Installs a language in a database; whether that worked, False also if it is there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.language_create plpgsql dbname
    """
    server = _server(locals())
    if language_exists(name, maintenance_db, user, host, port, password, runas):
        return False
    return server.execute(f"CREATE LANGUAGE {identifier(name)}")


def language_remove(
    name: str,
    maintenance_db: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes a language from a database; whether that worked, False also if it is not there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.language_remove plpgsql dbname
    """
    server = _server(locals())
    if not language_exists(name, maintenance_db, user, host, port, password, runas):
        return False
    return server.execute(f"DROP LANGUAGE {identifier(name)}")


def schema_list(
    dbname: str,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Dict[str, Any]:
    """The schemas of a database, with owner and privileges.

    Args:
        dbname: the database.
        user: the account to run psql as.
        db_user, db_password, db_host, db_port: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.schema_list dbname
    """
    rows = _in_database(locals()).rows(
        "SELECT nspname AS name, pg_get_userbyid(nspowner) AS owner, nspacl AS acl FROM pg_namespace"
    )
    return {row["name"]: {"owner": row["owner"], "acl": row["acl"]} for row in rows}


def _in_database(arguments: Dict[str, Any]) -> _postgres.Server:
    """The connection to a database, by the arguments of the functions for schemas."""
    names = {"user": "db_user", "host": "db_host", "port": "db_port", "password": "db_password", "runas": "user"}
    connection = {name: arguments[other] for name, other in names.items()}
    return _server({**connection, "maintenance_db": arguments["dbname"]})


def schema_get(
    dbname: str,
    name: str,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Optional[Dict[str, Any]]:
    """Owner and privileges of a schema; None if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.schema_get dbname name
    """
    found: Optional[Dict[str, Any]] = schema_list(dbname, user, db_user, db_password, db_host, db_port).get(name)
    return found


def schema_exists(
    dbname: str,
    name: str,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> bool:
    """Whether a database has a schema.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.schema_exists dbname name
    """
    return bool(schema_get(dbname, name, user, db_user, db_password, db_host, db_port))


def schema_create(
    dbname: str,
    name: str,
    owner: Optional[str] = None,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> bool:
    """Makes a schema; whether that worked, False also if it is there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.schema_create dbname name owner='owner'
    """
    server = _in_database(locals())
    if schema_exists(dbname, name, user, db_user, db_password, db_host, db_port):
        return False
    owned = f" AUTHORIZATION {identifier(owner)}" if owner is not None else ""
    return server.execute(f"CREATE SCHEMA {identifier(name)}{owned}")


def schema_remove(
    dbname: str,
    name: str,
    user: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> bool:
    """Removes an empty schema; whether that worked, False also if it is not there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.schema_remove dbname schemaname
    """
    server = _in_database(locals())
    if not schema_exists(dbname, name, user, db_user, db_password, db_host, db_port):
        return False
    return server.execute(f"DROP SCHEMA {identifier(name)}")
