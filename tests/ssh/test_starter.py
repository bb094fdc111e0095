"""Hosts that ask for more than the bundle, once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from roster.host import Host
from ssh import bundle
from ssh.bootstrap import Start
from ssh.connection import Client, Connection
from ssh.errors import StartFailed
from ssh.hostkeys import HostKeys
from ssh.starter import started
from tests.ssh.hosts import USER, Server

SMALL = ("a.py", b"pass\n")


@pytest.mark.parametrize("methods", [["xz", "xz"], ["xz", "zlib"], ["evil"], ["../evil"], [""]])
def test_bundle_is_sent_once_in_a_form_that_we_know(methods: list[str], server: Server, tmp_path: Path) -> None:
    """Each name would be a file in the controller's cache, each time work for it."""

    async def behave(_server: Server, process: Any) -> None:
        for _ in range(6):
            await process.stdin.readuntil(b"\n")
        await process.stdin.readexactly(int(await process.stdin.readexactly(8)))
        mark = (await process.stdin.readuntil(b"\n")).strip()
        process.stdout.write(b"".join(mark + f" need {method}\n".encode() for method in methods))
        await process.stdin.read()

    server.behave = behave
    known, cache = tmp_path / "known_hosts", tmp_path / "cache"
    known.write_text(server.known_hosts_line())
    host = Host("box", host="127.0.0.1", port=server.port, user=USER, priv=str(server.key_file))
    made = bundle.Bundle((SMALL,), str(cache))

    async def go() -> None:
        reached = Connection(host, Client(HostKeys([str(known)])))
        try:
            await reached.open()
            async with asyncio.timeout(20), started(reached, Start({}, made.digest), made):
                pass
        finally:
            await reached.close()

    with pytest.raises(StartFailed, match="asks for"):
        asyncio.run(go())
    kept = [path.name for path in cache.iterdir()] if cache.exists() else []
    assert kept in ([], [f"{made.digest}.xz"])
