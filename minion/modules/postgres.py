"""PostgreSQL, through psql: queries and databases.

All functions take `user`, `host`, `port`, `maintenance_db`, `password` and `runas` (the account that psql runs as; that
of the server, if it is on this host). What is not given comes from the minion's options:

.. code-block:: yaml

    postgres.host: db.example.com
    postgres.port: 5432
    postgres.user: admin
    postgres.pass: secret
    postgres.maintenance_db: postgres
    postgres.bins_dir: /usr/lib/postgresql/15/bin
"""

# ruff: noqa: S608 - names and values are quoted
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _postgres
from minion.modules._postgres import identifier, literal

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

_OWN_SCHEMAS = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
_OWNED = {  # kind -> where its names are
    "SCHEMA": f"SELECT quote_ident(n.nspname) AS name FROM pg_namespace n WHERE {_OWN_SCHEMAS}",
    "TABLE": (
        "SELECT o.oid::regclass::text AS name FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace "
        f"WHERE o.relkind IN ('r', 'v', 'm', 'p', 'f') AND {_OWN_SCHEMAS}"
    ),
    "ROUTINE": (
        "SELECT o.oid::regprocedure::text AS name FROM pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace "
        f"WHERE {_OWN_SCHEMAS}"
    ),
    "SEQUENCE": (
        "SELECT o.oid::regclass::text AS name FROM pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace "
        "LEFT JOIN pg_depend d ON d.objid = o.oid AND d.deptype IN ('a', 'i') "
        f"WHERE o.relkind = 'S' AND d.objid IS NULL AND {_OWN_SCHEMAS}"
    ),
}


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


def version(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Optional[str]:
    """The version of the server; None if it does not answer.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.version
    """
    return _server(locals()).version()


def psql_query(
    query: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
    write: bool = False,
) -> List[Dict[str, Any]]:
    """What a query finds: column -> text, for each row.

    Args:
        query: the query.
        user, host, port, maintenance_db, password, runas: the connection.
        write: it changes something.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.psql_query 'select * from pg_stat_activity'
    """
    return _server(locals()).rows(query, write)


def db_list(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """The databases, with owner, encoding, collation, ctype, privileges and tablespace.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.db_list
    """
    rows = _server(locals()).rows(
        'SELECT d.datname AS "Name", pg_get_userbyid(d.datdba) AS "Owner", '
        'pg_encoding_to_char(d.encoding) AS "Encoding", d.datcollate AS "Collate", d.datctype AS "Ctype", '
        'd.datacl AS "Access privileges", t.spcname AS "Tablespace" '
        "FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace"
    )
    return {row.pop("Name"): row for row in rows}


def db_exists(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether there is a database.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.db_exists 'dbname'
    """
    return name in db_list(user, host, port, maintenance_db, password, runas)


def db_create(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    tablespace: Optional[str] = None,
    encoding: Optional[str] = None,
    lc_collate: Optional[str] = None,
    lc_ctype: Optional[str] = None,
    owner: Optional[str] = None,
    template: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Makes a database; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.db_create 'dbname' template=template_postgis
    """
    names = {"TABLESPACE": tablespace, "OWNER": owner, "TEMPLATE": template}
    texts = {"ENCODING": encoding, "LC_COLLATE": lc_collate, "LC_CTYPE": lc_ctype}
    options = [f"{key} = {identifier(value)}" for key, value in names.items() if value is not None]
    options += [f"{key} = {literal(value)}" for key, value in texts.items() if value is not None]
    sql = f"CREATE DATABASE {identifier(name)}" + (f" WITH {' '.join(options)}" if options else "")
    return _server(locals()).execute(sql)


def db_alter(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    tablespace: Optional[str] = None,
    owner: Optional[str] = None,
    owner_recurse: bool = False,
    runas: Optional[str] = None,
) -> bool:
    """Changes tablespace or owner of a database; whether that worked.

    Args:
        name: the database.
        user, host, port, maintenance_db, password, runas: the connection.
        tablespace: where it is to lie.
        owner: whose it is to be.
        owner_recurse: and all that is in it.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.db_alter dbname owner=otheruser
    """
    server = _server(locals())
    if owner:
        if owner_recurse:
            changed = not owner_to(name, owner, user, host, port, password, runas)["retcode"]
        else:
            changed = server.execute(f"ALTER DATABASE {identifier(name)} OWNER TO {identifier(owner)}")
        if not changed:
            return False
    if tablespace:
        return server.execute(f"ALTER DATABASE {identifier(name)} SET TABLESPACE {identifier(tablespace)}")
    return True


def db_remove(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes a database, and ends the sessions in it.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.db_remove 'dbname'
    """
    server = _server(locals())
    sessions = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {literal(name)}"
    for sql in (
        f"REVOKE CONNECT ON DATABASE {identifier(name)} FROM public",
        f"{sessions} AND pid <> pg_backend_pid()",
        f"DROP DATABASE {identifier(name)}",
    ):
        done = server.run("-c", sql)
        if done["retcode"]:
            raise CommandExecutionError(f"The database {name} can't be removed: {done['stderr']}")
    return True


def owner_to(
    dbname: str,
    ownername: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """Gives a database and all schemas, tables, functions and sequences in it to somebody: all or nothing.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.owner_to 'dbname' 'username'
    """
    server = _server({**locals(), "maintenance_db": dbname})
    owner = identifier(ownername)
    statements = [f"ALTER DATABASE {identifier(dbname)} OWNER TO {owner}"]
    for kind, query in _OWNED.items():
        statements += [f"ALTER {kind} {row['name']} OWNER TO {owner}" for row in server.rows(query)]
    return server.transaction(statements)
