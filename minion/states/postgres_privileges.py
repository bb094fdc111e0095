"""What roles of PostgreSQL may do with tables, schemas, databases and the like."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import SaltInvocationError
from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "privileges_grant")


def present(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Optional[List[str]] = None,
    grant_option: Optional[bool] = None,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that a role has privileges.

    Args:
        name: the role.
        object_name: the object; of a function, with its arguments; ALL for all of a schema; or a group.
        object_type: table, sequence, schema, function, tablespace, language, database or group.
        privileges: as SELECT or ALL; none for a group.
        grant_option: the role may grant them, too.
        prepend: the schema.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    joined = ",".join(privileges) if privileges else None
    about = {"privileges": joined, "grant_option": grant_option, "prepend": prepend, **server}
    try:
        granted = __salt__["postgres.has_privileges"](name, object_name, object_type, **about)
    except SaltInvocationError as exc:
        return failed(ret, str(exc))
    if granted:
        return {**ret, "comment": "The requested privilege(s) are already set"}
    shown = object_name if object_type == "group" else joined
    if __opts__["test"]:
        return predicted(ret, f"The privilege(s): {shown} are set to be granted to {name}")
    if not __salt__["postgres.privileges_grant"](name, object_name, object_type, **about):
        return failed(ret, f"Failed to grant privilege(s): {shown} to {name}")
    comment = f"The privilege(s): {shown} have been granted to {name}"
    return {**ret, "changes": {name: "Present"}, "comment": comment}


def absent(
    name: str,
    object_name: str,
    object_type: str,
    privileges: Optional[List[str]] = None,
    prepend: str = "public",
    maintenance_db: Optional[str] = None,
    user: Optional[str] = None,
    db_password: Optional[str] = None,
    db_host: Optional[str] = None,
    db_port: Any = None,
    db_user: Optional[str] = None,
) -> Result:
    """Sees to it that a role does not have privileges.

    Args:
        name: the role.
        object_name: the object; of a function, with its arguments; ALL for all of a schema; or a group.
        object_type: table, sequence, schema, function, tablespace, language, database or group.
        privileges: as SELECT or ALL; none for a group.
        prepend: the schema.
        user: the account to run psql as.
        maintenance_db, db_user, db_password, db_host, db_port: the connection.
    """
    ret, server = begun(name), _postgres.connection(locals())
    joined = ",".join(privileges) if privileges else None
    about = {"privileges": joined, "prepend": prepend, **server}
    try:
        granted = __salt__["postgres.has_privileges"](name, object_name, object_type, **about)
    except SaltInvocationError as exc:
        return failed(ret, str(exc))
    if not granted:
        return {**ret, "comment": "The requested privilege(s) are not set so cannot be revoked"}
    shown = object_name if object_type == "group" else joined
    if __opts__["test"]:
        return predicted(ret, f"The privilege(s): {shown} are set to be revoked from {name}")
    if not __salt__["postgres.privileges_revoke"](name, object_name, object_type, **about):
        return failed(ret, f"Failed to revoke privilege(s): {shown} from {name}")
    comment = f"The privilege(s): {shown} have been revoked from {name}"
    return {**ret, "changes": {name: "Absent"}, "comment": comment}
