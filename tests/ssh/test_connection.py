"""Connections to hosts that do not behave."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from roster.host import Host
from ssh import connection
from ssh.connection import Client, Connection
from ssh.errors import StartFailed
from ssh.hostkeys import HostKeys
from ssh.starter import run_command
from tests.ssh.hosts import USER, Server


async def _without_end(server: Server, process: Any) -> None:
    while True:
        process.stdout.write(b"x" * 65536)
        await process.stdout.drain()


@pytest.mark.parametrize("run", [Connection.run, run_command])
def test_output_without_end_is_an_error(
    run: Any, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_MOST_OUTPUT", 1 << 20)
    server.behave = _without_end
    known = tmp_path / "known_hosts"
    known.write_text(server.known_hosts_line())
    host = Host("box", host="127.0.0.1", port=server.port, user=USER, priv=str(server.key_file))

    async def go() -> None:
        reached = Connection(host, Client(HostKeys([str(known)])))
        try:
            await reached.open()
            await asyncio.wait_for(run(reached, "true"), 20)
        finally:
            await reached.close()

    with pytest.raises(StartFailed, match="more than 1 MB"):
        asyncio.run(go())
