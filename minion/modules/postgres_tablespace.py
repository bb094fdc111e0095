"""PostgreSQL: tablespaces."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.modules import _postgres
from minion.modules._postgres import identifier, literal

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


def tablespace_list(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """The tablespaces, with owner, privileges, options and location.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.tablespace_list
    """
    rows = _server(locals()).rows(
        'SELECT spcname AS "Name", pg_get_userbyid(spcowner) AS "Owner", spcacl AS "ACL", spcoptions AS "Opts", '
        'pg_tablespace_location(oid) AS "Location" FROM pg_tablespace'
    )
    return {row.pop("Name"): row for row in rows}


def tablespace_exists(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether there is a tablespace.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.tablespace_exists 'dbname'
    """
    return name in tablespace_list(user, host, port, maintenance_db, password, runas)


def tablespace_create(
    name: str,
    location: str,
    options: Optional[Dict[str, Any]] = None,
    owner: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Makes a tablespace; whether that worked.

    Args:
        name: the tablespace.
        location: an empty folder of the server's account.
        options: as `seq_page_cost`.
        owner: whose it is to be.
        user, host, port, maintenance_db, password, runas: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.tablespace_create tablespacename '/path/datadir'
    """
    owned = f" OWNER {identifier(owner)}" if owner else ""
    given = ", ".join(_setting(key, value) for key, value in (options or {}).items())
    sql = f"CREATE TABLESPACE {identifier(name)}{owned} LOCATION {literal(location)}"
    return _server(locals()).execute(sql + (f" WITH ({given})" if given else ""))


def _setting(key: str, value: Any) -> str:
    return f"{identifier(key)} = {literal(value)}"


def tablespace_alter(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    new_name: Optional[str] = None,
    new_owner: Optional[str] = None,
    set_option: Optional[Dict[str, Any]] = None,
    reset_option: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Changes a tablespace; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.tablespace_alter tsname new_owner=otheruser
        salt '*' postgres.tablespace_alter index_space new_name=fast_raid
        salt '*' postgres.tablespace_alter test set_option="{'seq_page_cost': '1.1'}"
        salt '*' postgres.tablespace_alter tsname reset_option=seq_page_cost
    """
    changes = []
    if new_owner:
        changes.append(f"OWNER TO {identifier(new_owner)}")
    if set_option:
        changes.append(f"SET ({', '.join(_setting(key, value) for key, value in set_option.items())})")
    if reset_option:
        changes.append(f"RESET ({identifier(reset_option)})")
    if new_name:
        changes.append(f"RENAME TO {identifier(new_name)}")
    server = _server(locals())
    return all(server.execute(f"ALTER TABLESPACE {identifier(name)} {change}") for change in changes)


def tablespace_remove(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes a tablespace; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.tablespace_remove tsname
    """
    return _server(locals()).execute(f"DROP TABLESPACE {identifier(name)}")
