"""A worker process: opens requests, answers them from the table, stores returns.

It works in batches: takes what waits, does some of it in turn, one request of each minion and one sign-in of each
network, stores all returns of the batch in one durable transaction, and only then acknowledges them and tells the bus.
Slow commands run in a few threads beside the batches.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import zmq

from master import requests
from master.bus import Outbox
from master.errors import StoreError
from master.gate import BAD_LOAD, Envelope, Gate, Opened, Refusal, WrongClock, parse
from master.jobstore import JobStore, Outcome
from master.lanes import Lanes
from master.limits import Buckets, RateLimitedLog
from master.queue import HELLO, TAKEN, UNHEARD
from master.throttle import network_of
from transports import codec
from transports.crypto import PrivateKey, PublicKey, SymmetricKey, encrypt, sign
from transports.errors import CodecError
from transports.messages import REPEATABLE, Return

log = logging.getLogger(__name__)

_DRAIN = 256
_SLICE = 0.02  # seconds after which a batch is stored and answered, whatever still waits
_SLOW_THREADS = 4
_SLOW_OF_ONE = 2  # ... of which one minion gets so many
_MOST_WAITING = 4096  # requests of one minion, sign-ins of one network
_MOST_SLOW = 256
_TOKEN_BYTES = 8192
_UNASKED_TOKENS = 10  # for a job that nobody asked for: it takes room in the store for a day, and a write of its own
_LARGE = 4096


class SignIn(Protocol):
    """Answers `_auth`; returns the reply and fires its events itself."""

    def answer(self, load: dict[str, Any], source: str) -> bytes: ...


class KnownJobs:
    """Which minions are expected to answer a job, and with what function; remembers the latest."""

    def __init__(self, store: JobStore, size: int = 1024) -> None:
        self._store, self._size = store, size
        self._known: OrderedDict[str, tuple[frozenset[str], tuple[str, ...]]] = OrderedDict()

    def expects(self, jid: str, minion_id: str) -> bool:
        """Whether the master asked this minion to do this job."""
        return minion_id in self._look_up(jid)[0]

    def fits(self, returned: Return) -> bool:
        """Whether a return answers what was asked of this minion."""
        minions, fun = self._look_up(returned.jid)
        named = returned.fun if isinstance(returned.fun, tuple) else (returned.fun,)
        return returned.id in minions and (named == fun or named == (",".join(fun),))

    def _look_up(self, jid: str) -> tuple[frozenset[str], tuple[str, ...]]:
        known = self._known.get(jid)
        if known is None:
            record = self._store.job(jid)
            if record is None:
                return frozenset(), ()
            known = self._known[jid] = (frozenset(record.minions), record.job.fun)
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return known


@dataclass(frozen=True)
class _Waiting:
    ticket: bytes
    source: str
    envelope: Envelope


@dataclass
class _PendingReturn:
    ticket: bytes
    opened: Opened
    returned: Return


class Worker:
    """Answers the requests of the minion ids that the queue gives it.

    Args:
        socket: DEALER to the queue.
        gate: verifies.
        sign_in: answers `_auth`.
        services: what handlers work with.
        store: where returns go.
        outbox: where events go.
        master_key: signs pillars.
        accepted: the accepted key of an id.
        jobs: what the master asked of whom.
        replace_session: gives a minion a new session key.
    """

    def __init__(
        self,
        socket: zmq.Socket[Any],
        gate: Gate,
        sign_in: SignIn,
        services: requests.Services,
        store: JobStore,
        outbox: Outbox,
        master_key: PrivateKey,
        accepted: Callable[[str], PublicKey | None],
        jobs: KnownJobs,
        replace_session: Callable[[str], None],
    ) -> None:
        self._socket, self._gate, self._sign_in, self._services = socket, gate, sign_in, services
        self._store, self._outbox, self._master_key, self._accepted = store, outbox, master_key, accepted
        self._jobs, self._replace_session = jobs, replace_session
        self._clock_changes = Buckets(rate=1 / 60, burst=1)
        self._answers: list[bytes] = []
        self._returns: list[_PendingReturn] = []
        self._finished: queue.SimpleQueue[tuple[str, bytes, bytes]] = queue.SimpleQueue()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._threads = ThreadPoolExecutor(_SLOW_THREADS, thread_name_prefix="slow")
        self._slow: dict[str, deque[tuple[bytes, Opened]]] = {}  # those in the threads come first
        self._lanes: Lanes[_Waiting] = Lanes(200, 2000, _MOST_WAITING, codec.MAX_MESSAGE)
        self._log = RateLimitedLog(log)

    def run(self) -> None:
        """Works until the process is ended."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._wake, zmq.POLLIN)
        self._socket.send(HELLO)
        while True:
            poller.poll(self._patience())
            self.batch()

    def batch(self) -> None:
        """Takes what waits and answers some of it."""
        ends = time.monotonic() + _SLICE
        self._collect_finished()
        self._receive(ends)
        while (waiting := self._lanes.take()) is not None:
            self._guarded(waiting.ticket, waiting.source, lambda: self._serve(waiting))
            if time.monotonic() >= ends:
                break
        self._store_returns()
        self._outbox.flush()
        if self._answers:
            answers, self._answers = self._answers, []
            self._socket.send_multipart(answers)

    def _receive(self, ends: float) -> None:
        for _ in range(_DRAIN):
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            for ticket, source, payload in zip(frames[0::3], frames[1::3], frames[2::3], strict=True):
                self._take(ticket, source.decode("ascii", "replace"), payload)
            if time.monotonic() >= ends:
                return

    def _patience(self) -> int | None:
        patience = self._lanes.patience()
        return None if patience is None else math.ceil(patience * 1000)

    def _reply(self, ticket: bytes, reply: bytes) -> None:
        self._answers += (ticket, reply)

    def _take(self, ticket: bytes, source: str, payload: bytes) -> None:
        """Lets one request wait for its turn, if it is what it seems."""
        self._guarded(ticket, source, lambda: self._line_up(ticket, source, payload))

    def _line_up(self, ticket: bytes, source: str, payload: bytes) -> None:
        envelope = parse(payload)
        lane, tokens = f"/{network_of(source)}", 0
        if envelope.clear is None:
            if not self._gate.genuine(envelope):
                raise Refusal(f"not sealed with the session key of {envelope.id}, if it has one")
            lane, tokens = envelope.id, 1 + len(payload) // _TOKEN_BYTES
        waiting = self._lanes.put(lane, _Waiting(ticket, source, envelope), len(payload), tokens)
        if not waiting:
            self._log.warning(lane, "requests of %s are dropped: too many wait", lane)
            self._reply(ticket, UNHEARD)
        elif waiting > 1 or len(payload) > _LARGE:  # it may take a while
            self._reply(ticket, TAKEN)

    def _guarded(self, ticket: bytes, source: str, work: Callable[[], None]) -> None:
        """Whatever happens to a request, its ticket is answered and the worker lives."""
        try:
            work()
        except Refusal as exc:
            if isinstance(exc, WrongClock):
                self._renew(exc.args[1])
            self._log.warning("refused", "a request from %s was refused: %s", source, exc.args[0])
            self._reply(ticket, BAD_LOAD)
        except StoreError as exc:
            self._log.error("store", "a return can't be stored, the minion will send it again: %s", exc)
            self._reply(ticket, BAD_LOAD)
        except (Exception, RecursionError, MemoryError):  # noqa: BLE001 - a request must not end the worker
            self._log.exception("failed", "a request from %s failed", source)
            self._reply(ticket, BAD_LOAD)

    def _renew(self, minion_id: str) -> None:
        """A minion whose clock was set: its next session learns the new time. At most one a minute."""
        if self._clock_changes.take(minion_id, 1) == 0:
            self._replace_session(minion_id)

    def _serve(self, waiting: _Waiting) -> None:
        ticket, envelope = waiting.ticket, waiting.envelope
        if envelope.clear is not None:
            if envelope.clear.get("cmd") != "_auth":
                raise Refusal("a clear request that is no sign-in")
            self._reply(ticket, self._sign_in.answer(envelope.clear, waiting.source))
            return
        opened = self._gate.open(envelope)
        cmd = opened.request.cmd
        if opened.repeat and cmd not in REPEATABLE:
            self._reply(ticket, opened.seal(None))  # acknowledged, but not done again
        elif cmd == "_return":
            self._return(ticket, opened)
        elif requests.is_slow(cmd):
            self._later(ticket, opened)
        else:
            self._lanes.charge(opened.peer.id, requests.cost(opened.request))
            self._reply(ticket, opened.seal(requests.answer(self._services, opened.peer, opened.request)))

    # ------------------------------------------------------------- returns

    def _return(self, ticket: bytes, opened: Opened) -> None:
        try:
            returned = Return.from_wire(dict(opened.request.load), opened.peer.id)
        except CodecError as exc:
            self._log.warning(opened.peer.id, "a return of minion %s was dropped: %s", opened.peer.id, exc)
            self._reply(ticket, opened.seal(None))
            return
        if returned.jid == "req":
            self._lanes.charge(returned.id, _UNASKED_TOKENS)
            self._reply(ticket, opened.seal(None) if self._unasked(returned) else BAD_LOAD)
        elif self._jobs.fits(returned):
            self._returns.append(_PendingReturn(ticket, opened, returned))
        else:
            self._log.warning(
                opened.peer.id, "minion %s returned %s, which it was not asked to do", returned.id, returned.jid
            )
            self._reply(ticket, opened.seal(None))

    def _unasked(self, returned: Return) -> bool:
        """Keeps what a minion did of its own accord; False if that can't be done now."""
        try:
            jid = self._store.add_unasked(returned, time.time())
        except StoreError as exc:
            self._log.error("store", "a return can't be stored, the minion will send it again: %s", exc)
            return False
        except CodecError as exc:
            self._log.warning(returned.id, "a return of minion %s was dropped: %s", returned.id, exc)
            return True
        load = {**returned.to_wire(), "jid": jid, "cmd": "_return", "tgt_type": "glob", "tgt": returned.id}
        self._outbox.fire(f"salt/job/{jid}/ret/{returned.id}", load)
        return True

    def _store_returns(self) -> None:
        """Makes the returns of this batch durable, then acknowledges them; what can't be stored is not acknowledged."""
        pending, self._returns = self._returns, []
        if not pending:
            return
        try:
            outcomes = self._store.add_returns([item.returned for item in pending])
        except StoreError as exc:
            self._log.error(
                "store", "%d returns can't be stored, the minions will send them again: %s", len(pending), exc
            )
            for item in pending:
                self._reply(item.ticket, BAD_LOAD)
            return
        for item, outcome in zip(pending, outcomes, strict=True):
            if outcome is Outcome.NEW:
                self._outbox.returned(item.returned)
            elif outcome is Outcome.DIFFERENT:
                self._log.warning(
                    item.returned.id, "minion %s returned %s twice, differently", item.returned.id, item.returned.jid
                )
            self._reply(item.ticket, item.opened.seal(None))

    # ---------------------------------------------------------- slow commands

    def _later(self, ticket: bytes, opened: Opened) -> None:
        """Hands a request to the threads, or lets it wait for those of the same minion."""
        mine = self._slow.setdefault(opened.peer.id, deque())
        if len(mine) >= _MOST_SLOW:
            self._reply(ticket, UNHEARD)
            return
        mine.append((ticket, opened))
        if len(mine) <= _SLOW_OF_ONE:
            self._threads.submit(self._slowly, ticket, opened)

    def _slowly(self, ticket: bytes, opened: Opened) -> None:
        try:
            reply = requests.answer(self._services, opened.peer, opened.request)
            if opened.request.cmd == "_pillar" and isinstance(reply, dict):
                sealed = self._seal_pillar(opened, reply)
            else:
                sealed = opened.seal(reply)
        except Exception:  # whatever a handler does, the peer gets an answer
            log.exception("%s of minion %s failed", opened.request.cmd, opened.peer.id)
            sealed = opened.seal("")
        self._finished.put((opened.peer.id, ticket, sealed))
        os.eventfd_write(self._wake, 1)

    def _collect_finished(self) -> None:
        try:
            os.eventfd_read(self._wake)
        except BlockingIOError:
            pass
        while not self._finished.empty():
            minion_id, ticket, sealed = self._finished.get()
            self._reply(ticket, sealed)
            mine = self._slow[minion_id]
            mine.remove(next(item for item in mine if item[0] == ticket))
            if len(mine) >= _SLOW_OF_ONE:
                self._threads.submit(self._slowly, *mine[_SLOW_OF_ONE - 1])
            elif not mine:
                del self._slow[minion_id]

    def _seal_pillar(self, opened: Opened, pillar: dict[str, Any]) -> bytes:
        """The pillar for the accepted key alone, signed together with the nonce."""
        accepted = self._accepted(opened.peer.id)
        if accepted is None:
            return BAD_LOAD
        key = SymmetricKey.generate()
        wrapped = encrypt(accepted, key.text.encode(), opened.enc_algo)
        data = codec.pack({"key": wrapped, "pillar": pillar, "nonce": opened.nonce})
        signature = sign(self._master_key, data, opened.sig_algo)
        return codec.pack({"key": wrapped, "pillar": key.seal({"data": data, "sig": signature})})
