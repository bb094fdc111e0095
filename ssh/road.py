"""The SSH road: reaches the hosts of a roster.

A host has a line while there is work for it, and some time after where connections are kept: one connection with one
thin minion, which takes any number of jobs. So many hosts at once are at work as the configuration says; a line that
rests counts for nothing. What goes wrong with one host is an error of that host and of no other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Protocol

from roster.host import Host
from ssh.errors import NoAnswer, SSHError, StartFailed
from ssh.held import Held, Way, held
from transports.codec import MAX_MESSAGE
from transports.errors import Closed
from transports.frames import frame
from transports.link import Handler
from transports.messages import Job, Presence
from transports.stream_road import StreamRoad

log = logging.getLogger(__name__)


class Told(Protocol):
    """Who hears what happens on the road."""

    def begun(self, jid: str, minion_id: str) -> None:
        """A host was given a job."""

    def failed(self, jid: str, minion_id: str, error: SSHError) -> None:
        """A host did not do a job."""

    def warm(self, minion_id: str, up: bool) -> None:
        """A connection stands, or ended."""


class SSHRoad:
    """See `transports.link.Road`.

    Args:
        handler: answers the hosts' requests.
        told: hears what happens.
        keep: seconds that a connection without work is kept; 0 to end it at once.
        max_procs: hosts at work at the same time.
        limit: bytes of one message at the most.
    """

    def __init__(self, handler: Handler, told: Told, keep: float, max_procs: int, limit: int = MAX_MESSAGE) -> None:
        self.told, self.keep, self._limit = told, keep, limit
        self.streams, self.slots = StreamRoad(handler, limit=limit), asyncio.Semaphore(max_procs)
        self._hosts: Mapping[str, Host] = {}
        self._way: Way | None = None
        self._lines: dict[str, _Line] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.closed = False

    def __repr__(self) -> str:
        return f"<SSHRoad: {len(self._hosts)} hosts, {len(self._lines)} lines>"

    def equip(self, hosts: Mapping[str, Host], way: Way) -> None:
        """From now on these are the hosts, and this is how they are made minions."""
        self._hosts, self._way = hosts, way

    async def publish(self, job: Job, minions: Collection[str]) -> None:
        """See `transports.link.Road`.

        Raises:
            MessageTooLarge: it was not sent.
        """
        if self.closed:
            raise Closed("the road is closed")
        frame({"job": job.to_wire()}, self._limit)  # raises what is to be raised before anybody gets it
        for minion_id in minions:
            if minion_id in self._hosts:
                self._line_to(self._hosts[minion_id]).take(job)

    def present(self) -> Mapping[str, Presence]:
        """See `transports.link.Road`."""
        return self.streams.present()

    def answered(self, jid: str, minion_id: str) -> None:
        """A host has done its job."""
        line = self._lines.get(minion_id)
        if line is not None:
            line.answered(jid)

    async def close(self) -> None:
        """Ends all connections, and with them what runs at their other ends."""
        self.closed = True
        tasks = [line.task for line in self._lines.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.streams.close()

    def publish_later(self, jobs: list[Job], minion_id: str) -> None:
        """Jobs that a line could not take any more go over the next one."""

        async def publish() -> None:
            for job in jobs:
                await self.publish(job, [minion_id])

        task = asyncio.ensure_future(publish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def forget(self, line: _Line) -> None:
        """A line takes no further jobs."""
        if self._lines.get(line.host.id) is line:
            del self._lines[line.host.id]

    def _line_to(self, host: Host) -> _Line:
        """The line of a host; one that rests and leads there in another way than it should by now is replaced."""
        assert self._way is not None
        line = self._lines.get(host.id)
        if line is not None and line.rests and not (line.host == host and line.way is self._way):
            line.task.cancel()
            line = None
        if line is None:
            line = self._lines[host.id] = _Line(self, host, self._way)
        return line


class _Line:
    """One host for as long as its connection lasts; made by `SSHRoad`."""

    def __init__(self, road: SSHRoad, host: Host, way: Way) -> None:
        self.host, self.way = host, way
        self._road = road
        self._open: dict[str, asyncio.Event] = {}  # set when the job was answered
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._unsent: list[Job] = []
        self._news = asyncio.Event()
        self._has_slot = self._spent = False
        self.task = asyncio.ensure_future(self._run())

    @property
    def rests(self) -> bool:
        """Whether there is no work."""
        return not self._open

    def take(self, job: Job) -> None:
        """Takes a job for the host."""
        self._open[job.jid] = asyncio.Event()
        self._unsent.append(job)
        self._news.set()

    def answered(self, jid: str) -> None:
        """The host has done a job."""
        if jid in self._open:
            self._open[jid].set()

    async def _run(self) -> None:
        try:
            await self._take_slot()
            early, self._unsent = self._unsent, []
            frames = b"".join(frame({"job": job.to_wire()}) for job in early)
            async with held(self.host, self.way, self._road.streams, frames) as thin:
                self._road.told.warm(self.host.id, True)
                self._watch(early, thin)
                await self._serve(thin)
        except SSHError as exc:
            self._give_up(exc)
        except Exception as exc:
            log.exception("%s failed", self.host.id)
            self._give_up(StartFailed(f"{type(exc).__name__}: {exc}"))
        finally:
            self._leave()

    async def _serve(self, thin: Held) -> None:
        """Gives the host its jobs until the connection is lost, or there was no work for a while."""
        lost = asyncio.ensure_future(thin.until(asyncio.Event()))
        try:
            while not lost.done():
                self._news.clear()
                if self._unsent:
                    await self._take_slot()
                    await self._send(thin)
                elif not self._open:
                    self._free_slot()
                    if self._spent:
                        return
                if not await self._something(lost):
                    return
        finally:
            self._leave()
            if not lost.done():
                for ending in (lost, *self._watchers.values()):
                    ending.cancel()
            await asyncio.gather(lost, *self._watchers.values(), return_exceptions=True)
            self._road.told.warm(self.host.id, False)

    async def _something(self, lost: asyncio.Task[None]) -> bool:
        """Waits for news, or the end of the connection; False if there was nothing for too long."""
        news = asyncio.ensure_future(self._news.wait())
        try:
            patience = None if self._open else self._road.keep
            done, _ = await asyncio.wait({lost, news}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            return bool(done) or self._news.is_set()
        finally:
            news.cancel()

    async def _send(self, thin: Held) -> None:
        jobs, self._unsent = self._unsent, []
        for job in jobs:
            await self._road.streams.publish(job, [self.host.id])
        self._watch(jobs, thin)

    def _watch(self, jobs: list[Job], thin: Held) -> None:
        for job in jobs:
            self._road.told.begun(job.jid, self.host.id)
            self._watchers[job.jid] = asyncio.ensure_future(self._until_answered(job.jid, thin))

    async def _until_answered(self, jid: str, thin: Held) -> None:
        try:
            await thin.until(self._open[jid], self.way.job_seconds)
        except SSHError as exc:
            self._spent = self._spent or isinstance(exc, NoAnswer)  # only the end of the connection ends that job
            self._road.told.failed(jid, self.host.id, exc)
        finally:
            del self._open[jid], self._watchers[jid]
            self._news.set()

    def _give_up(self, error: SSHError) -> None:
        """No connection came about: the jobs that it was for fail."""
        self._unsent.clear()
        for jid in [jid for jid in self._open if jid not in self._watchers]:
            del self._open[jid]
            self._road.told.failed(jid, self.host.id, error)

    def _leave(self) -> None:
        """The end: what came too late for this line is for the next one."""
        self._road.forget(self)
        self._free_slot()
        late, self._unsent = self._unsent, []
        for job in late:
            del self._open[job.jid]
        if late and not self._road.closed:
            self._road.publish_later(late, self.host.id)

    async def _take_slot(self) -> None:
        """Waits for this host's turn. Who waits for a job that a host published has a slot already: it passes."""
        if not self._has_slot and not any(job.publisher for job in self._unsent):
            await self._road.slots.acquire()
            self._has_slot = True

    def _free_slot(self) -> None:
        if self._has_slot:
            self._has_slot = False
            self._road.slots.release()
