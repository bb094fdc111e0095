"""Languages in databases of PostgreSQL."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "language_create")


def present(
    name: str,
    maintenance_db: str,
    user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that functions of a database can be written in a language.

    Args:
        name: the language.
        maintenance_db: the database.
        user: the account to run psql as.
        db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    if name in __salt__["postgres.language_list"](**server):
        return {**ret, "comment": f"Language {name} is already installed"}
    if __opts__["test"]:
        return predicted(ret, f"Language {name} is set to be installed")
    if not __salt__["postgres.language_create"](name, **server):
        return failed(ret, f"Failed to install language {name}")
    return {**ret, "changes": {name: "Present"}, "comment": f"Language {name} has been installed"}


def absent(
    name: str,
    maintenance_db: str,
    user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that a database does not know a language.

    Args:
        name: the language.
        maintenance_db: the database.
        user: the account to run psql as.
        db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    if not __salt__["postgres.language_exists"](name, **server):
        return {**ret, "comment": f"Language {name} is not present so it cannot be removed"}
    if __opts__["test"]:
        return predicted(ret, f"Language {name} is set to be removed")
    if not __salt__["postgres.language_remove"](name, **server):
        return failed(ret, f"Failed to remove language {name}")
    return {**ret, "changes": {name: "Absent"}, "comment": f"Language {name} has been removed"}
