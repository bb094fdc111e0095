"""Folders that servers of PostgreSQL keep their databases in."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states import _postgres
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return _postgres.usable(__salt__, "datadir_init")


def present(
    name: str,
    user: Optional[str] = None,
    password: Optional[str] = None,
    auth: str = "password",
    encoding: str = "UTF8",
    locale: Optional[str] = None,
    runas: Optional[str] = None,
    waldir: Optional[str] = None,
    checksums: bool = False,
) -> Result:
    """Sees to it that a folder holds databases.

    Args:
        name: the folder.
        user: the superuser in the databases.
        password: the superuser's.
        auth: how clients of this host prove who they are.
        encoding, locale: of the first databases.
        runas: the account that the server runs as.
        waldir: the folder of the write-ahead log.
        checksums: notice when the disk spoils data.
    """
    ret, how = begun(name), {key: value for key, value in locals().items() if key != "name"}
    if __salt__["postgres.datadir_exists"](name):
        return {**ret, "comment": f"Postgres data directory {name} is already present"}
    if __opts__["test"]:
        return predicted(ret, f"Postgres data directory {name} is set to be initialized")
    if not __salt__["postgres.datadir_init"](name, **how):
        return failed(ret, f"Postgres data directory {name} initialization failed")
    comment = f"Postgres data directory {name} has been initialized"
    return {**ret, "changes": {name: "Present"}, "comment": comment}
