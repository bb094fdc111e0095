"""The EventPublisher process: event bus, control socket, the jobs under way."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgpack
import zmq
import zmq.asyncio

from master.agentless import Agentless
from master.config import MasterSettings
from master.control import SOCKET, ControlServer
from master.hub import Hub, HubOptions
from master.keys import State
from master.parts import Parts
from master.processes.sockets import address, internal


class _Wire:
    """Orders to the Publisher process."""

    def __init__(self, socket: zmq.Socket[Any]) -> None:
        self._socket = socket

    def publish(
        self, job: Mapping[str, Any], own: Collection[str], broadcast: bool, topics: Sequence[str] | None
    ) -> None:
        order = {"job": job, "own": list(own), "broadcast": broadcast, "topics": list(topics) if topics else None}
        self._socket.send(msgpack.packb(order))

    def census(self) -> None:
        """Who is connected is told anew: what this process knew of it before it was restarted is gone."""
        self._socket.send(msgpack.packb({"census": True}))

    def cut(self, minions: Sequence[str], rotate: bool, disturb: bool) -> None:
        self._socket.send(msgpack.packb({"cut": list(minions), "rotate": rotate, "disturb": disturb}))


def run(settings: MasterSettings, parts: Parts) -> None:
    """Serves until the process is ended."""
    asyncio.run(_serve(settings, parts))


async def _serve(settings: MasterSettings, parts: Parts) -> None:
    context: zmq.Context[Any] = zmq.Context()
    notes = internal(zmq.asyncio.Context(context), zmq.PULL, address(settings.sock_dir, "events"), bind=True)
    wire = _Wire(internal(context, zmq.PUSH, address(settings.sock_dir, "publish"), bind=False))
    relay = internal(context, zmq.PUB, address(settings.sock_dir, "bus"), bind=True)
    hub = Hub(
        HubOptions(settings.delivery_ttl, settings.zmq_filtering),
        parts.store,
        wire,
        lambda tag, packed: relay.send_multipart([tag.encode(), packed]),
        Agentless(parts.roster, lambda: parts.keys.names(State.ACCEPTED)),
    )
    control = ControlServer(
        os.path.join(settings.sock_dir, SOCKET),
        hub,
        parts.store,
        parts.directory,
        settings.publisher_acl,
        settings.publisher_acl_blacklist,
        settings.timeout,
        settings.gather_job_timeout,
    )
    await control.start()
    wire.census()
    hub.fire("salt/master/start", {"id": parts.master_id})
    while True:
        hub.on_notes(await notes.recv())
        await asyncio.sleep(0)  # what waits already is received without a pause: let operators have their turn
