"""Hosts that lead to other hosts (`jump` of the roster): one connection to each, shared by all that lie behind it.

They are reached as any host is: their keys are checked as the run says, and the key of the roster opens them too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from roster.host import Host

if TYPE_CHECKING:
    from ssh.connection import Client, Connection


class Jumps:
    """The open ones. Each ends when nobody needs it any more."""

    def __init__(self) -> None:
        self._ways: dict[str, tuple[asyncio.Task[Connection], set[Connection]]] = {}

    async def reach(self, host: Host, user: Connection, client: Client) -> Connection | None:
        """The connection that leads to a host; None if there is a direct way. `leave` it afterwards.

        Raises:
            SSHError: one of the hosts on the way can't be reached.
        """
        if not host.jump:
            return None
        key = _key(host)
        task, users = self._ways.get(key, (None, set()))
        if task is None or _failed(task):
            task, users = asyncio.ensure_future(_opened(_last(host), client)), set()
            self._ways[key] = (task, users)
        users.add(user)
        return await asyncio.shield(task)

    async def leave(self, host: Host, user: Connection) -> None:
        """The connection to a host is over."""
        if not host.jump:
            return
        key = _key(host)
        task, users = self._ways.get(key, (None, set()))
        users.discard(user)
        if task is not None and not users:
            del self._ways[key]
            if not task.done():
                task.cancel()
            elif not _failed(task):
                await task.result().close()


def _key(host: Host) -> str:
    return f"{host.jump} {host.priv}"


def _failed(task: asyncio.Task[Connection]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None or not task.result().is_open)


def _last(host: Host) -> Host:
    """The last host on the way; the others are its own way."""
    before, _, hop = host.jump.replace(" ", "").rpartition(",")
    user, _, where = hop.rpartition("@")
    name, colon, port = where.rpartition(":") if where.count(":") == 1 or "]:" in where else (where, "", "")
    return Host(
        id=hop,
        host=name.strip("[]"),
        port=int(port) if colon else 0,
        user=user,
        priv=host.priv,
        priv_passwd=host.priv_passwd,
        identities_only=host.identities_only,
        timeout=host.timeout,
        jump=before,
    )


async def _opened(way: Host, client: Client) -> Connection:
    from ssh.connection import Connection

    connection = Connection(way, client)
    await connection.open()
    return connection
