"""What was handed to the SSH road: who gets a job over it, and that each host comes to its end whatever happens."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master import hub as hub_module
from master.agentless import Agentless
from master.bus import Outbox
from master.hub import Hub, HubOptions
from master.jobstore import JobRecord, SQLiteJobStore
from master.members import Listing, RosterIndex, signature_of
from transports.codec import unpack
from transports.messages import Job, Return

JID = "20261120000000000001"


def job(minions: tuple[str, ...], jid: str = JID) -> JobRecord:
    return JobRecord(Job(jid, ("test.ping",), ((),), minions, "list"), 0.0, minions)


def messages(sent: list[bytes]) -> list[Any]:
    return [unpack(data[4:]) for data in sent]


class Road:
    """The other end of the control socket, and an operator that follows."""

    def __init__(self, folder: Path, accepted: tuple[str, ...] = ()) -> None:
        self.index = RosterIndex.of({"ssh_minions": True, "cachedir": str(folder)})
        self.index.write(Listing(frozenset({"box1", "box2", "both"})))
        self.store = SQLiteJobStore(str(folder / "jobs.db"))
        self.agentless = Agentless(self.index, lambda: accepted)
        self.published: list[tuple[str, tuple[str, ...]]] = []
        self.orders: list[bytes] = []
        self.told: list[bytes] = []
        self.hub = Hub(HubOptions(), self.store, self, lambda tag, packed: None, self.agentless)

    def publish(self, load: Any, own: Any, broadcast: bool, topics: Any) -> None:
        self.published.append((load["jid"], tuple(own)))

    def cut(self, minions: Any, rotate: bool, disturb: bool) -> None:
        pass

    def send(self, data: bytes) -> None:
        self.told.append(data)

    def come(self, under_way: dict[str, list[str]] | None = None) -> None:
        self.hub.road_came(self.orders.append, under_way or {})

    def note(self, **notes: tuple[Any, ...]) -> None:
        class Sender:
            send = staticmethod(self.hub.on_notes)

        outbox = Outbox(Sender())
        for name, args in notes.items():
            getattr(outbox, name)(*args)
        outbox.flush()

    def follow(self, record: JobRecord) -> asyncio.Event:
        return self.hub.follow(record, [], 0.05, 0.05, self)

    @property
    def verdicts(self) -> dict[str, str]:
        return {told["verdict"]["id"]: told["verdict"]["state"] for told in messages(self.told) if "verdict" in told}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(hub_module, "ROAD_PATIENCE", 0.1)
    monkeypatch.setattr(hub_module, "START_GRACE", 0.0)
    yield tmp_path


async def within(what: asyncio.Event) -> None:
    await asyncio.wait_for(what.wait(), 10)


def test_who_gets_a_job_over_which_road(folder: Path) -> None:
    async def main() -> None:
        road = Road(folder, accepted=("agent", "both"))
        road.come()
        road.hub.start_job(job(("agent", "both", "box1")))
        assert messages(road.orders)[0]["minions"] == ["both", "box1"], "its minion is away"
        assert road.published == [(JID, ("agent",))]
        road.note(presence=("both", True))
        road.hub.start_job(job(("agent", "both", "box1"), JID[:-1] + "2"))
        assert messages(road.orders)[1]["minions"] == ["box1"] and road.published[1][1] == ("agent", "both")
        road.note(stock_listeners=(1,), presence=("", False))
        road.hub.start_job(job(("box1",), JID[:-1] + "3"))
        assert len(road.published) == 2, "nothing is published for hosts of the roster alone"

    asyncio.run(main())


def test_what_comes_back_ends_the_waiting(folder: Path) -> None:
    async def main() -> None:
        road, record = Road(folder), job(("box1", "box2", "both"))
        road.come()
        road.hub.start_job(record)
        finished = road.follow(record)
        await asyncio.sleep(0.2)  # far beyond both timeouts: they are at work, so nobody is given up
        assert road.verdicts == {} and road.published == [], "and nobody is asked"
        returned = Return(JID, "box1", "test.ping", [], True, 0, True)
        road.store.add_returns([returned])
        road.note(returned=(returned,), verdict=(JID, "box2", "undelivered", "text"), acknowledged=(JID, "both", False))
        await within(finished)
        assert road.verdicts == {"box2": "undelivered", "both": "not_matched"}
        assert road.store.verdicts(JID)["box2"] == "undelivered"

    asyncio.run(main())


def test_the_death_of_the_process(folder: Path) -> None:
    async def main() -> None:
        road, record = Road(folder), job(("box1", "box2"))
        road.come()
        road.hub.start_job(record)
        finished = road.follow(record)
        road.store.add_returns([Return(JID, "box1", "test.ping", [], "done", 0, True)])  # and then it died
        road.hub.road_went(road.orders.append)
        await within(finished)
        assert road.verdicts == {"box2": "lost"}
        assert [told["ret"]["return"] for told in messages(road.told) if "ret" in told] == ["done"]

    asyncio.run(main())


def test_orders_wait_for_the_process_but_not_for_ever(folder: Path) -> None:
    async def main() -> None:
        road, first, second = Road(folder), job(("box1",)), job(("box2",), JID[:-1] + "2")
        road.hub.start_job(first)
        finished = road.follow(first)
        await within(finished)
        assert road.verdicts == {"box1": "undelivered"} and "RoadDown" in messages(road.told)[0]["verdict"]["text"]
        road.hub.start_job(second)
        road.come()
        assert [order["job"]["jid"] for order in messages(road.orders)] == [second.job.jid]

    asyncio.run(main())


def test_a_restarted_hub_learns_what_is_under_way(folder: Path) -> None:
    async def main() -> None:
        road, record = Road(folder), job(("box1", "box2", "both"))
        road.store.add_job(record)
        road.store.add_verdicts(JID, {"both": "undelivered"})
        finished = road.follow(record)
        assert road.verdicts == {}, "it can't know yet"
        road.come({JID: ["box1"]})
        assert road.verdicts == {"box2": "lost", "both": "undelivered"}
        road.note(verdict=(JID, "box1", "lost", "text"))
        await within(finished)

    asyncio.run(main())


def test_the_listing_of_the_roster(tmp_path: Path) -> None:
    source = tmp_path / "roster"
    source.write_text("one")
    index = RosterIndex.of({"enable_ssh_minions": True, "cachedir": str(tmp_path)})
    assert index.hosts == frozenset() and not index.outdated()
    index.write(Listing(frozenset({"a", "b"}), {"some": ("a",)}, {str(source): signature_of(str(source))}))
    again = RosterIndex.of({"ssh_minions": True, "cachedir": str(tmp_path)})
    assert again.hosts == {"a", "b"} and not again.outdated()
    assert again.nodegroups({"own": "x", "some": "mine"}) == {"own": "x", "some": "mine"}
    assert again.nodegroups({})["some"] == "L@a"
    assert os.stat(tmp_path / "ssh" / "roster.json").st_mode & 0o077 == 0
    source.write_text("another")
    assert again.outdated()
    off = RosterIndex.of({"cachedir": str(tmp_path)})
    assert off.hosts == frozenset() and not off.served
