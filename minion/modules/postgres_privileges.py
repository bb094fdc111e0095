"""PostgreSQL: what roles may do with objects."""

# ruff: noqa: S608 - names and values are quoted
from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from minion.errors import SaltInvocationError
from minion.modules import _postgres
from minion.modules._postgres import identifier, literal

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


class _Kind(NamedTuple):
    """A kind of objects: where they are, the columns of privileges and owner, and what may be granted."""

    source: str
    privileges: str
    owner: str
    grants: str


_RELATION = "pg_class o JOIN pg_namespace n ON n.oid = o.relnamespace"
_TABLE = "o.relkind IN ('r', 'v', 'm', 'p', 'f')"
_ROUTINE = "pg_proc o JOIN pg_namespace n ON n.oid = o.pronamespace"
_IN_SCHEMA = "n.nspname = {schema}"
_KINDS = {
    "table": _Kind(
        f"{_RELATION} WHERE {_TABLE} AND {_IN_SCHEMA} AND ({{all}} OR o.relname = {{name}})",
        "relacl",
        "relowner",
        "INSERT SELECT UPDATE DELETE TRUNCATE REFERENCES TRIGGER MAINTAIN",
    ),
    "sequence": _Kind(
        f"{_RELATION} WHERE o.relkind = 'S' AND {_IN_SCHEMA} AND ({{all}} OR o.relname = {{name}})",
        "relacl",
        "relowner",
        "SELECT UPDATE USAGE",
    ),
    "function": _Kind(
        f"{_ROUTINE} WHERE {_IN_SCHEMA} AND ({{all}} OR o.oid = to_regprocedure({{function}}))",
        "proacl",
        "proowner",
        "EXECUTE",
    ),
    "schema": _Kind("pg_namespace o WHERE o.nspname = {name}", "nspacl", "nspowner", "USAGE CREATE"),
    "tablespace": _Kind("pg_tablespace o WHERE o.spcname = {name}", "spcacl", "spcowner", "CREATE"),
    "language": _Kind("pg_language o WHERE o.lanname = {name}", "lanacl", "lanowner", "USAGE"),
    "database": _Kind("pg_database o WHERE o.datname = {name}", "datacl", "datdba", "CREATE TEMPORARY CONNECT"),
}
_IN_SCHEMAS = ("table", "sequence", "function")


