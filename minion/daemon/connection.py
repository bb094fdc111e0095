"""One master, or a list of which one at a time is the master: its link, its undelivered returns, its pillar."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from typing import Any, Awaitable, Deque, Dict, List, Mapping, Optional, Protocol

from minion.config import MinionSettings
from minion.daemon.links import LinkMemory, name_of
from minion.data import chosen_parts
from minion.spool import Parcel, Spool
from transports.errors import Broken, Closed, MessageTooLarge, RequestRefused, RequestTimeout, TransportError
from transports.messages import Job, Request
from transports.retry import Backoff
from transports.signin import Identity
from transports.zeromq.course import State
from transports.zeromq.minion import LinkConfig, ZeroMQLink

log = logging.getLogger(__name__)

_MAX_TRIES = 500
_PROBE_TIMEOUT = 5.0


class Hooks(Protocol):
    """What a connection tells its agent."""

    async def connected(self, connection: Connection, first: bool) -> None:
        """The master let us in, for the first time or after the connection was lost."""
        ...

    async def take(self, job: Job, connection: Connection) -> None:
        """The master asks for something."""
        ...

    def rejected(self, connection: Connection) -> None:
        """The master refuses our key, and will go on so."""
        ...


class Connection:
    """Keeps in touch with a master.

    Args:
        candidates: the masters; with several, the next is tried when one can't be reached.
        settings: the minion's configuration.
        who: the minion.
        memory: what links keep.
        hooks: whom to tell.
    """

    def __init__(
        self, candidates: List[LinkConfig], settings: MinionSettings, who: Identity, memory: LinkMemory, hooks: Hooks
    ) -> None:
        self._candidates, self._settings, self._who, self._memory, self._hooks = (
            candidates,
            settings,
            who,
            memory,
            hooks,
        )
        self.name = "failover" if len(candidates) > 1 else name_of(candidates[0])
        self.pillar: Dict[str, Any] = {}
        self.spool = Spool(os.path.join(settings.cachedir, "returns", self.name), settings.return_keep)
        self._held: Deque[Dict[str, Any]] = deque(maxlen=1000)  # returns that the disk did not take
        self._more = asyncio.Event()
        self._current = 0
        self._patience = Backoff()
        self._met = False
        self.forgotten = False  # the key had to be accepted anew: the master deleted what it kept of us
        self.ready = asyncio.Event()  # the pillar is there, or will not be soon: jobs can be taken
        self._tasks: List[asyncio.Task[None]] = []
        self._link_tasks: List[asyncio.Task[None]] = []
        self.link: Optional[ZeroMQLink] = None

    def __repr__(self) -> str:
        return f"<Connection {self.name}: {self.link!r}>"

    @property
    def own(self) -> bool:
        """Whether the master is one of ours."""
        return self.link is not None and self.link.own

    @property
    def host(self) -> str:
        """The master of the moment, as it is configured."""
        return self._candidates[self._current].host

    async def start(self) -> None:
        """Begins; returns at once."""
        self._spawn(self._deliver())
        if len(self._candidates) > 1 and self._settings.master_failback:
            self._spawn(self._look_for_first())
        await self._open()

    async def close(self) -> None:
        """Ends the connection; what is not delivered stays on disk."""
        for task in [*self._tasks, *self._link_tasks]:
            task.cancel()
        if self.link is not None:
            await self.link.close()

    def _spawn(self, work: Any) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _open(self) -> None:
        link = self.link = ZeroMQLink(self._candidates[self._current], self._who, self._memory, self._changed)
        self._link_tasks = [asyncio.get_running_loop().create_task(self._read_jobs(link))]
        await link.start()

    async def _read_jobs(self, link: ZeroMQLink) -> None:
        try:
            async for job in link.jobs():
                await self.ready.wait()
                await self._hooks.take(job, self)
        except Closed:
            pass

    # ------------------------------------------------------------ the state

    async def _changed(self, state: State, reason: str) -> None:
        if state is State.CONNECTED:
            first, self._met = not self._met, True
            self._patience.reset()
            self._spawn(self._hooks.connected(self, first))
            self._more.set()
        elif state is State.PENDING:
            self.forgotten = self._met
        elif state is State.REJECTED:
            self._hooks.rejected(self)
        elif state is State.SIGNED_OUT and len(self._candidates) > 1:
            self._spawn(self._switch((self._current + 1) % len(self._candidates), reason))

    async def _switch(self, number: int, why: str) -> None:
        """Goes over to another master of the list."""
        log.warning("Going from master %s to %s: %s", self.host, self._candidates[number].host, why)
        await asyncio.sleep(self._patience.next())
        old, self._current = self.link, number
        for task in self._link_tasks:
            task.cancel()
        await self._open()
        if old is not None:
            await old.close()

    async def _look_for_first(self) -> None:
        """While another master than the first serves: goes back as soon as the first takes connections again."""
        first = self._candidates[0]
        while True:
            await asyncio.sleep(self._settings.master_failback_interval)
            if self._current != 0 and await _answers(first.host, first.port):
                await self._switch(0, "the first master is back")

    # ------------------------------------------------------------- requests

    async def request(self, cmd: str, load: Mapping[str, Any], timeout: float = 60.0) -> Any:
        """Asks the master; what may be asked twice is asked again until the deadline.

        Raises:
            RequestTimeout, Broken: no reply.
            RequestRefused: the master won't.
            MessageTooLarge: it was not sent.
        """
        what, backoff = Request(cmd, load), Backoff()
        deadline = time.monotonic() + timeout
        while True:
            if self.link is None:
                raise RequestTimeout("there is no master")
            try:
                return await self.link.request(what, max(0.1, deadline - time.monotonic()))
            except (Broken, Closed) as exc:
                wait = backoff.next()
                if not what.repeatable or time.monotonic() + wait >= deadline:
                    raise Broken(f"{self.host}: {exc}") from exc
                await asyncio.sleep(wait)

    async def fire(self, tag: str, data: Any, **further: Any) -> None:
        """Sends an event, if the master can be reached."""
        try:
            await self.request("_minion_event", {"tag": tag, "data": data, "pretag": None, **further})
        except TransportError as exc:
            log.warning("The event %s can't be sent: %s", tag, exc)

    async def fetch_pillar(self, grains: Mapping[str, Any], clean_cache: bool = False) -> Dict[str, Any]:
        """Asks for the pillar and keeps it.

        Args:
            grains: facts about the host.
            clean_cache: the master is to forget what it may have kept for us.

        Raises:
            TransportError: no reply, or none that is a pillar.
        """
        load = {
            "grains": grains,
            "saltenv": self._settings.saltenv,
            "pillarenv": self._settings.pillarenv,
            "pillar_override": {},
            "extra_minion_data": chosen_parts(self._settings.opts(), self._settings.pass_to_ext_pillars),
            "ver": "2",
            **({"clean_cache": True} if clean_cache else {}),
        }
        pillar = await self.request("_pillar", load, self._settings.request_timeout)
        if not isinstance(pillar, dict):
            raise RequestRefused(f"{self.host} has no pillar for us")
        if pillar.get("_errors"):
            log.error("The pillar of %s has errors: %s", self.host, pillar["_errors"])
        self.pillar = pillar
        return pillar

    # -------------------------------------------------------------- returns

    def wake(self) -> None:
        """There is something to deliver, or it is to be tried again now."""
        self._more.set()

    def hold(self, load: Dict[str, Any]) -> None:
        """Keeps a return that the disk did not take."""
        self._held.append(load)
        self._more.set()

    async def _deliver(self) -> None:
        """Delivers returns in order, each until the master acknowledged it."""
        backoff = Backoff(self._settings.return_retry_timer, self._settings.return_retry_timer_max, 0.2)
        tries: Dict[str, int] = {}
        while True:
            await self._more.wait()
            self._more.clear()
            try:
                await self._deliver_held()
                for parcel in self.spool.waiting():
                    tries[parcel.path] = tries.get(parcel.path, 0) + 1
                    await self._deliver_one(parcel, tries[parcel.path])
                    del tries[parcel.path]
                backoff.reset()
            except (TransportError, OSError) as exc:
                log.info("A return waits for %s: %s", self.host, exc)
                await _at_most(self._more.wait(), backoff.next())
                self._more.set()

    async def _deliver_held(self) -> None:
        while self._held:
            await self._return(self._held[0])
            self._held.popleft()

    async def _deliver_one(self, parcel: Parcel, tries: int) -> None:
        load = self.spool.read(parcel)
        if load is None:
            return
        if tries > _MAX_TRIES:
            log.error("The return of job %s is given up after %d tries", parcel.jid, _MAX_TRIES)
        else:
            await self._return(load)
        self.spool.delivered(parcel)

    async def _return(self, load: Dict[str, Any]) -> None:
        """Sends a return; one that the master won't take whatever we do is replaced by the reason."""
        link = self.link
        if link is None:
            raise RequestTimeout("there is no master")
        timeout = self._settings.request_timeout
        try:
            await link.request(Request("_return", load), timeout)
        except MessageTooLarge as exc:
            failure = {
                **load,
                "return": f"The result can't be sent: {exc}",
                "retcode": 1,
                "success": False,
                "out": "nested",
            }
            await link.request(Request("_return", failure), timeout)


async def _answers(host: str, port: int) -> bool:
    """Whether something takes connections there."""
    try:
        _reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _PROBE_TIMEOUT)
    except (OSError, asyncio.TimeoutError):
        return False
    writer.close()
    return True


async def _at_most(waiting: Awaitable[Any], seconds: float) -> None:
    try:
        await asyncio.wait_for(waiting, seconds)
    except asyncio.TimeoutError:
        pass
