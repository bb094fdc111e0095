"""SSH servers in this process that run commands as the user of the tests does, with faults where a test wants them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "tester", "right horse"


@dataclass
class Faults:
    """What a server does wrong.

    Attributes:
        noise: printed before anything else, as login scripts do.
        cut_after: bytes of input after which the connection is cut; 0 for never.
        refuse: connections that are ended before they begin.
        garbage: what a command prints instead of running.
    """

    noise: bytes = b""
    cut_after: int = 0
    refuse: int = 0
    garbage: bytes | None = None


@dataclass
class Server:
    """One running server.

    Attributes:
        port: on 127.0.0.1.
        home: of its user.
        passwords: what was tried.
        sessions: commands that were run.
        received: bytes of input of the last session.
        connections: how many there were.
        behave: what it does instead of running a command.
    """

    folder: Path
    host_key: asyncssh.SSHKey
    client_key: asyncssh.SSHKey
    port: int = 0
    faults: Faults = field(default_factory=Faults)
    passwords: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    received: int = 0
    connections: int = 0
    children: list[int] = field(default_factory=list)
    logins: list[asyncssh.SSHServerConnection] = field(default_factory=list)
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    loop: asyncio.AbstractEventLoop | None = None
    behave: Callable[[Server, Any], Awaitable[None]] | None = None  # instead of running the command

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def key_file(self) -> Path:
        return self.folder / "id"

    def drop(self) -> None:
        """Cuts all connections, as a firewall or a reboot would."""
        assert self.loop is not None
        for login in self.logins:
            self.loop.call_soon_threadsafe(login.abort)
        self.logins = []

    def known_hosts_line(self) -> str:
        text = " ".join(self.host_key.export_public_key().decode().split()[:2])
        return f"[127.0.0.1]:{self.port} {text}\n"

    def roster(self, **fields: Any) -> dict[str, Any]:
        """Fields that lead here."""
        return {
            "host": "127.0.0.1", "port": self.port, "user": USER, "priv": str(self.key_file),
            "thin_dir": str(self.home / "thin"), **fields,
        }  # fmt: skip


class _Login(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections += 1
        self._server.logins.append(conn)
        if self._server.faults.refuse:
            self._server.faults.refuse -= 1
            conn.abort()

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.public_data == self._server.client_key.public_data

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._server.passwords.append(password)
        return password == PASSWORD


async def _serve(server: Server, process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Runs the command by a shell and passes everything on, but for the faults."""
    task = asyncio.current_task()
    assert task is not None
    server.tasks.add(task)
    task.add_done_callback(server.tasks.discard)
    faults = server.faults
    server.sessions.append(process.command or "")
    server.received = 0
    if faults.garbage is not None:
        process.stdout.write(faults.garbage)
        process.exit(0)
        return
    process.stdout.write(faults.noise)
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", process.command or "", stdin=-1, stdout=-1, stderr=-1,
        env={**os.environ, "HOME": str(server.home)},
    )  # fmt: skip
    server.children.append(child.pid)
    assert child.stdin and child.stdout and child.stderr
    feeding = asyncio.ensure_future(_feed(server, process, child.stdin))
    copies = [_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr)]
    try:
        await asyncio.gather(*copies)
        process.exit(await child.wait())
    finally:
        feeding.cancel()


async def _feed(server: Server, process: asyncssh.SSHServerProcess[bytes], stdin: asyncio.StreamWriter) -> None:
    try:
        while data := await process.stdin.read(65536):
            server.received += len(data)
            if server.faults.cut_after and server.received > server.faults.cut_after:
                process.channel.get_connection().abort()
                break
            stdin.write(data)
            await stdin.drain()
    except (asyncssh.Error, OSError):
        pass
    finally:
        stdin.close()


async def _copy(source: asyncio.StreamReader, target: Any) -> None:
    with contextlib.suppress(asyncssh.Error, OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


@contextlib.contextmanager
def serving(folder: Path, host_key: asyncssh.SSHKey | None = None, port: int = 0) -> Iterator[Server]:
    """A server in a thread of its own, for a while."""
    folder.mkdir(parents=True, exist_ok=True)
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    server = Server(folder, host_key or asyncssh.generate_private_key("ssh-ed25519"), client_key)
    server.home.mkdir(mode=0o700, exist_ok=True)
    server.key_file.unlink(missing_ok=True)
    server.key_file.touch(mode=0o600)
    client_key.write_private_key(str(server.key_file))
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def main() -> None:
        over = asyncio.Event()
        acceptor = await asyncssh.create_server(
            lambda: _Login(server), "127.0.0.1", port, server_host_keys=[server.host_key], encoding=None,
            process_factory=lambda process: (server.behave or _serve)(server, process),
        )  # fmt: skip
        server.port, server.loop = acceptor.get_port(), asyncio.get_running_loop()
        ready.set_result((asyncio.get_running_loop(), over))
        await over.wait()
        for login in server.logins:  # of a client that keeps its connections
            login.abort()
        if server.tasks:
            await asyncio.wait(server.tasks, timeout=15)
        acceptor.close()
        await acceptor.wait_closed()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    loop, over = ready.result(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(20)
