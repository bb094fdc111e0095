"""The SSH road over real SSH connections; at their far ends are the thin minion's links, and nothing else of it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from pathlib import Path
from typing import Any

import asyncssh

from roster.host import Host
from ssh.bundle import Bundle
from ssh.connection import Client
from ssh.errors import SSHError
from ssh.held import Way
from ssh.hostkeys import HostKeys
from ssh.road import SSHRoad
from tests.contract.stream_lab import LIMIT, Watched
from tests.ssh.hostile import Liar
from transports.link import Handler
from transports.stream import StreamLink
from transports.testing import job

WAKE = 59999999


class _Nobody:
    """Hears nothing of what happens on the road."""

    def begun(self, jid: str, minion_id: str) -> None: ...

    def failed(self, jid: str, minion_id: str, error: SSHError) -> None: ...

    def warm(self, minion_id: str, up: bool) -> None: ...


class _Login(asyncssh.SSHServer):
    def begin_auth(self, username: str) -> bool:
        return False


class SSHLab:
    limit = LIMIT
    breaks = True

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._server: asyncssh.SSHAcceptor | None = None
        self._road: SSHRoad | None = None
        self._links: list[Watched] = []
        self._far_ends: asyncio.Queue[socket.socket] = asyncio.Queue()

    async def road(self, handler: Handler) -> SSHRoad:
        key, known = asyncssh.generate_private_key("ssh-ed25519"), Path(self._folder.name) / "known"
        self._server = await asyncssh.create_server(
            _Login, "127.0.0.1", 0, server_host_keys=[key], encoding=None, process_factory=self._serve
        )
        port = self._server.get_port()
        known.write_text(f"[127.0.0.1]:{port} {key.export_public_key().decode()}")
        hosts = {name: Host(name, host="127.0.0.1", port=port, user="any") for name in ("one", "two", "three")}
        self._road = SSHRoad(handler, _Nobody(), 60.0, 5, self.limit)
        self._road.equip(hosts, Way(Client(HostKeys([str(known)])), Bundle(()), {}))
        return self._road

    async def link(self, minion_id: str) -> Watched:
        """A job makes the road connect; the fake minion takes it, the link gets those that follow."""
        assert self._road is not None
        await self._road.publish(job(WAKE, minion_id), [minion_id])
        descriptor = (await self._far_ends.get()).detach()
        self._links.append(Watched(StreamLink(descriptor, descriptor, self.limit)))
        return self._links[-1]

    async def present(self, minion_id: str) -> None:
        assert self._road is not None
        while not (known := self._road.present().get(minion_id)) or not known.up:
            await asyncio.sleep(0.01)

    async def close(self) -> None:
        for link in self._links:
            await link.close()
        if self._road is not None:
            await self._road.close()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        self._folder.cleanup()

    async def _serve(self, process: Any) -> None:
        await Liar(process).begin()
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        self._far_ends.put_nowait(theirs)
        down = asyncio.ensure_future(_copy(process.stdin, writer))
        try:
            await _copy(reader, process.stdout)
        finally:
            down.cancel()
            writer.close()
            process.close()


async def _copy(source: Any, target: Any) -> None:
    """Passes bytes on until either end closes."""
    with contextlib.suppress(asyncssh.Error, OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        target.write_eof()
