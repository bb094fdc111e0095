"""PostgreSQL: extensions."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.modules import _postgres
from minion.modules._postgres import identifier, literal

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def _server(arguments: Dict[str, Any]) -> _postgres.Server:
    return _postgres.server(__salt__, __grains__, arguments)


NOT_INSTALLED, INSTALLED = "EXTENSION NOT INSTALLED", "EXTENSION INSTALLED"
TO_UPGRADE, TO_MOVE = "EXTENSION TO UPGRADE", "EXTENSION TO MOVE"


def available_extensions(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """The extensions that can be installed.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.available_extensions
    """
    rows = _server(locals()).rows("SELECT * FROM pg_available_extensions()")
    return {row["name"]: row for row in rows}


def installed_extensions(
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Dict[str, Any]:
    """The extensions of a database.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.installed_extensions
    """
    rows = _server(locals()).rows(
        "SELECT e.*, n.nspname AS schema_name FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
    )
    return {row["extname"]: row for row in rows}


def get_available_extension(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Optional[Dict[str, Any]]:
    """What is known of an extension that can be installed; None if there is no such.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.get_available_extension plpgsql
    """
    return available_extensions(user, host, port, maintenance_db, password, runas).get(name)


def get_installed_extension(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> Optional[Dict[str, Any]]:
    """What is known of an extension of a database; None if it is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.get_installed_extension plpgsql
    """
    return installed_extensions(user, host, port, maintenance_db, password, runas).get(name)


def is_available_extension(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether an extension can be installed.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.is_available_extension plpgsql
    """
    known = available_extensions(user, host, port, maintenance_db, password, runas)
    return name.lower() in map(str.lower, known)


def is_installed_extension(
    name: str,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Whether an extension is installed in a database.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.is_installed_extension plpgsql
    """
    return bool(get_installed_extension(name, user, host, port, maintenance_db, password, runas))


def create_metadata(
    name: str,
    ext_version: Optional[str] = None,
    schema: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> List[str]:
    """What has to be done about an extension: flags as `EXTENSION TO UPGRADE`.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.create_metadata adminpack
    """
    found = get_installed_extension(name, user, host, port, maintenance_db, password, runas)
    if not found:
        return [NOT_INSTALLED]
    flags = [INSTALLED]
    if ext_version is not None and _version(found["extversion"]) < _version(ext_version):
        flags.append(TO_UPGRADE)
    if schema is not None and found["extrelocatable"] == "t" and found["schema_name"] != schema:
        flags.append(TO_MOVE)
    return flags


def _plain(version: Any) -> str:
    """A version without the quotes that older states need."""
    return str(version).strip("'\"")


def _version(version: Any) -> Tuple[Any, ...]:
    parts = re.findall(r"\d+|[a-z]+", _plain(version))
    return tuple((1, int(part)) if part.isdigit() else (0, part) for part in parts)


def create_extension(
    name: str,
    if_not_exists: Optional[bool] = None,
    schema: Optional[str] = None,
    ext_version: Optional[str] = None,
    from_version: Optional[str] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Installs an extension, moves it to another schema or upgrades it; whether it then is as it should be.

    Args:
        name: the extension.
        if_not_exists: it is no failure if it is there.
        schema: where its objects are to be.
        ext_version: the version, or at least this.
        from_version: the version before, of things that were no extension then.
        user, host, port, maintenance_db, password, runas: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.create_extension plpgsql
    """
    server = _server(locals())
    flags = create_metadata(name, ext_version, schema, user, host, port, maintenance_db, password, runas)
    if not is_available_extension(name, user, host, port, maintenance_db, password, runas):
        return False
    statements = []
    if NOT_INSTALLED in flags:
        options = [f"SCHEMA {identifier(schema)}"] if schema else []
        options += [f"VERSION {literal(_plain(ext_version))}"] if ext_version else []
        options += [f"FROM {literal(_plain(from_version))}"] if from_version else []
        unless = "" if if_not_exists is False else "IF NOT EXISTS "
        statements = [
            f"CREATE EXTENSION {unless}{identifier(name)}" + (f" WITH {' '.join(options)}" if options else "")
        ]
    if TO_MOVE in flags:
        statements.append(f"ALTER EXTENSION {identifier(name)} SET SCHEMA {identifier(schema)}")
    if TO_UPGRADE in flags:
        statements.append(f"ALTER EXTENSION {identifier(name)} UPDATE TO {literal(_plain(ext_version))}")
    for statement in statements:
        server.execute(statement)
    return create_metadata(name, ext_version, schema, user, host, port, maintenance_db, password, runas) == [INSTALLED]


def drop_extension(
    name: str,
    if_exists: Optional[bool] = None,
    restrict: Optional[bool] = None,
    cascade: Optional[bool] = None,
    user: Optional[str] = None,
    host: Optional[str] = None,
    port: Any = None,
    maintenance_db: Optional[str] = None,
    password: Optional[str] = None,
    runas: Optional[str] = None,
) -> bool:
    """Removes an extension; whether it is gone.

    Args:
        name: the extension.
        if_exists: it is no failure if it is not there.
        restrict: not if something needs it.
        cascade: and all that needs it; unless this is False or `restrict` is set.
        user, host, port, maintenance_db, password, runas: the connection.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.drop_extension 'adminpack'
    """
    server = _server(locals())
    if is_installed_extension(name, user, host, port, maintenance_db, password, runas):
        unless = "IF EXISTS " if if_exists else ""
        how = " RESTRICT" if restrict else "" if cascade is False else " CASCADE"
        server.execute(f"DROP EXTENSION {unless}{identifier(name)}{how}")
    return not is_installed_extension(name, user, host, port, maintenance_db, password, runas)
