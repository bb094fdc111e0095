"""PostgreSQL through psql: one server, as one database user; passwords travel by files and by standard input."""

from __future__ import annotations

import contextlib
import csv
import glob
import io
import os
import pwd
import re
import tempfile
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional

from minion.errors import CommandExecutionError, CommandNotFoundError
from minion.modules import _tools

Salt = Mapping[str, Callable[..., Any]]

_ACCOUNTS = {"OpenBSD": "_postgresql"}  # by os_family; whose server it is that listens on this host only
CONNECTION = ("user", "host", "port", "maintenance_db", "password", "runas")
_STOP = ("-v", "ON_ERROR_STOP=1")


def find(salt: Salt, program: str) -> Optional[str]:
    """Where a program of PostgreSQL lies: in `postgres.bins_dir`, on PATH, or where Debian puts it."""
    folder = salt["config.option"]("postgres.bins_dir")
    if folder and os.access(os.path.join(folder, program), os.X_OK):
        return os.path.join(str(folder), program)
    others = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{program}"), key=_number)
    return _tools.which(program) or (others[-1] if others else None)


def _number(path: str) -> List[int]:
    return [int(part) for part in re.findall(r"\d+", path)]


def account(os_family: str) -> str:
    """Whose the server is."""
    return _ACCOUNTS.get(os_family, "postgres")


def identifier(name: Any) -> str:
    """A name in SQL."""
    return '"' + str(name).replace('"', '""') + '"'


def literal(value: Any) -> str:
    """A text in SQL; backslashes mean nothing in it."""
    return "'" + str(value).replace("'", "''") + "'"


@contextlib.contextmanager
def secret_file(content: str, owner: Optional[str]) -> Iterator[str]:
    """A file that only its owner can read, for as long as it is needed; its path."""
    handle, path = tempfile.mkstemp(prefix="postgres-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            if owner and os.geteuid() == 0:
                user = _user(owner)
                os.fchown(file.fileno(), user.pw_uid, user.pw_gid)
            file.write(content)
        yield path
    finally:
        os.unlink(path)


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise CommandExecutionError(f"There is no user {name} on this host to run psql as") from None


def server(salt: Salt, grains: Mapping[str, Any], arguments: Mapping[str, Any]) -> Server:
    """The server that the arguments of a function name."""
    connection = {key: arguments[key] for key in CONNECTION if key in arguments}
    return Server(salt, str(grains.get("os_family")), **connection)


class Server:
    """A server and the user we are to it; what is not given comes from the minion's `postgres.*` options.

    Args:
        salt: the execution functions.
        os_family: of the host.
        user: the database user.
        host, port: where the server listens; by default on a socket of this host.
        maintenance_db: the database to connect to.
        password: of the database user.
        runas: the account to run psql as; by default the server's own, if it is on this host.
    """

    def __init__(
        self,
        salt: Salt,
        os_family: str,
        user: Optional[str] = None,
        host: Optional[str] = None,
        port: Any = None,
        maintenance_db: Optional[str] = None,
        password: Optional[str] = None,
        runas: Optional[str] = None,
    ) -> None:
        option = salt["config.option"]
        self._salt = salt
        self.host = host or option("postgres.host")
        self.port = port or option("postgres.port")
        self.database = maintenance_db or option("postgres.maintenance_db") or "postgres"
        self.password = option("postgres.pass") if password is None else password
        if runas is None and (not self.host or self.host.startswith("/")):
            runas = account(os_family)
        self.runas = runas
        self.user = user or option("postgres.user")
        self.timeout = option("postgres.timeout") or None

    def _argv(self, words: List[str]) -> List[str]:
        psql = find(self._salt, "psql")
        if psql is None:
            raise CommandNotFoundError("Command 'psql' cannot be found")
        argv = [psql, "--no-align", "--no-readline", "--no-psqlrc", "--no-password"]
        for option, value in (("--username", self.user), ("--host", self.host), ("--port", self.port)):
            argv += [option, str(value)] if value else []
        return [*argv, "--dbname", self.database, *words]

    def run(self, *words: str, stdin: Optional[str] = None) -> Dict[str, Any]:
        """Runs psql; what `cmd.run_all` says of it."""
        how: Dict[str, Any] = {"runas": self.runas, "timeout": self.timeout, "stdin": stdin}
        how.update(python_shell=False, clean_env=True, reset_system_locale=False)
        argv = self._argv(list(words))
        if self.password is None:
            result: Dict[str, Any] = self._salt["cmd.run_all"](argv, **how)
            return result
        with secret_file(self._pass_line(), self.runas) as path:
            result = self._salt["cmd.run_all"](argv, env={"PGPASSFILE": path}, **how)
        return result

    def _pass_line(self) -> str:
        """The line of a password file, see `man pgpass`; it is for this call only."""
        return "*:*:*:*:" + re.sub(r"([\\:])", r"\\\1", str(self.password)) + "\n"

    def execute(self, sql: str) -> bool:
        """Executes a statement; whether that worked. The reason why not is in the log."""
        return bool(self.run("-c", sql)["retcode"] == 0)

    def transaction(self, statements: List[str]) -> Dict[str, Any]:
        """Executes statements, all or none: what `cmd.run_all` says.

        They are not seen in lists of processes, and may hold secrets.
        """
        script = "".join(f"{statement};\n" for statement in statements)
        return self.run("--single-transaction", *_STOP, "-f", "-", stdin=script)

    def version(self) -> Optional[str]:
        """The version of the server; None if it does not answer."""
        done = self.run("-c", "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'server_version'", "-t")
        lines = [] if done["retcode"] else done["stdout"].splitlines()
        return lines[0] if lines else None

    def rows(self, query: str, write: bool = False) -> List[Dict[str, Any]]:
        """What a query finds: column -> text, for each row. Nothing if it fails; the reason is in the log.

        Args:
            query: the query.
            write: it changes something.
        """
        copy = ["-c", f"COPY ({query.strip().rstrip(';')}) TO STDOUT WITH CSV HEADER"]
        if write:
            copy = ["-c", "START TRANSACTION READ WRITE", *copy, "-c", "COMMIT TRANSACTION"]
        done = self.run("--quiet", *_STOP, "-v", "datestyle=ISO,MDY", *copy)
        return [] if done["retcode"] else list(csv.DictReader(io.StringIO(done["stdout"])))
