"""The jobs under way: makes them, sees to their delivery, tells operators what comes back.

This is the heart of the EventPublisher process. It lives in one asyncio loop and never runs module code, never matches
more than ids by itself, and never waits for a minion: notes of the other processes come in (`master.bus`), frames for
operators go out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgpack

from master import bus, tags
from master.agentless import Agentless, Send
from master.errors import StoreError
from master.jobs import Delivery, Follower, Probe, State, Verdict
from master.jobstore import JobRecord, JobStore
from master.limits import RateLimitedLog
from master.members import RosterIndex
from transports import codec
from transports.frames import frame
from transports.messages import Job, Presence

log = logging.getLogger(__name__)

START_GRACE = 15.0
ROAD_PATIENCE = 15.0  # for the process of the SSH road to come (back)
FIND_JOB = "saltutil.find_job"
_BY_NAME = ("glob", "pcre", "list")
_LENGTH = 4


class Wire(Protocol):
    """The way to the Publisher process."""

    def publish(
        self, job: Mapping[str, Any], own: Collection[str], broadcast: bool, topics: Sequence[str] | None
    ) -> None: ...

    def cut(self, minions: Sequence[str], rotate: bool, disturb: bool) -> None: ...


class Follows(Protocol):
    """Somebody who is told about a job: takes frames, is told when it is over."""

    def send(self, data: bytes) -> None: ...


@dataclass
class _Following:
    jid: str
    follower: Follower
    sink: Follows
    by_data: bool = True  # the target asks for what the master may not know as well as the minion
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    timer: asyncio.TimerHandle | None = None
    announced: tuple[str, ...] = ()


@dataclass(frozen=True)
class HubOptions:
    """What the hub needs to know of the configuration."""

    delivery_ttl: float = 300.0
    zmq_filtering: bool = False


class Hub:
    """Jobs under way, presence and the event bus.

    Args:
        options: see `HubOptions`.
        store: where jobs are kept; written before a job is published.
        wire: the way to the Publisher.
        relay: gets each event (tag, packed data) for the other processes.
        agentless: what is done over SSH; None if there is no roster.
    """

    def __init__(
        self,
        options: HubOptions,
        store: JobStore,
        wire: Wire,
        relay: Callable[[str, bytes], None],
        agentless: Agentless | None = None,
    ) -> None:
        self._options, self._store, self._wire, self._relay = options, store, wire, relay
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()
        self._presence: dict[str, Presence] = {}
        self._went: dict[str, float] = {}  # since when (loop time) a minion of ours is away
        self._stock = 0
        self._followings: dict[str, list[_Following]] = {}
        self._deliveries: dict[str, tuple[Delivery, Job]] = {}
        self._delivery_timers: dict[str, asyncio.TimerHandle] = {}
        self._probes: dict[str, str] = {}
        self._listeners: dict[Follows, Callable[[str], bool]] = {}
        self._log = RateLimitedLog(log)
        self.agentless = agentless or Agentless(RosterIndex(), frozenset)
        self._road_timer: asyncio.TimerHandle | None = None
        self._await_road()

    def __repr__(self) -> str:
        return (
            f"<Hub: {len(self._deliveries)} deliveries, {sum(map(len, self._followings.values()))} followers, "
            f"{len(self._listeners)} listeners, {sum(p.up for p in self._presence.values())} minions connected>"
        )

    # -------------------------------------------------------------- jobs

    def start_job(self, record: JobRecord, for_hosts: Job | None = None) -> None:
        """Keeps a job, announces it and sends it on its way. `record` names the minions it is for.

        Args:
            record: the job.
            for_hosts: the same with a target that hosts of the roster can decide.

        Raises:
            StoreError: it could not be kept, and was not sent.
        """
        job, minions = record.job, record.minions
        self._store.add_job(record)
        load = job.to_wire()
        self.fire(
            tags.job_new(job.jid),
            {
                "jid": job.jid, "tgt": load["tgt"], "tgt_type": job.tgt_type, "user": job.user, "fun": load["fun"],
                "arg": load["arg"], "minions": list(minions), "missing": list(record.missing),
            },
        )  # fmt: skip
        self.fire(tags.job_publish(job.jid), load)
        minions = self._hand_over(for_hosts or job, minions)
        self._send(job, minions)
        own = [minion_id for minion_id in minions if minion_id in self._presence or not self._stock]
        if own and self._options.delivery_ttl > 0:
            delivery = Delivery(own, self._loop.time(), self._options.delivery_ttl)
            delivery.on_sent(own, [m for m in own if self._is_up(m)], self._loop.time())
            self._deliveries[job.jid] = (delivery, job)
            self._arm_delivery(job.jid)

    def _hand_over(self, job: Job, minions: tuple[str, ...]) -> tuple[str, ...]:
        """Gives the SSH road its part of a job; returns who is left."""
        hosts = self.agentless.chosen(minions, self._may_be_up)
        if not hosts:
            return minions
        self.agentless.hand(job, hosts)
        self._await_road()
        handed = set(hosts)
        return tuple(minion_id for minion_id in minions if minion_id not in handed)

    def _may_be_up(self, minion_id: str) -> bool:
        return self._is_up(minion_id) or (self._stock > 0 and minion_id not in self._presence)

    def _send(self, job: Job, minions: Sequence[str]) -> None:
        if not minions:
            return
        strangers = [minion_id for minion_id in minions if minion_id not in self._presence]
        by_id = self._options.zmq_filtering and job.tgt_type in ("glob", "pcre", "list")
        self._wire.publish(job.to_wire(), minions, bool(strangers) and self._stock > 0, strangers if by_id else None)

    def _is_up(self, minion_id: str) -> bool:
        presence = self._presence.get(minion_id)
        return presence is not None and presence.up

    def _arm_delivery(self, jid: str) -> None:
        delivery, _ = self._deliveries[jid]
        now = self._loop.time()
        if delivery.settled(now):
            del self._deliveries[jid]
            self._delivery_timers.pop(jid, None)
            return
        self._delivery_timers[jid] = self._loop.call_at(max(now + 0.01, delivery.next_time()), self._deliver, jid)

    def _deliver(self, jid: str) -> None:
        entry = self._deliveries.get(jid)
        if entry is None:
            return
        delivery, job = entry
        due = delivery.due(self._loop.time())
        if due:
            self._wire.publish(job.to_wire(), due, False, None)
            delivery.on_sent(due, [m for m in due if self._is_up(m)], self._loop.time())
        self._arm_delivery(jid)

    # --------------------------------------------------------- following

    def follow(
        self, record: JobRecord, returned: Iterable[str], timeout: float, gather: float, sink: Follows
    ) -> asyncio.Event:
        """Tells `sink` about the rest of a job.

        Args:
            record: the job.
            returned: who has returned already.
            timeout, gather: see `master.jobs.Follower`.

        Returns:
            an event that is set when there is nobody left to wait for.
        """
        now = self._loop.time()
        gone = set(returned)
        minions = [minion_id for minion_id in record.minions if minion_id not in gone]
        works, jid = self.agentless.works, record.job.jid
        absent = {m: at for m in minions if not works(jid, m) and (at := self._away_since(m)) is not None}
        by_data = record.job.tgt_type not in _BY_NAME
        following = _Following(record.job.jid, Follower(minions, absent, now, timeout, gather), sink, by_data)
        self._followings.setdefault(record.job.jid, []).append(following)
        self._end_what_is_over(following)
        self._step(following)
        return following.finished

    def unfollow(self, jid: str, sink: Follows) -> None:
        """The operator went away; the job goes on."""
        for following in list(self._followings.get(jid, [])):
            if following.sink is sink:
                self._drop(following)

    def _drop(self, following: _Following) -> None:
        if following.timer is not None:
            following.timer.cancel()
        remaining = self._followings.get(following.jid, [])
        if following in remaining:
            remaining.remove(following)
        if not remaining:
            self._followings.pop(following.jid, None)

    def _away_since(self, minion_id: str) -> float | None:
        """Since when a minion has no connection; None if it has one, or if that can't be known."""
        if self._is_up(minion_id):
            return None
        if self._loop.time() < self._started + START_GRACE:
            return None
        if minion_id in self._presence:
            return self._went.get(minion_id, self._started)
        return None if self._stock else self._started

    def _step(self, following: _Following) -> None:
        """Does what is due for one follower, and sets its timer."""
        if following.timer is not None:
            following.timer.cancel()
        verdicts = {}
        for action in following.follower.on_time(self._loop.time()):
            if isinstance(action, Probe):
                self._ask(following, action.minions)
            else:
                verdicts[action.id] = action.state.value
                following.sink.send(frame({"verdict": self._told(action)}))
        self._keep_verdicts(following.jid, verdicts)
        if following.follower.done:
            self._drop(following)
            following.finished.set()
            return
        delay = max(self._loop.time() + 0.005, following.follower.next_time())
        following.timer = self._loop.call_at(delay, self._step, following)

    def _keep_verdicts(self, jid: str, verdicts: Mapping[str, str]) -> None:
        try:
            if verdicts:
                self._store.add_verdicts(jid, verdicts)
        except StoreError as exc:
            self._log.error("verdicts", "what became of job %s can't be kept: %s", jid, exc)

    def _told(self, verdict: Verdict) -> dict[str, Any]:
        presence = self._presence.get(verdict.id)
        since = presence.since if presence is not None and not presence.up else 0.0
        text = verdict.text
        if verdict.state is State.UNDELIVERED:
            known = f" Unreachable since {_clock(since)}" if since else " Not seen since the master started"
            text += known + self._late()
        return {"id": verdict.id, "state": verdict.state.value, "text": text, "since": since}

    def _late(self) -> str:
        ttl = self._options.delivery_ttl
        return f"; the job waits {ttl:g} s for it" if ttl > 0 else ""

    def _ask(self, following: _Following, minions: Sequence[str]) -> None:
        """Finds out whether minions still work on a job; of those that do so over SSH it is known."""
        hosts = {minion_id for minion_id in minions if self.agentless.works(following.jid, minion_id)}
        for minion_id in hosts:
            following.follower.on_probe_answer(minion_id, True, self._loop.time())
        if len(hosts) < len(minions):
            self._probe(following.jid, [minion_id for minion_id in minions if minion_id not in hosts])

    def _probe(self, jid: str, minions: Sequence[str]) -> None:
        """Asks minions whether they still work on a job; their answers come back as returns of another job."""
        try:
            probe = self._store.new_jid()
            job = Job(probe, (FIND_JOB,), ((jid,),), tuple(minions), "list", user="root")
            self._store.add_job(JobRecord(job, time.time(), tuple(minions)))
        except (StoreError, OSError) as exc:
            self._log.error("probe", "minions can't be asked about job %s: %s", jid, exc)
            return
        self._probes[job.jid] = jid
        self._loop.call_later(120, self._probes.pop, job.jid, None)
        self._send(job, minions)

    # -------------------------------------------------------------- notes

    def on_notes(self, message: bytes) -> None:
        """Takes what another process of the master has to tell."""
        for note in bus.notes_of(message):
            try:
                self._on_note(note)
            except Exception:
                log.exception("a note of kind %r can't be taken", note[:1])

    def _on_note(self, note: list[Any]) -> None:
        kind = note[0]
        if kind == bus.RETURN:
            self._on_return(*note[1:])
        elif kind == bus.EVENT:
            self._spread(note[1], note[2])
        elif kind == bus.ACK:
            self._on_acknowledged(*note[1:])
        elif kind == bus.PRESENCE:
            self._on_presence(note[1], note[2])
        elif kind == bus.STOCK:
            self._stock = note[1]
        elif kind == bus.CUT:
            self.cut([note[1]])
        elif kind == bus.VERDICT:
            self._on_verdict(*note[1:])
        elif kind == bus.WARM:
            self.agentless.on_warm(note[1], note[2])
        elif kind == bus.ROSTER:
            self.agentless.seen_roster()

    def _on_return(self, jid: str, minion_id: str, ok: bool, packed: bytes) -> None:
        self.agentless.over(jid, minion_id)
        entry = self._deliveries.get(jid)
        if entry is not None:
            entry[0].on_acknowledged(minion_id)
        probed = self._probes.get(jid)
        if probed is not None:
            self._on_probe_answer(probed, minion_id, packed)
        followings = self._followings.get(jid)
        if followings:
            data = _framed(b"ret", packed or self._stored(jid, minion_id))
            for following in list(followings):
                if following.follower.on_return(minion_id):
                    following.sink.send(data)
                    if following.follower.done:
                        self._step(following)
        self._spread(tags.job_return(jid, minion_id), packed or _left_out(jid, minion_id))

    def _stored(self, jid: str, minion_id: str) -> bytes:
        returned = self._store.return_of(jid, minion_id)
        return codec.pack(returned.to_wire()) if returned is not None else _left_out(jid, minion_id)

    def _on_probe_answer(self, jid: str, minion_id: str, packed: bytes) -> None:
        answer = msgpack.unpackb(packed, raw=False, strict_map_key=False, unicode_errors="replace").get("return")
        running = isinstance(answer, dict) and str(answer.get("jid")) == jid
        for following in list(self._followings.get(jid, [])):
            following.follower.on_probe_answer(minion_id, running, self._loop.time())
            self._step(following)

    def _on_acknowledged(self, jid: str, minion_id: str, matched: bool) -> None:
        entry = self._deliveries.get(jid)
        if entry is not None:
            entry[0].on_acknowledged(minion_id)
        for following in list(self._followings.get(jid, [])):
            if matched:
                following.follower.on_acknowledged(minion_id)
            elif following.by_data or self.agentless.has(jid, minion_id):
                following.follower.on_not_matched(minion_id)
                self._step(following)
        if not matched:
            self.agentless.over(jid, minion_id)

    def _on_presence(self, minion_id: str, up: bool) -> None:
        if not minion_id:
            self._forget_presence()
            return
        self._presence[minion_id] = Presence(up, time.time())
        if up:
            self._went.pop(minion_id, None)
        else:
            self._went[minion_id] = self._loop.time()
        for jid, (delivery, job) in list(self._deliveries.items()):
            if delivery.on_presence(minion_id, up):
                self._wire.publish(job.to_wire(), [minion_id], False, None)
                delivery.on_sent([minion_id], [minion_id], self._loop.time())
                log.info("job %s is delivered late to %s", jid, minion_id)
        for followings in list(self._followings.values()):
            for following in list(followings):
                if minion_id in following.follower.waiting and not self.agentless.works(following.jid, minion_id):
                    following.follower.on_presence(minion_id, up, self._loop.time())
                    self._step(following)

    def _forget_presence(self) -> None:
        """The Publisher was restarted: whoever is still there will say so within moments."""
        now = time.time()
        self._started = self._loop.time()
        self._presence = {minion_id: Presence(False, now) for minion_id in self._presence}
        self._went.clear()
        self._stock = 0

    # ----------------------------------------------------- the SSH road

    def road_came(self, send: Send, under_way: Mapping[str, Iterable[str]]) -> None:
        """The process of the SSH road takes orders from now on; see `Agentless.connect`."""
        self.agentless.connect(send, under_way)
        self._await_road()
        for following in [one for followings in self._followings.values() for one in followings]:
            self._end_what_is_over(following)

    def road_went(self, send: Send) -> None:
        """It went away, and with it what its hosts had to do."""
        for jid, hosts in self.agentless.disconnect(send).items():
            for minion_id in hosts:
                self._on_lost(jid, minion_id)
        self._await_road()

    def _await_road(self) -> None:
        if self.agentless.connected and self._road_timer is not None:
            self._road_timer.cancel()
            self._road_timer = None
        elif not self.agentless.connected and self._road_timer is None:
            self._road_timer = self._loop.call_later(ROAD_PATIENCE, self._give_road_up)

    def _give_road_up(self) -> None:
        self._road_timer = None
        for jid, hosts in self.agentless.give_up().items():
            for minion_id in hosts:
                text = "Minion did not return. [RoadDown] The master's SSHRoad process does not run; its log says why"
                self._on_verdict(jid, minion_id, State.UNDELIVERED, text)
        for following in [one for followings in self._followings.values() for one in followings]:
            self._end_what_is_over(following)

    def _on_lost(self, jid: str, minion_id: str) -> None:
        """The process died with a host's connection; perhaps it had stored the return and could not say so any more."""
        returned = self._store.return_of(jid, minion_id)
        if returned is not None:
            self._on_return(jid, minion_id, returned.ok, codec.pack(returned.to_wire()))
            return
        text = "Minion did not return. [ConnectionLost] The master's SSHRoad process ended, and with it the job"
        self._on_verdict(jid, minion_id, State.LOST, text)

    def _on_verdict(self, jid: str, minion_id: str, state: str, text: str) -> None:
        """A host of the roster did not do a job."""
        self.agentless.over(jid, minion_id)
        self._keep_verdicts(jid, {minion_id: state})
        data = frame({"verdict": {"id": minion_id, "state": state, "text": text, "since": 0.0}})
        for following in list(self._followings.get(jid, [])):
            if following.follower.on_return(minion_id):
                following.sink.send(data)
                if following.follower.done:
                    self._step(following)

    def _end_what_is_over(self, following: _Following) -> None:
        """Hosts of the roster that are not at work any more, in a job that is followed again."""
        idle = self.agentless.idle(following.jid, following.follower.waiting)
        told = self._store.verdicts(following.jid) if idle else {}
        for minion_id in idle:
            if minion_id in told:
                text = f"Minion did not return. It was {told[minion_id]} when it was to do the job over SSH"
                self._on_verdict(following.jid, minion_id, told[minion_id], text)
            else:
                self._on_lost(following.jid, minion_id)

    # ------------------------------------------------------------- events

    def fire(self, tag: str, data: Mapping[str, Any]) -> None:
        """An event of the hub's own, or of an operator."""
        self._spread(tag, codec.pack({**data, "_stamp": bus.stamp()}))

    def listen(self, sink: Follows, wants: Callable[[str], bool]) -> None:
        """From now on `sink` gets each event whose tag `wants` likes."""
        self._listeners[sink] = wants

    def unlisten(self, sink: Follows) -> None:
        """No more events for `sink`."""
        self._listeners.pop(sink, None)

    def _spread(self, tag: str, packed: bytes) -> None:
        self._relay(tag, packed)
        if not self._listeners:
            return
        data: bytes | None = None
        for sink, wants in list(self._listeners.items()):
            if wants(tag):
                if data is None:
                    data = _event_frame(tag, packed)
                sink.send(data)

    # ----------------------------------------------------------- presence

    def presence(self) -> Mapping[str, Presence]:
        """Our own minions that were connected since the master started."""
        return dict(self._presence)

    @property
    def stock_listeners(self) -> int:
        """How many stock minions are connected."""
        return self._stock

    def cut(self, minions: Sequence[str], rotate: bool = True) -> None:
        """These minions are no longer accepted: nothing is sent to them any more."""
        disturb = self._stock > 0 and any(minion_id not in self._presence for minion_id in minions)
        self._wire.cut(minions, rotate, disturb)
        for minion_id in minions:
            self._presence.pop(minion_id, None)
            self._went.pop(minion_id, None)
            for delivery, _ in self._deliveries.values():
                delivery.on_acknowledged(minion_id)


def _framed(key: bytes, packed: bytes) -> bytes:
    """The frame of a map with one key and a value that is packed already."""
    body = b"\x81" + bytes((0xA0 | len(key),)) + key + packed
    return len(body).to_bytes(_LENGTH, "big") + body


def _event_frame(tag: str, packed: bytes) -> bytes:
    head: bytes = b"\x82\xa3tag" + msgpack.packb(tag, use_bin_type=False)
    body = head + b"\xa4data" + packed
    return len(body).to_bytes(_LENGTH, "big") + body


def _left_out(jid: str, minion_id: str) -> bytes:
    return codec.pack({"jid": jid, "id": minion_id, "return": "(too large for the event bus)", "_stamp": bus.stamp()})


def _clock(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
