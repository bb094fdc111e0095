"""A real PostgreSQL server for a test file."""

from __future__ import annotations

import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

PASSWORD = "pg:top\\secret"
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--")
_WRAPPER = """#!/bin/sh
printf '%s\\n' "$@" >> {log}
exec {psql} "$@"
"""


def program(name: str) -> str:
    """Where a program of PostgreSQL lies."""
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))), "")
    if not found:
        pytest.skip(f"needs PostgreSQL's {name}")
    return found


class Server:
    """The server; `opts` are the minion's options for it.

    Args:
        folder: all of it, the postgres account's; its socket is there, too.
        port: where it listens.
    """

    def __init__(self, folder: str, port: int) -> None:
        self.folder = Path(folder)
        self.log = self.folder / "argv"
        self.opts: Dict[str, Any] = {
            "postgres.host": "127.0.0.1",
            "postgres.port": port,
            "postgres.user": "salt",
            "postgres.pass": PASSWORD,
            "postgres.bins_dir": folder,
        }

    def words(self) -> List[str]:
        """All words that psql was called with so far."""
        return self.log.read_text().splitlines()


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server that wants a password."""
    psql, initdb, postgres = program("psql"), program("initdb"), program("postgres")
    if os.geteuid() != 0 or "postgres" not in [entry.pw_name for entry in pwd.getpwall()]:
        pytest.skip("needs root and the user postgres, as whom the server runs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        shutil.chown(folder, "postgres")
        server, secret = Server(folder, port), Path(folder, "password")
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        server.log.touch(0o666)
        server.log.chmod(0o666)
        wrapper = Path(folder, "psql")
        wrapper.write_text(_WRAPPER.format(log=server.log, psql=psql))
        wrapper.chmod(0o755)
        data = f"{folder}/data"
        make = [
            *_AS_POSTGRES,
            initdb,
            "-D",
            data,
            "-U",
            "salt",
            "-A",
            "scram-sha-256",
            "--pwfile",
            str(secret),
            "--no-sync",
        ]
        subprocess.run(make, check=True, cwd=folder, capture_output=True)
        settings = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder, "fsync": "off"}
        run = [
            *_AS_POSTGRES,
            postgres,
            "-D",
            data,
            *(word for item in settings.items() for word in ("-c", "=".join(map(str, item)))),
        ]
        with subprocess.Popen(run, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            seen: List[str] = []
            while not seen or "ready to accept connections" not in seen[-1]:
                seen.append(process.stderr.readline())
                assert seen[-1], "".join(seen)
            try:
                yield server
            finally:
                process.send_signal(signal.SIGINT)  # at once, whoever is connected
                process.communicate()
