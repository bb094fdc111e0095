"""The ZeroMQ road in one process: the master's real gate, sign-in, publisher and stores around two sockets."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import zmq
import zmq.asyncio

from master import config, parts
from master.gate import BAD_LOAD, Gate, Refusal, parse
from master.publisher import Publisher, public_socket
from transports import codec, crypto
from transports.errors import MessageTooLarge
from transports.link import Handler
from transports.messages import REPEATABLE, Job, Presence
from transports.signin import Identity, Trust
from transports.zeromq.course import Timing
from transports.zeromq.minion import LinkConfig, ZeroMQLink
from transports.zeromq.sockets import Tuning

LIMIT = codec.MAX_MESSAGE


def free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


class ZeroMQRoad:
    """Both ports of a master, served by one event loop."""

    def __init__(self, made: parts.Parts, ports: list[int], handler: Handler) -> None:
        self._parts, self._handler = made, handler
        self._context = zmq.asyncio.Context()
        self._front = public_socket(self._context, zmq.ROUTER, 1.0, LIMIT, False)
        self._front.bind(f"tcp://127.0.0.1:{ports[1]}")
        plain: zmq.Context[Any] = zmq.Context(self._context)
        self._public = public_socket(plain, zmq.XPUB, 1.0, 4096, False)
        self._public.setsockopt(zmq.XPUB_VERBOSER, 1)
        self._public.setsockopt(zmq.SNDHWM, 0)
        self._public.bind(f"tcp://127.0.0.1:{ports[0]}")
        self._publisher = Publisher(self._public, made.master_key, crypto.SIGNING[0], made.publish_key, made.sessions)
        self._publisher.rotate()
        self._gate = Gate(made.keys, made.sessions, since=float(int(time.time())))
        self._desk = made.sign_in(self)  # type: ignore[arg-type]
        self._presence: dict[str, Presence] = {}
        self._tasks = {asyncio.ensure_future(self._requests()), asyncio.ensure_future(self._subscriptions())}
        self._closed = False

    def fire(self, tag: str, data: Mapping[str, Any]) -> None:
        """Events of sign-ins are nobody's business here."""

    async def publish(self, job: Job, minions: Collection[str]) -> None:
        load = job.to_wire()
        if len(codec.pack(load)) > LIMIT:
            raise MessageTooLarge("too large")
        self._publisher.publish(load, list(minions), False, None)

    def present(self) -> Mapping[str, Presence]:
        return dict(self._presence)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._front.close(0)
        self._public.close(0)
        self._context.term()

    async def _requests(self) -> None:
        while True:
            frames = await self._front.recv_multipart()
            task = asyncio.ensure_future(self._one(frames))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _one(self, frames: list[bytes]) -> None:
        try:
            envelope = parse(frames[2])
            if envelope.clear is not None:
                reply = self._desk.answer(envelope.clear, "127.0.0.1")
            else:
                opened = self._gate.open(envelope)
                repeated = opened.repeat and opened.request.cmd not in REPEATABLE
                reply = opened.seal(None if repeated else await self._handler(opened.peer, opened.request))
        except (Refusal, RuntimeError):
            reply = BAD_LOAD
        await self._front.send_multipart([frames[0], b"", reply])

    async def _subscriptions(self) -> None:
        poller = zmq.asyncio.Poller()
        poller.register(self._public, zmq.POLLIN)
        while True:
            await poller.poll()
            with contextlib.suppress(zmq.Again):
                while True:
                    change = self._publisher.subscription(self._public.recv(zmq.NOBLOCK))
                    if change is not None:
                        self._presence[change[0]] = Presence(change[1], time.time())


class _Memory:
    """A minion that was told its master's key beforehand."""

    def __init__(self, master: crypto.PublicKey) -> None:
        self._master, self._serials = master, dict[str, int]()

    def trust(self) -> Trust:
        return Trust(remembered=self._master)

    def remember(self, key: crypto.PublicKey) -> None:
        raise AssertionError("the key was known")

    def serials(self) -> Mapping[str, Any]:
        return self._serials

    def store_serials(self, serials: dict[str, int]) -> None:
        self._serials = serials


class ZeroMQLab:
    limit = LIMIT
    breaks = False
    _key = crypto.generate_key(2048)

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="zmqlab"))
        settings = config.load(
            str(self._folder / "etc" / "master"), {"root_dir": str(self._folder), "auto_accept": True, "keysize": 2048}
        )
        self._parts = parts.build(settings)
        self._ports = free_ports(2)
        self._road: ZeroMQRoad | None = None
        self._links: list[ZeroMQLink] = []

    async def road(self, handler: Handler) -> ZeroMQRoad:
        self._road = ZeroMQRoad(self._parts, self._ports, handler)
        return self._road

    async def link(self, minion_id: str) -> ZeroMQLink:
        link = ZeroMQLink(
            LinkConfig(
                "127.0.0.1",
                self._ports[1],
                self._ports[0],
                auth_timeout=1.0,
                timing=Timing(pending=0.1, unreachable=0.1, unreachable_longest=0.5),
                tuning=Tuning(heartbeat=1.0, reconnect=50, reconnect_longest=200),
            ),
            Identity(minion_id, self._key),
            _Memory(self._parts.master_key.public_key()),
        )
        self._links.append(link)
        await link.start()
        await link.wait_signed_in(10)
        return link

    async def present(self, minion_id: str) -> None:
        async def arrived() -> None:
            while not (self._road and minion_id in self._road.present() and self._road.present()[minion_id].up):
                await asyncio.sleep(0.01)

        await asyncio.wait_for(arrived(), 20)

    async def close(self) -> None:
        for link in self._links:
            await link.close()
        if self._road is not None:
            await self._road.close()
        shutil.rmtree(self._folder, ignore_errors=True)