def privileges_list(
    name: str,
    object_type: str,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """Role -> what it may do with an object, and whether it may grant it; for a group, whether it may grant membership.

    Args:
        name: the object; of a function, with its arguments.
        object_type: table, sequence, schema, function, tablespace, language, database or group.
        prepend: the schema.
        maintenance_db, user, host, port, password, runas: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.privileges_list table_name table maintenance_db=db_name
    """
    server, kind = _server(locals()), object_type.lower()
    if kind == "group":
        rows = server.rows(
            "SELECT r.rolname, bool_or(m.admin_option) AS admin FROM pg_auth_members m "
            "JOIN pg_roles r ON m.member = r.oid JOIN pg_roles g ON m.roleid = g.oid "
            f"WHERE g.rolname = {literal(name)} GROUP BY r.rolname"
        )
        return {row["rolname"]: row["admin"] == "t" for row in rows}
    found: Dict[str, Any] = {}
    for row in server.rows(_query(kind, name, prepend)):
        if row["privilege"]:
            found.setdefault(row["role"], {})[row["privilege"]] = row["grantable"] == "t"
    return found


def _query(kind: str, name: str, schema: str, all_of_schema: bool = False) -> str:
    """A row for each privilege that is granted on an object, or one without a privilege."""
    if kind not in _KINDS:
        raise SaltInvocationError(f"Invalid object_type: {kind} provided")
    about = _KINDS[kind]
    source, _, condition = about.source.partition(" WHERE ")
    where = condition.format(
        name=literal(name),
        schema=literal(_unquoted(schema)),
        function=literal(f"{_quoted(schema)}.{name}"),
        all="true" if all_of_schema else "false",
    )
    return (
        f"SELECT o.oid AS object, pg_get_userbyid(o.{about.owner}) AS owner, a.privilege_type AS privilege, "
        "CASE WHEN a.grantee = 0 THEN 'public' ELSE pg_get_userbyid(a.grantee) END AS role, "
        f"a.is_grantable AS grantable FROM {source} LEFT JOIN LATERAL aclexplode(o.{about.privileges}) a ON true "
        f"WHERE {where}"
    )


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def _quoted(name: str) -> str:
    return identifier(_unquoted(name))


def has_privileges(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Optional[str] = None,
    grant_option: Optional[bool] = None,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether a role has privileges on an object; its owner has all.

    Args:
        name: the role.
        object_name: the object, or ALL for all tables, sequences or functions of a schema.
        object_type: table, sequence, schema, function, tablespace, language, database or group.
        privileges: names joined by commas, or ALL.
        grant_option: whether it may grant them, too.
        prepend: the schema.
        maintenance_db, user, host, port, password, runas: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.has_privileges user_name table_name table SELECT,INSERT maintenance_db=db_name
    """
    server, kind = _server(locals()), object_type.lower()
    wanted = _wanted(kind, privileges)
    if kind == "group":
        members = privileges_list(object_name, kind, prepend, maintenance_db, user, host, port, password, runas)
        return name in members and (not grant_option or bool(members[name]))
    every = _is_all(kind, object_name)
    objects: Dict[str, List[Dict[str, Any]]] = {}
    for row in server.rows(_query(kind, object_name, prepend, every)):
        objects.setdefault(row["object"], []).append(row)
    return (every or bool(objects)) and all(_fits(rows, name, wanted, bool(grant_option)) for rows in objects.values())


def _fits(rows: List[Dict[str, Any]], name: str, wanted: List[str], grant_option: bool) -> bool:
    """Has a role privileges on one object?"""
    if rows[0]["owner"] == name:
        return True
    own = [row for row in rows if row["role"] == name]
    granted = {row["privilege"] for row in own if row["grantable"] == "t" or not grant_option}
    return set(wanted) <= granted


def _is_all(kind: str, object_name: str) -> bool:
    return kind in _IN_SCHEMAS and object_name.upper() == "ALL"


def _wanted(kind: str, privileges: Optional[str]) -> List[str]:
    """The privileges that are meant; an error if there are none such."""
    if kind == "group":
        if privileges:
            raise SaltInvocationError("The privileges option should not be set for object_type group")
        return []
    if kind not in _KINDS:
        raise SaltInvocationError(f"Invalid object_type: {kind} provided")
    known = _KINDS[kind].grants.split()
    names = re.split(r"\s*,\s*", (privileges or "").strip().upper())
    if not set(names) <= {*known, "ALL"}:
        raise SaltInvocationError(f"Invalid privilege(s): {privileges or ''} provided for object {kind}")
    return [name for name in known if name != "MAINTAIN"] if "ALL" in names else names  # MAINTAIN: since release 17


def _spelled(privileges: Optional[str], wanted: List[str]) -> str:
    """Privileges as GRANT and REVOKE name them."""
    return "ALL" if "ALL" in re.split(r"[\s,]+", (privileges or "").upper()) else ", ".join(wanted)


def _object(kind: str, name: str, schema: str) -> str:
    """An object as GRANT and REVOKE name it."""
    if _is_all(kind, name):
        return f"ALL {kind.upper()}S IN SCHEMA {_quoted(schema)}"
    if kind == "function":
        match = re.fullmatch(r'([^(]+)(\([\w\s,.\[\]"]*\))', name.strip())
        if not match:
            raise SaltInvocationError(f"{name} is no function with its arguments, as sum(integer, integer)")
        return f"FUNCTION {_quoted(schema)}.{_quoted(match.group(1))}{match.group(2)}"
    place = f"{_quoted(schema)}." if kind in _IN_SCHEMAS else ""
    return f"{kind.upper()} {place}{identifier(name)}"


def privileges_grant(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Optional[str] = None,
    grant_option: Optional[bool] = None,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Grants privileges; whether that worked, False also if the role has them. The arguments are has_privileges's.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.privileges_grant user_name table_name table SELECT,UPDATE maintenance_db=db_name
    """
    server, kind = _server(locals()), object_type.lower()
    wanted = _wanted(kind, privileges)
    connection = (maintenance_db, user, host, port, password, runas)
    if has_privileges(name, object_name, kind, privileges, grant_option, prepend, *connection):
        return False
    if kind == "group":
        option = " WITH ADMIN OPTION" if grant_option else ""
        return server.execute(f"GRANT {_quoted(object_name)} TO {identifier(name)}{option}")
    option = " WITH GRANT OPTION" if grant_option else ""
    what = f"{_spelled(privileges, wanted)} ON {_object(kind, object_name, prepend)}"
    return server.execute(f"GRANT {what} TO {identifier(name)}{option}")


def privileges_revoke(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Optional[str] = None,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Revokes privileges; whether that worked, False also if the role has them not. The arguments are has_privileges's.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.privileges_revoke user_name table_name table SELECT,UPDATE maintenance_db=db_name
    """
    server, kind = _server(locals()), object_type.lower()
    wanted = _wanted(kind, privileges)
    connection = (maintenance_db, user, host, port, password, runas)
    if not has_privileges(name, object_name, kind, privileges, None, prepend, *connection):
        return False
    if kind == "group":
        return server.execute(f"REVOKE {_quoted(object_name)} FROM {identifier(name)}")
    what = f"{_spelled(privileges, wanted)} ON {_object(kind, object_name, prepend)}"
    return server.execute(f"REVOKE {what} FROM {identifier(name)}")
