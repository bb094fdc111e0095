"""Where requests of hosts are answered: the master's own request table, in the process that holds the connections.

A host is hostile until proven otherwise: it is who its connection says, it may return what it was asked to do, once,
and everything else goes through `master.requests`, as a minion's requests do.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from master import requests
from master.errors import StoreError
from master.jobstore import JobStore, Outcome
from master.limits import Buckets
from master.requests import Services
from transports.errors import CodecError, RequestRefused
from transports.messages import Job, Peer, Request, Return

log = logging.getLogger(__name__)

_SLOW_THREADS = 4
_SLOW_OF_ONE = 2  # ... of which one host gets so many
_PATIENT = ("minion_publish", "minion_runner")  # wait for other hosts, which may need the slow threads
_PATIENT_THREADS = 32
_BY_NAME = ("glob", "list", "pcre")  # what a host has no say in


class Jobs:
    """The jobs of this process: who was asked to do what, and who has answered."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Job, set[str]]] = {}

    @property
    def under_way(self) -> dict[str, list[str]]:
        """Who has not answered yet: jid -> hosts."""
        return {jid: sorted(minions) for jid, (_, minions) in self._open.items()}

    def begin(self, job: Job, minions: Collection[str]) -> None:
        """A job goes out."""
        self._open[job.jid] = (job, set(minions))

    def expects(self, jid: str, minion_id: str) -> bool:
        """Whether this host was asked to do this job, and has not answered yet."""
        return jid in self._open and minion_id in self._open[jid][1]

    def decides(self, jid: str, minion_id: str) -> bool:
        """Whether a host may say that a job is not for it."""
        return self.expects(jid, minion_id) and self._open[jid][0].tgt_type not in _BY_NAME

    def fits(self, returned: Return) -> bool:
        """Whether a return answers what was asked of its host."""
        if not self.expects(returned.jid, returned.id):
            return False
        fun = self._open[returned.jid][0].fun
        named = returned.fun if isinstance(returned.fun, tuple) else (returned.fun,)
        return named == fun or named == (",".join(fun),)

    def answered(self, jid: str, minion_id: str) -> None:
        """Nothing more is expected of this host."""
        if jid in self._open:
            self._open[jid][1].discard(minion_id)
            if not self._open[jid][1]:
                del self._open[jid]

    def end(self, jid: str) -> None:
        """The job is over."""
        self._open.pop(jid, None)


class Desk:
    """Answers requests; see `transports.link.Handler`.

    Args:
        services: what handlers work with.
        store: where returns go.
        jobs: what was asked of whom.
        returned: told of each return that is stored.
        unmatched: told of hosts that find the target does not mean them: jid, id.
    """

    def __init__(
        self,
        services: Services,
        store: JobStore,
        jobs: Jobs,
        returned: Callable[[Return], None],
        unmatched: Callable[[str, str], None],
    ) -> None:
        self._services, self._store, self._jobs = services, store, jobs
        self._returned, self._unmatched = returned, unmatched
        self._threads = ThreadPoolExecutor(_SLOW_THREADS, thread_name_prefix="slow")
        self._patient = ThreadPoolExecutor(_PATIENT_THREADS, thread_name_prefix="patient")
        self._turns: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(_SLOW_OF_ONE))
        self._rates = Buckets(rate=200, burst=2000)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._waiting: list[tuple[Return, asyncio.Future[Outcome]]] = []
        self._storing: asyncio.Task[None] | None = None

    async def __call__(self, peer: Peer, request: Request) -> Any:
        wait = self._rates.take(peer.id, 1 + requests.cost(request))
        if wait:
            await asyncio.sleep(wait)
        if request.cmd == "_return":
            return await self._return(peer, request)
        if request.cmd == "_unmatched":
            jid = str(request.load.get("jid"))
            if self._jobs.decides(jid, peer.id):
                self._jobs.answered(jid, peer.id)
                self._unmatched(jid, peer.id)
            return None
        if requests.is_slow(request.cmd):
            return await self._slowly(peer, request)
        return requests.answer(self._services, peer, request)

    async def _slowly(self, peer: Peer, request: Request) -> Any:
        threads = self._patient if request.cmd in _PATIENT else self._threads
        async with self._turns[peer.id]:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(threads, requests.answer, self._services, peer, request)

    def close(self) -> None:
        """Ends its threads."""
        for threads in (self._threads, self._patient):
            threads.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(wait=True)

    async def _return(self, peer: Peer, request: Request) -> None:
        try:
            returned = Return.from_wire(dict(request.load), peer.id)
        except CodecError as exc:
            log.warning("a return of %s was dropped: %s", peer.id, exc)
            return
        if returned.jid == "req":
            await self._in_writer(self._store.add_unasked, returned, time.time())
            return
        if not self._jobs.fits(returned):
            log.warning("%s returned %s, which it was not asked to do", peer.id, returned.jid)
            return
        if await self._stored(returned) is Outcome.NEW:
            self._jobs.answered(returned.jid, peer.id)
            self._returned(returned)

    async def _in_writer(self, what: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._writer, what, *args)

    async def _stored(self, returned: Return) -> Outcome:
        """Stores a return together with others that came meanwhile: one write to the disk for all of them."""
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((returned, done))
        if self._storing is None or self._storing.done():
            self._storing = asyncio.ensure_future(self._store_waiting())
        try:
            return await done
        except StoreError as exc:
            log.error("the return of %s can't be stored: %s", returned.id, exc)
            self._returned(returned)  # whoever waits is shown it all the same
            raise RequestRefused("the return can't be stored") from None

    async def _store_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await self._in_writer(self._store.add_returns, [returned for returned, _ in batch])
            except StoreError as exc:
                for _, done in batch:
                    done.set_exception(exc)
                continue
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if not done.done():
                    done.set_result(outcome)
