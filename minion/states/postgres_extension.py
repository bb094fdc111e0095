"""Extensions of PostgreSQL."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "create_extension")


def present(
    name: str,
    if_not_exists: Optional[bool] = None,
    schema: Optional[str] = None,
    ext_version: Optional[str] = None,
    from_version: Optional[str] = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Result:
    """Sees to it that a database has an extension.

    Args:
        name: the extension.
        if_not_exists: it is no failure if somebody else has just installed it.
        schema: where its objects are to be.
        ext_version: the version, or at least this.
        from_version: the version before, of things that were no extension then.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    flags = __salt__["postgres.create_metadata"](name, schema=schema, ext_version=ext_version, **server)
    if flags == ["EXTENSION INSTALLED"]:
        return {**ret, "comment": f"Extension {name} is already present"}
    verb, done = ("install", "installed") if "EXTENSION NOT INSTALLED" in flags else ("upgrade", "upgraded")
    if __opts__["test"]:
        return predicted(ret, f"Extension {name} is set to be {done}")
    how = {"if_not_exists": if_not_exists, "ext_version": ext_version, "from_version": from_version}
    if not __salt__["postgres.create_extension"](name=name, schema=schema, **how, **server):
        return failed(ret, f"Failed to {verb} extension {name}")
    return {**ret, "changes": {name: done.capitalize()}, "comment": f"The extension {name} has been {done}"}


def absent(
    name: str,
    if_exists: Optional[bool] = None,
    restrict: Optional[bool] = None,
    cascade: Optional[bool] = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Result:
    """Sees to it that a database does not have an extension.

    Args:
        name: the extension.
        if_exists: it is no failure if somebody else has just removed it.
        restrict: not if something needs it.
        cascade: and all that needs it; unless this is False.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    server = _postgres.connection(locals())
    there = __salt__["postgres.is_installed_extension"](name, **server)
    how = {"if_exists": if_exists, "restrict": restrict, "cascade": cascade}
    remove = __salt__["postgres.drop_extension"]
    return _postgres.absent(
        begun(name), f"Extension {name}", there, __opts__["test"], lambda: remove(name, **how, **server)
    )
