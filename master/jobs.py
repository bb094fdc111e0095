"""The life of a job, as state machines without I/O: they take events and the time, and say what to do.

`Delivery` sees to it that a job reaches each of our own minions once it is there, within a time to live. `Follower` is
the waiting of one operator: it decides when to ask the silent minions whether they still work, and what to tell about
those that never answer. Times are seconds of one monotonic-enough clock that the caller gives.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

RESEND_FIRST = 2.0
RESEND_TRIES = 4
ABSENCE_GRACE = 1.0  # for a minion that has been away for a while
RETURN_GRACE = 5.0  # for a connection to come back that was lost just now


@dataclass
class _Parcel:
    sent: float = -math.inf  # when it was last sent to a connected minion
    tries: int = 0
    connected: bool = False


class Delivery:
    """Brings one job to our own minions.

    Args:
        minions: those that acknowledge; stock minions are not among them.
        now: when the job was made.
        ttl: seconds that the job waits for minions that are away.
    """

    def __init__(self, minions: Iterable[str], now: float, ttl: float) -> None:
        self._ends = now + ttl
        self._open = {minion_id: _Parcel() for minion_id in minions}
        self.acknowledged: set[str] = set()

    def __repr__(self) -> str:
        return f"<Delivery: {len(self._open)} open, {len(self.acknowledged)} acknowledged>"

    def settled(self, now: float) -> bool:
        """Whether there is nothing left to do."""
        return not self._open or now >= self._ends

    def on_sent(self, minions: Collection[str], connected: Collection[str], now: float) -> None:
        """The job was sent; `connected` are those that were there to get it."""
        for minion_id in minions:
            parcel = self._open.get(minion_id)
            if parcel is not None:
                parcel.connected = minion_id in connected
                if parcel.connected:
                    parcel.sent, parcel.tries = now, parcel.tries + 1

    def on_acknowledged(self, minion_id: str) -> None:
        """The minion has it (it said so, or it returned)."""
        if self._open.pop(minion_id, None) is not None:
            self.acknowledged.add(minion_id)

    def on_presence(self, minion_id: str, up: bool) -> bool:
        """The minion came or went; returns whether the job must be sent to it now."""
        parcel = self._open.get(minion_id)
        if parcel is None:
            return False
        arrived = up and not parcel.connected
        parcel.connected = up
        return arrived

    def due(self, now: float) -> list[str]:
        """Connected minions that did not acknowledge in time and get the job again."""
        return [
            minion_id
            for minion_id, parcel in self._open.items()
            if parcel.connected and parcel.tries < RESEND_TRIES and now >= parcel.sent + self._patience(parcel)
        ]

    def next_time(self) -> float:
        """When `due` must be asked again."""
        times = [p.sent + self._patience(p) for p in self._open.values() if p.connected and p.tries < RESEND_TRIES]
        return min([self._ends, *times])

    @staticmethod
    def _patience(parcel: _Parcel) -> float:
        return RESEND_FIRST * 2.0 ** max(0, parcel.tries - 1)


class State(enum.StrEnum):
    """What became of a targeted minion that did not return."""

    RUNNING = "running"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    NOT_ACCEPTED = "not_accepted"
    LOST = "lost"
    SILENT = "silent"
    NOT_MATCHED = "not_matched"


@dataclass(frozen=True)
class Verdict:
    """What is told about one minion that did not return.

    Attributes:
        id: the minion.
        state: see `State`.
        text: one line for people.
        since: since when, for unreachable minions; 0 if unknown.
    """

    id: str
    state: State
    text: str
    since: float = 0.0


@dataclass(frozen=True)
class Probe:
    """Ask these minions whether they still work on the job."""

    minions: tuple[str, ...]


@dataclass
class _Waiting:
    asked: float | None = None  # when it was last asked whether it works on the job
    running: bool = False
    denied: float | None = None  # when it said that it does not
    matched: bool = True  # as far as the target is concerned


@dataclass
class Follower:
    """The waiting of one operator for one job.

    Args:
        minions: who is expected to answer.
        absent: of these, who has no connection (minion -> since when).
        now: the time.
        timeout: seconds until silent minions are asked.
        gather: seconds that they have to answer that.
    """

    minions: Collection[str]
    absent: Mapping[str, float]
    now: float
    timeout: float
    gather: float
    _open: dict[str, _Waiting] = field(default_factory=dict)
    _absent: dict[str, float] = field(default_factory=dict)
    _acknowledged: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._open = {minion_id: _Waiting() for minion_id in self.minions}
        self._absent = dict(self.absent)
        self._begun = self._probed = self.now
        self._probe_at = self.now + self.timeout

    @property
    def waiting(self) -> list[str]:
        """Who has neither returned nor been given up."""
        return list(self._open)

    @property
    def done(self) -> bool:
        """Whether there is nobody left to wait for."""
        return not self._open

    def on_return(self, minion_id: str) -> bool:
        """A return is there; whether this operator waited for it."""
        return self._open.pop(minion_id, None) is not None

    def on_acknowledged(self, minion_id: str) -> None:
        """The minion has the job."""
        self._acknowledged.add(minion_id)

    def on_not_matched(self, minion_id: str) -> None:
        """The minion says that the target does not mean it."""
        waiting = self._open.get(minion_id)
        if waiting is not None:
            waiting.matched = False

    def on_presence(self, minion_id: str, up: bool, now: float) -> None:
        """The minion came or went."""
        if up:
            self._absent.pop(minion_id, None)
        elif minion_id in self._open:
            self._absent[minion_id] = now

    def on_probe_answer(self, minion_id: str, running: bool, now: float) -> None:
        """The minion said whether it works on the job."""
        waiting = self._open.get(minion_id)
        if waiting is None:
            return
        waiting.asked, waiting.running = None, running
        if running:
            self._acknowledged.add(minion_id)
            waiting.denied = None
        elif waiting.denied is None:
            waiting.denied = now

    def on_time(self, now: float) -> list[Probe | Verdict]:
        """What to do now."""
        actions: list[Probe | Verdict] = []
        for minion_id, waiting in list(self._open.items()):
            verdict = self._judge(minion_id, waiting, now)
            if verdict is not None:
                del self._open[minion_id]
                actions.append(verdict)
        if now >= self._probe_at and self._open:
            silent = tuple(
                m for m, w in self._open.items() if w.asked is None and w.denied is None and m not in self._absent
            )
            for minion_id in silent:
                self._open[minion_id].asked = now
            self._probe_at = now + max(self.timeout, 1.0)
            if silent:
                actions.append(Probe(silent))
        return actions

    def _judge(self, minion_id: str, waiting: _Waiting, now: float) -> Verdict | None:
        if not waiting.matched:
            return Verdict(minion_id, State.NOT_MATCHED, "The target does not mean it")
        gone = self._absent.get(minion_id)
        if gone is not None and now >= self._given_up_at(gone):
            return self._unreachable(minion_id, waiting, gone)
        if waiting.asked is not None and now >= waiting.asked + self.gather:
            return self._silent(minion_id, waiting)
        if waiting.denied is not None and now >= waiting.denied + min(self.gather, 5.0):
            return self._denied(minion_id)
        return None

    def _denied(self, minion_id: str) -> Verdict:
        """It says that it does not work on the job, and there is no return."""
        if minion_id in self._acknowledged:
            text = "Minion did not return. [No response] It does not work on the job any more; its return is lost"
            return Verdict(minion_id, State.LOST, text)
        text = "Minion did not return. [No response] It does not work on the job; perhaps the target does not mean it"
        return Verdict(minion_id, State.SILENT, text)

    def _given_up_at(self, gone: float) -> float:
        return max(self._begun + min(ABSENCE_GRACE, self.timeout), gone + min(RETURN_GRACE, self.timeout))

    def _unreachable(self, minion_id: str, waiting: _Waiting, since: float) -> Verdict:
        if waiting.running or minion_id in self._acknowledged:
            text = "Minion did not return. [Not connected] It had the job when its connection was lost"
            return Verdict(minion_id, State.RUNNING, text, since)
        return Verdict(minion_id, State.UNDELIVERED, "Minion did not return. [Not connected]", since)

    def _silent(self, minion_id: str, waiting: _Waiting) -> Verdict:
        if waiting.running:
            return Verdict(
                minion_id, State.RUNNING, "Minion did not return. [No response] It was still running when last heard of"
            )
        if minion_id in self._acknowledged:
            return Verdict(minion_id, State.DELIVERED, "Minion did not return. [No response] It received the job")
        return Verdict(minion_id, State.SILENT, "Minion did not return. [No response]")

    def next_time(self) -> float:
        """When `on_time` must be called again."""
        times = [self._probe_at]
        for minion_id, waiting in self._open.items():
            if minion_id in self._absent:
                times.append(self._given_up_at(self._absent[minion_id]))
            if waiting.asked is not None:
                times.append(waiting.asked + self.gather)
            if waiting.denied is not None:
                times.append(waiting.denied + min(self.gather, 5.0))
        return min(times)
