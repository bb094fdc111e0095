"""One SSH connection to one host, for everything that a run has to do there.

asyncssh's exceptions become those of `ssh.errors` here and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from roster.host import Host
from ssh.errors import (
    AuthenticationFailed,
    ConnectionLost,
    HostKeyUnknown,
    KeyUnusable,
    SSHError,
    StartFailed,
    Unreachable,
)
from ssh.hostkeys import HostKeys, Policy
from ssh.jumps import Jumps
from ssh.library import asyncssh
from transports.retry import Backoff

log = logging.getLogger(__name__)

_TRIES = 4
_MOST_OUTPUT = 64 * 1024 * 1024
# A terminal that changes no byte of what passes.
_RAW_MODES = {
    asyncssh.PTY_ECHO: 0, asyncssh.PTY_ICANON: 0, asyncssh.PTY_ISIG: 0, asyncssh.PTY_OPOST: 0, asyncssh.PTY_ICRNL: 0,
    asyncssh.PTY_INLCR: 0, asyncssh.PTY_IGNCR: 0, asyncssh.PTY_IXON: 0, asyncssh.PTY_IXOFF: 0, asyncssh.PTY_ISTRIP: 0,
    asyncssh.PTY_IEXTEN: 0, asyncssh.PTY_ECHOE: 0, asyncssh.PTY_ECHOK: 0, asyncssh.PTY_ECHONL: 0,
}  # fmt: skip


@dataclass(frozen=True)
class Client:
    """How this side connects, the same for all hosts.

    Attributes:
        host_keys: whom to believe.
        timeout: seconds until a connection stands, where the roster does not say.
        keepalive: seconds between signs of life; 0 for none.
        keepalive_count: unanswered ones that end a connection.
        own_key: a key that is offered after all others (Salt's own); "" for none.
        options: further options of the SSH client, for all hosts.
        forwards: ports of the hosts that lead here, as `-R` of ssh takes them.
        scratch: folder for files that the SSH library wants to read.
        jumps: the open connections to hosts that lead to others.
    """

    host_keys: HostKeys
    timeout: float = 60.0
    keepalive: float = 15.0
    keepalive_count: int = 3
    own_key: str = ""
    options: tuple[tuple[str, str], ...] = ()
    forwards: tuple[tuple[str, int, str, int], ...] = ()
    scratch: str = ""
    configs: dict[str, str] = field(default_factory=dict)
    jumps: Jumps = field(default_factory=Jumps)


class _Trust(asyncssh.SSHClient):
    """Asks `HostKeys` about a key that is not trusted yet, and keeps what it says."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.problem: SSHError | None = None
        self._offered = False

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        self.problem = self._client.host_keys.problem(host, addr, port, key)
        return self.problem is None

    def public_key_auth_requested(self) -> Any:
        if self._offered or not self._client.own_key:
            return None
        self._offered = True
        return self._client.own_key


class Connection:
    """One host.

    Args:
        host: whom to reach and how.
        client: how we connect.
    """

    def __init__(self, host: Host, client: Client) -> None:
        self.host, self._client = host, client
        self._connection: asyncssh.SSHClientConnection | None = None

    def __repr__(self) -> str:
        return f"<Connection {self.host.id}: {'open' if self._connection else 'closed'}>"

    @property
    def is_open(self) -> bool:
        """Whether it stands, as far as is known."""
        return self._connection is not None and not self._connection.is_closed()

    @property
    def may_send_password(self) -> bool:
        """Whether the host has proven who it is."""
        return self._client.host_keys.policy is not Policy.NONE

    async def open(self) -> None:
        """Connects and logs in. A host that breaks off at the door has too many at it, and is tried again.

        Raises:
            SSHError: it can't be done.
        """
        timeout = self.host.timeout or self._client.timeout
        pauses = Backoff(first=0.3, longest=2.0)
        try:
            async with asyncio.timeout(timeout):
                while True:
                    try:
                        self._connection = await self._connect()
                        break
                    except _Turned as exc:
                        if pauses.attempts >= _TRIES:
                            raise Unreachable(str(exc)) from None
                        await asyncio.sleep(pauses.next())
                for forward in self._client.forwards:
                    await self._connection.forward_remote_port(*forward)
        except TimeoutError:
            raise Unreachable(f"no connection to {self._where} within {timeout:g} s") from None

    async def close(self) -> None:
        """Ends the connection; twice is fine."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
            with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
                async with asyncio.timeout(2):
                    await connection.wait_closed()
        await self._client.jumps.leave(self.host, self)

    def abort(self) -> None:
        """Ends the connection at once."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    async def run(self, command: str, stdin: bytes = b"", tty: bool = False) -> tuple[bytes, bytes, int]:
        """Runs a command of the host's shell to its end; returns its stdout, stderr and exit code.

        Raises:
            ConnectionLost: the connection ended before.
            StartFailed: there is no end of what it writes.
        """
        async with self.session(command, tty) as session:
            session.writer.write(stdin)
            session.writer.write_eof()
            out, err = await asyncio.gather(whole(session.reader), whole(session.errors))
            return out, err, await session.exit_code()

    @asynccontextmanager
    async def session(self, command: str, tty: bool = False) -> AsyncIterator[Session]:
        """A running command with its streams; it is ended with the context.

        Raises:
            ConnectionLost: the connection ended.
        """
        assert self._connection is not None
        terminal = {"term_type": "dumb", "request_pty": "force", "term_modes": _RAW_MODES} if tty else {}
        with _named(self._where):
            opened = await self._connection.open_session(command, encoding=None, window=8 << 20, **terminal)
            session = Session(*opened)
            try:
                yield session
            finally:
                session.writer.channel.close()

    @property
    def _where(self) -> str:
        port = f" port {self.host.port}" if self.host.port else ""
        return f"{self.host.address}{port}{f' through {self.host.jump}' if self.host.jump else ''}"

    async def _connect(self) -> asyncssh.SSHClientConnection:
        trust = _Trust(self._client)
        way = await self._client.jumps.reach(self.host, self, self._client)
        given = self._arguments()
        if way is not None:
            given["tunnel"] = way._connection
        try:
            return (await asyncssh.create_connection(lambda: trust, self.host.address, **given))[0]
        except asyncssh.HostKeyNotVerifiable as exc:
            raise trust.problem or HostKeyUnknown(f"the host key of {self._where} can't be trusted: {exc}") from None
        except asyncssh.PermissionDenied as exc:
            raise AuthenticationFailed(self._why_denied(str(exc))) from None
        except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as exc:
            raise KeyUnusable(f"the private key {self.host.priv or '(by default)'} can't be used: {exc}") from None
        except (asyncssh.ConfigParseError, asyncssh.KeyExchangeFailed) as exc:
            raise Unreachable(f"no connection to {self._where}: {exc}") from None
        except socket.gaierror as exc:
            raise Unreachable(f"{self.host.address} can't be resolved: {exc.strerror}") from None
        except (asyncssh.ConnectionLost, asyncssh.ProtocolError, ConnectionResetError) as exc:
            raise _Turned(f"{self._where} ended the connection before login: {exc}") from None
        except (asyncssh.Error, OSError) as exc:
            raise Unreachable(f"no connection to {self._where}: {_plain(exc)}") from None

    def _why_denied(self, text: str) -> str:
        tried = "the password and the keys" if self.host.passwd else "the keys"
        if self.host.passwd and not self.may_send_password:
            tried = "the keys (no password is sent to a host whose key is not checked)"
        user = f" as {self.host.user}" if self.host.user else ""
        return f"{self._where} does not let us in{user}: {tried} did not do ({text})"

    def _arguments(self) -> dict[str, Any]:
        """What asyncssh is told; what is left out comes from ~/.ssh/config or its own defaults."""
        host, client = self.host, self._client
        given: dict[str, Any] = {
            "known_hosts": None if client.host_keys.policy is Policy.NONE else client.host_keys.known,
            "keepalive_interval": client.keepalive,
            "keepalive_count_max": client.keepalive_count,
            "config": self._config_files(),
            "x509_trusted_certs": None,
            "gss_auth": False,
            "gss_kex": False,
            "client_version": "Saltern",
        }
        given.update({key: value for key, value in {"port": host.port, "username": host.user}.items() if value})
        if host.passwd and self.may_send_password:
            given["password"] = host.passwd
        else:
            given["password_auth"] = given["kbdint_auth"] = False
        if host.priv:
            given["client_keys"] = [host.priv]
            given["passphrase"] = host.priv_passwd or None
        if host.priv or host.identities_only:
            given["agent_path"] = None if host.priv else ()
        return given

    def _config_files(self) -> list[str]:
        """Options of the roster come before those of the user's own file: in ssh_config the first value counts."""
        user = os.path.expanduser("~/.ssh/config")
        files = [user] if os.path.isfile(user) else []
        options = (*self.host.ssh_options, *self._client.options)
        if options:
            text = "".join(f"{keyword} {value}\n" for keyword, value in options)
            files.insert(0, _config_file(text, self._client))
        return files


class _Turned(Exception):
    """The host ended the connection before the login."""


class Session:
    """A command that runs on a host.

    Attributes:
        writer, reader, errors: its stdin, stdout and stderr.
    """

    def __init__(self, writer: Any, reader: Any, errors: Any) -> None:
        self.writer, self.reader, self.errors = writer, reader, errors

    async def exit_code(self) -> int:
        """Waits for the end of the command; -1 if the host does not say how it ended."""
        await self.writer.channel.wait_closed()
        code = self.writer.channel.get_exit_status()
        return code if isinstance(code, int) else -1


async def whole(stream: Any) -> bytes:
    """All that a command writes: it may be a hostile one, and is kept in memory.

    Raises:
        StartFailed: it is too much.
    """
    kept = bytearray()
    while part := await stream.read(1 << 16):
        kept += part
        if len(kept) > _MOST_OUTPUT:
            raise StartFailed(f"the command writes more than {_MOST_OUTPUT >> 20} MB")
    return bytes(kept)


@contextlib.contextmanager
def _named(where: str) -> Any:
    try:
        yield
    except (asyncssh.Error, ConnectionError) as exc:
        raise ConnectionLost(f"the connection to {where} was lost: {_plain(exc)}") from None


def _plain(exc: BaseException) -> str:
    return getattr(exc, "reason", "") or getattr(exc, "strerror", "") or str(exc) or type(exc).__name__


def _config_file(text: str, client: Client) -> str:
    """A file with options of the SSH client; the library reads them from files alone."""
    path = client.configs.get(text)
    if path is None:
        path = client.configs[text] = os.path.join(client.scratch, f"options-{len(client.configs)}")
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    return path
