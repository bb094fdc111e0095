"""The way to one host: calls functions there, over its connection, or in this process for the host that we are on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from master import requests
from master.requests import Services
from roster.host import Host
from ssh.deploy.plan import PROBE_SECONDS, Plan
from ssh.errors import DiskFull, StepFailed
from ssh.held import Held, Way, held
from transports.errors import CodecError, RequestRefused
from transports.frames import frame
from transports.messages import Job, Peer, Request, Return
from transports.stream_road import StreamRoad

_WORDS = 2000
_MOST_SENT = 512 * 1024 * 1024  # to one host in one run
_FULL = ("no space is left", "there is no room")


class Target(Protocol):
    """A host."""

    async def call(self, fun: str, seconds: float, **arguments: Any) -> Any:
        """Calls a function there.

        Args:
            fun: `module.function`.
            seconds: how long it may take.
            arguments: keyword arguments.

        Raises:
            SSHError: it failed, did not end in time, or the connection was lost.
        """
        ...


def failure(text: str) -> StepFailed | DiskFull:
    """The error for what a function that failed says."""
    kind = DiskFull if any(words in text.lower() for words in _FULL) else StepFailed
    return kind(text[:_WORDS])


@dataclass
class Asked:
    """A function that was called and what came of it."""

    job: Job
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    returned: Return | None = None

    def value(self) -> Any:
        """The result.

        Raises:
            StepFailed: the function failed.
        """
        assert self.returned is not None
        if self.returned.ok:
            return self.returned.value
        text = str(self.returned.value).removeprefix("ERROR: ").strip()
        raise failure(text)


class Desk:
    """Answers hosts while they are deployed: takes what they were asked for, once, and gives them wheels.

    There is nothing else that a host may ask for before it is a minion.

    Args:
        services: of the request table.
        new_jid: makes job ids.
    """

    def __init__(self, services: Services, new_jid: Callable[[], str]) -> None:
        self._services, self._new_jid = services, new_jid
        self._open: dict[tuple[str, str], Asked] = {}
        self.sent: Counter[str] = Counter()

    def ask(self, minion_id: str, fun: str, arguments: Mapping[str, Any]) -> Asked:
        """A function that a host is to call."""
        words = {name: value for name, value in arguments.items() if value is not None}
        job = Job(self._new_jid(), (fun,), (({**words, "__kwarg__": True},),), (minion_id,), "list", user="root")
        asked = self._open[job.jid, minion_id] = Asked(job)
        return asked

    def forget(self, minion_id: str) -> None:
        """Nothing more is expected of a host."""
        for key in [key for key in self._open if key[1] == minion_id]:
            del self._open[key]

    async def __call__(self, peer: Peer, request: Request) -> Any:
        if request.cmd == "_return":
            self._returned(peer, request)
            return None
        if request.cmd == "_wheel":
            return await self._wheel(peer, request)
        raise RequestRefused(f"{request.cmd} is not served while a host is deployed")

    def _returned(self, peer: Peer, request: Request) -> None:
        try:
            returned = Return.from_wire(dict(request.load), peer.id)
        except CodecError:
            return
        asked = self._open.get((returned.jid, peer.id))
        if asked is not None and asked.returned is None and returned.fun == asked.job.fun[0]:
            asked.returned = returned
            asked.answered.set()

    async def _wheel(self, peer: Peer, request: Request) -> Any:
        if self.sent[peer.id] > _MOST_SENT:
            raise RequestRefused(f"{peer.id} was sent {_MOST_SENT} bytes, which is more than any minion is made of")
        answer = await asyncio.to_thread(requests.answer, self._services, peer, request)
        data = answer.get("data") if isinstance(answer, dict) else None
        self.sent[peer.id] += len(data) if isinstance(data, bytes) else 0
        return answer


@dataclass(frozen=True)
class Crew:
    """What hosts are reached with.

    Attributes:
        way: how they are made minions for as long as it takes.
        desk: answers their requests.
        streams: serves their streams.
    """

    way: Way
    desk: Desk
    streams: StreamRoad


class Remote:
    """A host that is reached over SSH."""

    def __init__(self, host: Host, crew: Crew, thin: Held) -> None:
        self._host, self._crew, self._thin = host, crew, thin

    async def call(self, fun: str, seconds: float, **arguments: Any) -> Any:
        """See `Target`."""
        asked = self._crew.desk.ask(self._host.id, fun, arguments)
        await self._crew.streams.publish(asked.job, [self._host.id])
        return await self.result(asked, seconds)

    async def result(self, asked: Asked, seconds: float) -> Any:
        """The result of what was called already."""
        await self._thin.until(asked.answered, seconds)
        return asked.value()


@asynccontextmanager
async def remote(host: Host, crew: Crew, plan: Plan) -> AsyncIterator[tuple[Target, Any]]:
    """A host for as long as the context lasts, with its facts.

    Raises:
        SSHError: it can't be reached, or does not say them.
    """
    first = crew.desk.ask(host.id, "deploy.probe", {"prefix": plan.prefix, "config_dir": plan.config_dir})
    try:
        async with held(host, crew.way, crew.streams, frame({"job": first.job.to_wire()})) as thin:
            crew.desk.sent[host.id] += thin.sent
            target = Remote(host, crew, thin)
            yield target, await target.result(first, plan.seconds or PROBE_SECONDS)
    finally:
        crew.desk.forget(host.id)
