"""The jobs that were handed to the process of the SSH road and are not over yet.

That process (`ssh.daemon`) connects to the control socket and takes orders. What it was given is kept here by job and
host, so that each host gets its verdict should the process die. While it is away, orders wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from master.members import RosterIndex
from transports.frames import frame
from transports.messages import Job

_LOOK_SECONDS = 5.0  # an inventory that is a program may take longer; then the hosts that are known will do

Open = dict[str, set[str]]
Send = Callable[[bytes], None]


class Agentless:
    """What the process of the SSH road has to do.

    Args:
        roster: the hosts that it reaches.
        accepted: the ids of all accepted minions.
    """

    def __init__(self, roster: RosterIndex, accepted: Callable[[], Collection[str]]) -> None:
        self._roster, self._accepted = roster, accepted
        self._under_way: Open = {}
        self._orders: dict[str, tuple[Job, list[str]]] = {}  # not sent yet
        self._send: Send | None = None
        self._looking = asyncio.Event() if roster.served else None  # set when the roster was read
        self.settled = False  # whether what it does not have under way is surely over
        self.warm: dict[str, float] = {}  # hosts with a connection, since when

    def __repr__(self) -> str:
        state = "connected" if self._send else "away"
        return f"<Agentless: {state}, {sum(map(len, self._under_way.values()))} under way>"

    @property
    def connected(self) -> bool:
        """Whether the process is there."""
        return self._send is not None

    def chosen(self, minions: Iterable[str], reached: Callable[[str], bool]) -> list[str]:
        """Those of a job's minions that get it over SSH: hosts of the roster, unless their own minion is there.

        Args:
            minions: for whom the job is.
            reached: whether an accepted minion has a connection, or may have one.
        """
        hosts = self._roster.hosts
        if not hosts:
            return []
        accepted = self._accepted()
        return [name for name in minions if name in hosts and not (name in accepted and reached(name))]

    def is_alone(self, minion_id: str) -> bool:
        """Whether there is no other way to a host than by SSH."""
        return minion_id in self._roster.hosts and minion_id not in self._accepted()

    def idle(self, jid: str, minions: Iterable[str]) -> list[str]:
        """Those that can be reached in no other way and do not work on a job any more."""
        hosts = self._roster.hosts
        if not hosts or not self.settled:
            return []
        alone, at_work = hosts - frozenset(self._accepted()), self._under_way.get(jid, ())
        return [minion_id for minion_id in minions if minion_id in alone and minion_id not in at_work]

    def has(self, jid: str, minion_id: str) -> bool:
        """Whether a host was given a job and is not done with it."""
        return minion_id in self._under_way.get(jid, ())

    def hand(self, job: Job, minions: list[str]) -> None:
        """Has hosts do a job."""
        self._under_way.setdefault(job.jid, set()).update(minions)
        if self._send is None:
            self._orders[job.jid] = (job, minions)
        else:
            self._send(_order(job, minions))

    def over(self, jid: str, minion_id: str) -> None:
        """A host is done with a job, one way or another."""
        hosts = self._under_way.get(jid)
        if hosts is not None:
            hosts.discard(minion_id)
            if not hosts:
                del self._under_way[jid]

    def works(self, jid: str, minion_id: str) -> bool:
        """Whether a host may be at work on a job."""
        return self.has(jid, minion_id) or (not self.settled and self.is_alone(minion_id))

    def connect(self, send: Send, under_way: Mapping[str, Iterable[str]]) -> None:
        """The process is there.

        Args:
            send: takes frames for it.
            under_way: what it works on already: jid -> hosts.
        """
        self._send, self.settled = send, True
        for jid, hosts in under_way.items():
            self._under_way.setdefault(jid, set()).update(hosts)
        orders, self._orders = self._orders, {}
        for job, minions in orders.values():
            send(_order(job, minions))

    def disconnect(self, send: Send) -> Open:
        """The process went away; returns what it had under way, which is over now. Orders that wait stay."""
        if self._send != send:
            return {}
        self._send = None
        self.warm.clear()
        self.seen_roster()
        lost = {jid: hosts for jid, hosts in self._under_way.items() if jid not in self._orders}
        for jid in lost:
            del self._under_way[jid]
        return lost

    def give_up(self) -> Open:
        """Nobody came for the orders that wait: forgets and returns them."""
        self.settled = True
        self.seen_roster()
        given_up = {jid: self._under_way.pop(jid, set()) for jid in self._orders}
        self._orders.clear()
        return given_up

    def on_warm(self, minion_id: str, up: bool) -> None:
        """A connection to a host stands, or ended."""
        if up:
            self.warm[minion_id] = time.time()
        else:
            self.warm.pop(minion_id, None)

    async def see_roster(self) -> None:
        """Has the roster read again if it changed, and waits for that; at first until it was read at all."""
        if self._looking is None and self._send is not None and self._roster.outdated():
            self._looking = asyncio.Event()
            self._send(frame({"roster": "changed"}))
        if self._looking is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._looking.wait(), _LOOK_SECONDS)

    def seen_roster(self) -> None:
        """The roster was read."""
        if self._looking is not None:
            self._looking.set()
            self._looking = None


def _order(job: Job, minions: list[str]) -> bytes:
    order: dict[str, Any] = {"job": job.to_wire(), "minions": minions}
    return frame(order)
