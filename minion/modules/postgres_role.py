"""PostgreSQL: roles, be they users or groups."""

# ruff: noqa: S608 - names and values are quoted
from __future__ import annotations

import datetime
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from minion.errors import SaltInvocationError
from minion.modules import _postgres, _postgres_password
from minion.modules._postgres import identifier, literal

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


_FLAGS = {  # column of pg_roles -> how it is called here
    "rolsuper": "superuser",
    "rolinherit": "inherits privileges",
    "rolcreaterole": "can create roles",
    "rolcreatedb": "can create databases",
    "rolcanlogin": "can login",
    "rolreplication": "replication",
}
_OPTIONS = {  # argument -> keyword of SQL
    "inherit": "INHERIT",
    "createdb": "CREATEDB",
    "createroles": "CREATEROLE",
    "superuser": "SUPERUSER",
    "replication": "REPLICATION",
    "login": "LOGIN",
}
_GROUPS = (
    "ARRAY(SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON m.roleid = g.oid WHERE m.member = r.oid)::text[]"
)


def user_list(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
    return_password: bool = False,
) -> Union[Dict[str, Any], bool]:
    """The roles, with what they may; False if the server does not answer.

    Args:
        user, host, port, maintenance_db, password, runas: the connection.
        return_password: with what the server keeps of their passwords.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.user_list
    """
    server = _server(locals())
    columns = [f'r.{column} AS "{name}"' for column, name in _FLAGS.items()]
    columns += ["r.rolname AS name", "r.rolconnlimit AS connections", f"array_to_string({_GROUPS}, chr(31)) AS groups"]
    columns += ['r.rolvaliduntil::timestamp(0) AS "expiry time"', 'r.rolconfig AS "defaults variables"']
    source = "pg_roles r"
    if return_password:
        columns.append("a.rolpassword AS password")
        source += " LEFT JOIN pg_authid a ON a.oid = r.oid"
    rows = server.rows(f"SELECT {', '.join(columns)} FROM {source}")
    return {row["name"]: _role(row) for row in rows} or False


def _role(row: Dict[str, str]) -> Dict[str, Any]:
    """A role as it is shown, from its row."""
    role: Dict[str, Any] = {name: {"t": True, "f": False}.get(row[name]) for name in _FLAGS.values()}
    role.update({"can update system catalogs": None, "connections": int(row["connections"])})
    try:
        role["expiry time"] = datetime.datetime.strptime(row["expiry time"], "%Y-%m-%d %H:%M:%S")
    except ValueError:
        role["expiry time"] = None
    role["defaults variables"] = row["defaults variables"]
    role["groups"] = row["groups"].split("\x1f") if row["groups"] else []
    if "password" in row:
        role["password"] = row["password"]
    return role


def role_get(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
    return_password: bool = False,
) -> Optional[Dict[str, Any]]:
    """What a role may; None if there is no such role.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.role_get postgres
    """
    roles = user_list(user, host, port, maintenance_db, password, runas, return_password)
    found: Optional[Dict[str, Any]] = roles.get(name) if isinstance(roles, dict) else None
    return found


