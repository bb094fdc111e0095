"""PostgreSQL: the folder that a server keeps its databases in."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _postgres

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "postgres"


def __virtual__() -> Any:
    return True if _postgres.find(__salt__, "psql") else (False, "psql was not found")


def datadir_exists(name: str) -> bool:
    """Whether a folder holds databases.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.datadir_exists '/var/lib/pgsql/data'
    """
    return all(os.path.isfile(os.path.join(name, file)) for file in ("PG_VERSION", "postgresql.conf"))


def datadir_init(
    name: str,
    auth: str = "password",
    user: Optional[str] = None,
    password: Optional[str] = None,
    encoding: str = "UTF8",
    locale: Optional[str] = None,
    waldir: Optional[str] = None,
    checksums: bool = False,
    runas: Optional[str] = None,
) -> bool:
    """Makes a folder for databases; whether that worked, False also if it is there.

    Args:
        name: the folder.
        auth: how clients of this host prove who they are.
        user: the superuser in the databases.
        password: the superuser's.
        encoding, locale: of the first databases.
        waldir: the folder of the write-ahead log.
        checksums: notice when the disk spoils data.
        runas: the account that the server runs as.

    CLI Example:

    .. code-block:: bash

        salt '*' postgres.datadir_init '/var/lib/pgsql/data'
    """
    if datadir_exists(name):
        return False
    initdb = _postgres.find(__salt__, "initdb")
    if not initdb:
        raise CommandExecutionError("initdb executable not found.")
    account = runas or _postgres.account(str(__grains__.get("os_family")))
    argv = [initdb, f"--pgdata={name}", f"--username={user or account}", f"--auth={auth}", f"--encoding={encoding}"]
    argv += [f"--locale={locale}"] if locale is not None else []
    argv += ["-X", waldir] if waldir is not None else []
    argv += ["--data-checksums"] if checksums else []
    if password is None:
        return _initdb(argv, account)
    with _postgres.secret_file(str(password), account) as path:
        return _initdb([*argv, f"--pwfile={path}"], account)


def _initdb(argv: List[str], account: str) -> bool:
    timeout = __salt__["config.option"]("postgres.timeout") or None
    done = __salt__["cmd.run_all"](argv, python_shell=False, clean_env=True, runas=account, timeout=timeout)
    return bool(done["retcode"] == 0)
