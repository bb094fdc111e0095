"""All hosts of a deployment: so many at a time, each with what it came to."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from master import locks
from master.deployments import HostRecord, Journal
from master.errors import MasterError
from roster.host import Host
from ssh.deploy.home import Home
from ssh.deploy.plan import Plan
from ssh.deploy.steps import Deployment, Result
from ssh.deploy.target import Target
from ssh.errors import Busy, SSHError

log = logging.getLogger(__name__)

Reach = Callable[[Host], AbstractAsyncContextManager[tuple[Target, Any]]]
_LOCK_SECONDS = 300.0


class Bus(Protocol):
    """Where events go."""

    def fire(self, tag: str, data: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True)
class Step:
    """A host begins a step."""

    id: str
    step: str


@dataclass
class Limits:
    """How far a run goes.

    Attributes:
        at_once: hosts at the same time.
        most_failures: failed hosts above which no further ones are begun.
    """

    at_once: int
    most_failures: float = float("inf")


@dataclass
class Run:
    """One deployment.

    Attributes:
        hosts: whom it is for.
        plan: what is to be done.
        reach: opens the way to a host, and brings its facts.
        home: the master's side.
        journal: what is remembered.
        bus: where events go.
        sent: bytes that each host was sent.
        limits: how far it goes.
        lock_folder: where hosts are locked, so that two runs take turns at a host.
        finished: whether all hosts have had their turn.
    """

    hosts: Mapping[str, Host]
    plan: Plan
    reach: Reach
    home: Home
    journal: Journal
    bus: Bus
    sent: Counter[str]
    limits: Limits
    lock_folder: str
    finished: bool = False
    _items: asyncio.Queue[Step | HostRecord] = field(default_factory=asyncio.Queue, repr=False)
    _failures: int = 0
    _left_out: bool = False

    async def follow(self, minions: Collection[str]) -> AsyncGenerator[Step | HostRecord, None]:
        """Works on hosts; yields each step as it begins, and what each host came to."""
        slots = asyncio.Semaphore(self.limits.at_once)
        turns = [asyncio.ensure_future(self._turn(slots, self.hosts[name])) for name in minions]
        left = len(turns)
        try:
            while left:
                item = await self._items.get()
                left -= isinstance(item, HostRecord)
                yield item
            self.finished = not self._left_out
        finally:
            for turn in turns:
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)

    async def _turn(self, slots: asyncio.Semaphore, host: Host) -> None:
        async with slots:
            if self._failures > self.limits.most_failures:
                text = f"{self._failures} hosts have failed before (--fail-after)"
                self._left_out = True
                self._items.put_nowait(HostRecord(host.id, outcome="not begun", text=text))
                return
            progress = _Progress(self, host.id)
            record = await progress.to_the_end(lambda: self._deployed(host, progress.begun))
            self._failures += not record.fine
            self.journal.end(record)
            self._items.put_nowait(record)

    async def _deployed(self, host: Host, begun: Callable[[str], None]) -> Result:
        deployment = Deployment(host, self.plan, self.home, begun)
        async with _HostLock(f"{self.lock_folder}/{host.id}", host.id):
            async with self.reach(host) as (target, found):
                result = await deployment.run(target, found)
            return await deployment.finish(result)

    def tell(self, minion_id: str, step: str, **told: Any) -> None:
        """Fires the event of a step that ended."""
        tag = f"salt/deploy/{self.journal.id}/{minion_id}/{step}"
        self.bus.fire(tag, {"id": minion_id, "run": self.journal.id, "step": step, **told})


class _Progress:
    """Where one host is, for the journal, the events and who looks on."""

    def __init__(self, run: Run, minion_id: str) -> None:
        self._run, self._id = run, minion_id
        self._step, self._start = "", time.monotonic()

    def begun(self, step: str) -> None:
        """A step begins, so the one before has ended well."""
        if self._step:
            self._run.tell(self._id, self._step, result=True)
        self._step = step
        self._run.journal.step(self._id, step)
        self._run._items.put_nowait(Step(self._id, step))

    async def to_the_end(self, work: Callable[[], Awaitable[Result]]) -> HostRecord:
        """Does the work; whatever happens there is a record of it."""
        try:
            self.begun("probe")
            return self._ended(await work())
        except (SSHError, MasterError) as exc:
            return self._failed(type(exc).__name__, str(exc))
        except Exception as exc:
            log.exception("the deployment of %s failed", self._id)
            return self._failed(type(exc).__name__, str(exc))

    def _ended(self, result: Result) -> HostRecord:
        text = "; ".join(result.notes)
        self._run.tell(self._id, self._step, result=True, outcome=result.outcome, changed=result.changed, comment=text)
        return self._record(outcome=result.outcome, fine=True, changed=result.changed, text=text)

    def _failed(self, name: str, text: str) -> HostRecord:
        self._run.tell(self._id, self._step, result=False, outcome="failed", error=name, comment=text)
        return self._record(outcome="failed", text=f"[{name}] {text}")

    def _record(self, **told: Any) -> HostRecord:
        seconds = round(time.monotonic() - self._start, 2)
        return HostRecord(self._id, self._step, seconds=seconds, sent=self._run.sent[self._id], **told)


class _HostLock:
    """A host has one deployment at a time; a second one waits for its turn.

    Those who wait do so in a thread of their own, which the end of the process does not wait for.
    """

    def __init__(self, path: str, minion_id: str) -> None:
        self._path, self._id = path, minion_id
        self._free = threading.Event()
        self._held = asyncio.Event()

    async def __aenter__(self) -> None:
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._hold, args=(loop,), name=f"lock {self._id}", daemon=True).start()
        try:
            async with asyncio.timeout(_LOCK_SECONDS):
                await self._held.wait()
        except BaseException as exc:
            self._free.set()
            if isinstance(exc, TimeoutError):
                raise Busy(f"another deployment works on {self._id}, for {_LOCK_SECONDS:g} s now") from None
            raise

    async def __aexit__(self, *_exc: object) -> None:
        self._free.set()

    def _hold(self, loop: asyncio.AbstractEventLoop) -> None:
        with locks.locked(self._path):
            try:
                loop.call_soon_threadsafe(self._held.set)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            self._free.wait()