def user_exists(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether there is a role.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.user_exists 'username'
    """
    return role_get(name, user, host, port, maintenance_db, password, runas) is not None


def user_create(
    username: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    inherit: Optional[bool] = None,
    login: Optional[bool] = None,
    connlimit: Optional[int] = None,
    encrypted: Any = None,
    superuser: Optional[bool] = None,
    replication: Optional[bool] = None,
    rolepassword: Any = None,
    valid_until: Optional[str] = None,
    groups: Any = None,
    runas: Optional[str] = None,
) -> bool:
    """Makes a role that may log in; whether that worked, False also if it is there.

    Args:
        username: the role.
        user, host, port, maintenance_db, password, runas: the connection.
        createdb, createroles, inherit, login, superuser, replication: what it may.
        connlimit: how many sessions it may have at a time.
        encrypted: how the server keeps its password: md5, scram-sha-256, or False.
        rolepassword: its password; False for none.
        valid_until: until when the password holds.
        groups: the roles that it belongs to.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.user_create 'username' user='user' host='hostname' port='port' rolepassword='rolepassword'
    """
    given = {"inherit": True, "login": True, **_given(locals())}
    return _create(_server(locals()), username, given)


def _given(arguments: Mapping[str, Any]) -> Dict[str, Any]:
    """What the arguments say of the role itself."""
    names = (*_OPTIONS, "connlimit", "encrypted", "rolepassword", "valid_until", "groups")
    return {name: arguments[name] for name in names if arguments.get(name) is not None}


def _create(server: _postgres.Server, name: str, given: Dict[str, Any]) -> bool:
    if server.rows(f"SELECT 1 FROM pg_roles WHERE rolname = {literal(name)}"):
        return False
    return not server.transaction(_statements("CREATE", name, given))["retcode"]


def _statements(verb: str, name: str, given: Mapping[str, Any]) -> List[str]:
    """The statements that make or change a role."""
    options = [keyword if given[key] else f"NO{keyword}" for key, keyword in _OPTIONS.items() if key in given]
    if "connlimit" in given:
        options.append(f"CONNECTION LIMIT {int(given['connlimit'])}")
    password = given.get("rolepassword")
    if password is False:
        options.append("PASSWORD NULL")
    elif password and password is not True:
        options.append(
            f"PASSWORD {literal(_verifier(name, password, given.get('encrypted', _postgres_password.DEFAULT)))}"
        )
    if given.get("valid_until"):
        options.append(f"VALID UNTIL {literal(given['valid_until'])}")
    groups = given.get("groups") or []
    names = groups.split(",") if isinstance(groups, str) else groups
    statement = f"{verb} ROLE {identifier(name)}" + (f" WITH {' '.join(options)}" if options else "")
    return [statement, *(f"GRANT {identifier(group.strip())} TO {identifier(name)}" for group in names)]


def _verifier(name: str, password: Any, method: Any) -> str:
    if "\n" in str(password) or "\x00" in str(password):
        raise SaltInvocationError(f"The password of {name} may not hold line breaks")
    return _postgres_password.verifier(name, password, method)


def user_update(
    username: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    encrypted: Any = None,
    superuser: Optional[bool] = None,
    inherit: Optional[bool] = None,
    login: Optional[bool] = None,
    connlimit: Optional[int] = None,
    replication: Optional[bool] = None,
    rolepassword: Any = None,
    valid_until: Optional[str] = None,
    groups: Any = None,
    runas: Optional[str] = None,
) -> bool:
    """Changes a role; whether that worked, False also if it is not there. The arguments are those of user_create.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.user_update 'username' user='user' host='hostname' port='port' rolepassword='rolepassword'
    """
    return _update(_server(locals()), username, _given(locals()))


def _update(server: _postgres.Server, name: str, given: Dict[str, Any]) -> bool:
    found = server.rows(f"SELECT rolsuper FROM pg_roles WHERE rolname = {literal(name)}")
    if not found:
        return False
    if given.get("superuser") is (found[0]["rolsuper"] == "t"):
        del given["superuser"]  # only superusers may say anything of it
    return not server.transaction(_statements("ALTER", name, given))["retcode"]


def user_remove(
    username: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes a role; whether that worked, False also if it is not there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.user_remove 'username'
    """
    server = _server(locals())
    if not user_exists(username, user, host, port, maintenance_db, password, runas):
        return False
    return server.execute(f"DROP ROLE {identifier(username)}")


def group_create(
    groupname: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    encrypted: Any = None,
    login: Optional[bool] = None,
    inherit: Optional[bool] = None,
    superuser: Optional[bool] = None,
    replication: Optional[bool] = None,
    rolepassword: Any = None,
    groups: Any = None,
    runas: Optional[str] = None,
) -> bool:
    """Makes a role that may not log in; whether that worked. The arguments are those of user_create.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.group_create 'groupname' user='user' host='hostname' port='port'
    """
    given = {"inherit": True, "login": False, **_given(locals())}
    return _create(_server(locals()), groupname, given)


def group_update(
    groupname: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    createdb: Optional[bool] = None,
    createroles: Optional[bool] = None,
    encrypted: Any = None,
    inherit: Optional[bool] = None,
    login: Optional[bool] = None,
    superuser: Optional[bool] = None,
    replication: Optional[bool] = None,
    rolepassword: Any = None,
    groups: Any = None,
    runas: Optional[str] = None,
) -> bool:
    """Changes a role; whether that worked, False also if it is not there. The arguments are those of user_create.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.group_update 'groupname' user='user' host='hostname' port='port' superuser=True
    """
    return _update(_server(locals()), groupname, _given(locals()))


def group_remove(
    groupname: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes a role; whether that worked, False also if it is not there.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.group_remove 'groupname'
    """
    return user_remove(groupname, user, host, port, maintenance_db, password, runas)
