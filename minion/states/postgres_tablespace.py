"""Tablespaces of PostgreSQL: folders for databases and tables."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "tablespace_exists")


def present(
    name: str,
    directory: str,
    options: Optional[Dict[str, Any]] = None,
    owner: Optional[str] = None,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that there is a tablespace.

    Args:
        name: the tablespace.
        directory: where it lies; this can't be changed afterwards.
        options: as `seq_page_cost`.
        owner: whose it is.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    found: Optional[Dict[str, Any]] = __salt__["postgres.tablespace_list"](**server).get(name)
    if found is None:
        if __opts__["test"]:
            return predicted(ret, f"Tablespace {name} is set to be created")
        if not __salt__["postgres.tablespace_create"](name, directory, options, owner, **server):
            return failed(ret, f"Failed to create tablespace {name}")
        return {**ret, "changes": {name: "Present"}, "comment": f"The tablespace {name} has been created"}
    if found["Location"] != directory:
        what = "unfixable without dropping and recreating the tablespace."
        return failed(ret, f"Tablespace {name} is not at the right location. This is\n            {what}")
    new_owner = owner if owner and owner != found["Owner"] else None
    known = [option.strip('"') for option in found["Opts"].strip("{}").split(",")]
    changed = {key: value for key, value in (options or {}).items() if f"{key}={value}" not in known}
    if not new_owner and not changed:
        return {**ret, "comment": f"Tablespace {name} is already present"}
    return _alter(ret, new_owner, changed, server)


def _alter(ret: Result, owner: Optional[str], options: Dict[str, Any], server: Dict[str, Any]) -> Result:
    name = ret["name"]
    if __opts__["test"]:
        return predicted(ret, f"Tablespace {name} {'options' if options else 'owner'} to be altered")
    if not __salt__["postgres.tablespace_alter"](name, new_owner=owner, set_option=options or None, **server):
        return failed(ret, f"Failed to alter tablespace {name}")
    changes = {**({"owner": owner} if owner else {}), **({"options": options} if options else {})}
    comment = f"Tablespace {name} {'opts' if options else 'owner'} changed"
    return {**ret, "changes": {name: changes}, "comment": comment}


def absent(
    name: str,
    user: Optional[str] = None,
    maintenance_db: Optional[str] = None,
    db_user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
) -> Result:
    """Sees to it that there is no such tablespace; it must be empty.

    Args:
        name: the tablespace.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    server = _postgres.connection(locals())
    there = __salt__["postgres.tablespace_exists"](name, **server)
    remove = __salt__["postgres.tablespace_remove"]
    return _postgres.absent(begun(name), f"Tablespace {name}", there, __opts__["test"], lambda: remove(name, **server))
