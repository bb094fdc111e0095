"""The control socket and the jobs behind it: a real socket, a real store; minions are notes on the bus."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import msgpack
import pytest

from master import hub as hub_module
from master.acl import Operator
from master.bus import Outbox
from master.control import SOCKET, ControlServer
from master.control_client import ControlClient
from master.errors import MasterError, Refused
from master.hub import Hub, HubOptions
from master.jobstore import SQLiteJobStore
from master.targets import Resolved
from transports.frames import Pipe
from transports.messages import Return

MINIONS = ("db1", "web1", "web2")


class Wire:
    def __init__(self) -> None:
        self.published: list[tuple[dict, list[str], bool]] = []
        self.was_cut: list[str] = []
        self.rotated = False
        self.sent = threading.Condition()

    def publish(self, job, own, broadcast, topics) -> None:
        with self.sent:
            self.published.append((dict(job), list(own), broadcast))
            self.sent.notify_all()

    def cut(self, minions, rotate, disturb) -> None:
        self.was_cut += minions
        self.rotated = rotate

    def wait(self, count: int) -> list[tuple[dict, list[str], bool]]:
        with self.sent:
            assert self.sent.wait_for(lambda: len(self.published) >= count, 10), f"{count} publications were expected"
            return self.published


class Directory:
    def __init__(self) -> None:
        self.forgotten: list[str] = []

    def resolve(self, tgt, tgt_type, delimiter) -> Resolved:
        if tgt_type == "list":
            return Resolved(tuple(m for m in MINIONS if m in tgt), tuple(m for m in tgt if m not in MINIONS))
        return Resolved(tuple(m for m in MINIONS if tgt == "*" or m == tgt))

    resolve_guarded = resolve

    def describe(self, minion_id: str) -> str:
        return f"{minion_id} is pending"

    def forget(self, minion_id: str, preserve: bool) -> None:
        self.forgotten.append(f"{minion_id} but its data" if preserve else minion_id)


class Master:
    """Hub and control server in a thread of their own."""

    def __init__(self, folder: Path, acl: dict | None = None, ttl: float = 300) -> None:
        self.folder, self.wire, self.directory = folder, Wire(), Directory()
        self.store = SQLiteJobStore(str(folder / "jobs.db"))
        self._acl, self._ttl = acl or {}, ttl
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        assert self._ready.wait(10)

    async def _serve(self) -> None:
        self.loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self.hub = Hub(HubOptions(self._ttl), self.store, self.wire, lambda tag, packed: None)
        server = ControlServer(str(self.folder / SOCKET), self.hub, self.store, self.directory, self._acl, {}, 5, 10)
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def tell(self, act) -> None:
        """What a worker or the publisher would tell the hub."""
        messages: list[bytes] = []
        sender = type("Sender", (), {"send": staticmethod(messages.append)})()
        outbox = Outbox(sender)
        act(outbox)
        outbox.flush()
        done = threading.Event()
        self.loop.call_soon_threadsafe(lambda: (self.hub.on_notes(messages[0]), done.set()))
        assert done.wait(10)

    def returns(self, jid: str, *minions: str, value=True, retcode=0, fun="test.ping") -> None:
        for minion_id in minions:
            returned = Return(jid, minion_id, fun, [], value, retcode, retcode == 0)
            self.store.add_returns([returned])
            self.tell(lambda outbox, returned=returned: outbox.returned(returned))

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        self.store.close()


@pytest.fixture
def master(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Master]:
    monkeypatch.setattr(hub_module, "START_GRACE", 0.0)
    with contextlib.closing(Master(tmp_path)) as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> ControlClient:
    return ControlClient(str(tmp_path))


_open: list[Pipe] = []


@pytest.fixture(autouse=True)
def _close_pipes() -> Iterator[None]:
    yield
    while _open:
        _open.pop().close()


def listen(folder: Path, **request) -> Pipe:
    _open.append(ControlClient(str(folder)).open(**request))
    return _open[-1]


def stream(pipe: Pipe) -> list[dict]:
    got = []
    while not got or "done" not in got[-1]:
        got.append(pipe.receive(20))
    return got


def run(master: Master, **fields) -> tuple[Pipe, dict]:
    everybody = dict.fromkeys(MINIONS, True)
    for name in everybody:
        master.tell(lambda outbox, name=name: outbox.presence(name, True))
    pipe = listen(master.folder, **{"cmd": "run", "tgt": "*", "fun": "test.ping", "arg": [], "follow": True, **fields})
    return pipe, pipe.receive(10)


def test_a_job_is_kept_announced_published_and_followed(master: Master):
    events = listen(master.folder, cmd="events", tags=["salt/job/*"])
    assert "listening" in events.receive(10)
    pipe, head = run(master)
    assert head["minions"] == list(MINIONS)
    record = master.store.job(head["jid"])
    assert record and record.minions == MINIONS and record.job.user == "root"
    job, own, broadcast = master.wire.wait(1)[0]
    assert (job["jid"], job["fun"], own, broadcast) == (head["jid"], "test.ping", list(MINIONS), False)
    master.returns(head["jid"], "web1", "db1", "web2", value={"a": "ü"})
    got = stream(pipe)
    assert [item["ret"]["id"] for item in got[:-1]] == ["web1", "db1", "web2"]
    assert got[0]["ret"]["return"] == {"a": "ü"} and got[0]["ret"]["retcode"] == 0
    tags = [events.receive(10)["tag"] for _ in range(5)]
    assert tags == [
        f"salt/job/{head['jid']}/new",
        f"salt/job/{head['jid']}/publish",
        *(f"salt/job/{head['jid']}/ret/{m}" for m in ("web1", "db1", "web2")),
    ]


def test_silent_minions_are_asked_and_get_a_verdict(master: Master):
    pipe, head = run(master, timeout=0.2, gather_job_timeout=0.3)
    master.returns(head["jid"], "db1")
    master.tell(lambda outbox: outbox.acknowledged(head["jid"], "web1"))
    probe = master.wire.wait(2)[1][0]
    assert (
        probe["fun"] == "saltutil.find_job" and probe["arg"] == [head["jid"]] and set(probe["tgt"]) == {"web1", "web2"}
    )
    got = stream(pipe)
    states = {item["verdict"]["id"]: item["verdict"]["state"] for item in got if "verdict" in item}
    assert states == {"web1": "delivered", "web2": "silent"}
    assert master.store.verdicts(head["jid"]) == states


def test_a_minion_that_says_it_works_is_waited_for(master: Master):
    pipe, head = run(master, tgt="web1", timeout=0.2, gather_job_timeout=0.5)
    for round_ in range(1, 4):
        probe = [p for p in master.wire.wait(round_ + 1) if p[0]["fun"] == "saltutil.find_job"][-1][0]
        master.returns(probe["jid"], "web1", value={"jid": head["jid"], "pid": 1}, fun="saltutil.find_job")
    master.returns(head["jid"], "web1")
    assert [next(iter(item)) for item in stream(pipe)] == ["ret", "done"]


def test_a_minion_without_connection_is_told_at_once_with_since_when(master: Master):
    for name, up in (("web1", True), ("web1", False)):
        master.tell(lambda outbox, name=name, up=up: outbox.presence(name, up))
    pipe = listen(master.folder, cmd="run", tgt="web1", fun="test.ping", arg=[], follow=True, timeout=60)
    assert pipe.receive(10)["minions"] == ["web1"]
    verdict = pipe.receive(5)["verdict"]
    assert verdict["state"] == "undelivered" and verdict["since"] > 0
    assert "[Not connected]" in verdict["text"] and "Unreachable since" in verdict["text"]


def test_a_job_is_delivered_when_the_minion_comes_back(master: Master):
    master.tell(lambda outbox: outbox.presence("web1", True))
    master.tell(lambda outbox: outbox.presence("web1", False))
    pipe = listen(master.folder, cmd="run", tgt="web1", fun="test.ping", arg=[])
    jid = pipe.receive(10)["jid"]
    master.tell(lambda outbox: outbox.presence("web1", True))
    again = master.wire.wait(2)[1]
    assert again[0]["jid"] == jid and again[1] == ["web1"]
    master.returns(jid, "web1")
    master.tell(lambda outbox: outbox.presence("web1", False))
    master.tell(lambda outbox: outbox.presence("web1", True))
    assert len(master.wire.published) == 2, "what was answered is not sent again"


def test_ids_that_are_not_accepted_are_named(master: Master):
    pipe, head = run(master, tgt=["web1", "new1"], tgt_type="list")
    assert head["missing"] == ["new1"] and head["not_accepted"] == {"new1": "new1 is pending"}
    assert pipe.receive(5)["verdict"]["state"] == "not_accepted"
    nobody = listen(master.folder, cmd="run", tgt="new1", fun="test.ping", arg=[]).receive(10)
    assert nobody["jid"] is None and nobody["not_accepted"] == {"new1": "new1 is pending"}
    assert len(master.wire.published) == 1


def test_following_a_job_again_gives_all_returns(master: Master):
    pipe, head = run(master)
    master.returns(head["jid"], "web1")
    pipe.receive(10)
    pipe.close()
    master.returns(head["jid"], "web2")
    again = listen(master.folder, cmd="follow", jid=head["jid"])
    assert again.receive(10)["jid"] == head["jid"]
    assert {again.receive(10)["ret"]["id"] for _ in range(2)} == {"web1", "web2"}
    master.returns(head["jid"], "db1")
    assert again.receive(10)["ret"]["id"] == "db1"
    assert "done" in again.receive(10)


@pytest.mark.parametrize(
    "request_",
    [
        {"cmd": "nothing"}, {"cmd": "__class__"}, {"cmd": None}, {}, {"cmd": "run"}, {"cmd": "run", "tgt": "*"},
        {"cmd": "run", "tgt": "*", "fun": "test.ping\0", "arg": []}, {"cmd": "run", "tgt": 5, "fun": "test.ping"},
        {"cmd": "run", "tgt": "*", "fun": "ping", "arg": []}, {"cmd": "run", "tgt": "*", "fun": "a.b", "tgt_type": "x"},
        {"cmd": "run", "tgt": "*", "fun": "a.b", "jid": "../../x"}, {"cmd": "run", "tgt": "*", "fun": "a.b,,c.d"},
        {"cmd": "follow", "jid": "20260101000000000000"}, {"cmd": "fire", "tag": "a//b"}, {"cmd": "keys_changed"},
        {"cmd": "keys_changed", "changes": [{"id": "../x", "act": "delete"}]}, {"cmd": "keys_changed", "changes": [5]},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_refused_and_changes_nothing(master: Master, request_):
    pipe = listen(master.folder, cmd="ping")
    assert "pong" in pipe.receive(10)
    pipe.send(request_)
    assert set(pipe.receive(10)["error"]) == {"name", "message"}
    pipe.send({"cmd": "ping"})
    assert "pong" in pipe.receive(10), "the connection goes on"
    assert not master.wire.published and not master.directory.forgotten


def test_garbage_on_the_socket_ends_that_connection_alone(master: Master, client: ControlClient):
    pipe = listen(master.folder, cmd="ping")
    pipe.receive(10)
    pipe._sock.sendall(b"\xff\xff\xff\xff garbage")
    with pytest.raises(Exception, match="ended"):
        pipe.receive(10)
    assert "pong" in client.ask("ping")


def test_deleted_keys_are_cut_off_before_the_answer(master: Master, client: ControlClient):
    changes = [{"id": "web1", "act": "delete"}, {"id": "web2", "act": "accept"}, {"id": "db1", "act": "reject"}]
    assert client.ask("keys_changed", changes=changes) == {"ok": True}
    assert master.directory.forgotten == ["web1", "db1"] and master.wire.was_cut == ["web1", "db1"]
    assert master.wire.rotated


def test_the_operator_may_spare_data_and_publication_key(master: Master, client: ControlClient):
    client.ask("keys_changed", changes=[{"id": "web1", "act": "delete", "preserve": True, "rotate": False}])
    assert master.directory.forgotten == ["web1 but its data"]
    assert master.wire.was_cut == ["web1"] and not master.wire.rotated


def test_nobody_is_cut_off_who_had_no_access(master: Master, client: ControlClient):
    changes = [{"id": name, "act": "delete", "state": f"minions_{state}"} for name, state in
               (("web1", "denied"), ("web2", "pre"), ("db1", "rejected"))]  # fmt: skip
    client.ask("keys_changed", changes=changes)
    assert not master.directory.forgotten and not master.wire.was_cut


def test_a_restricted_user_gets_what_he_may_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("master.acl.operator_of", lambda connection: Operator("alice", False))
    rules = {"alice": ["test.ping", {"web.*": ["cmd.run"]}]}
    with contextlib.closing(Master(tmp_path, rules)) as master:
        client = ControlClient(str(tmp_path))

        def run_it(tgt, fun):
            return client.ask("run", tgt=tgt, fun=fun, arg=[])

        run_it("*", "test.ping")
        run_it("web1", "cmd.run")
        published = [job for job, _, _ in master.wire.published]
        assert [(job["tgt"], job["tgt_type"]) for job in published] == [(list(MINIONS), "list"), (["web1"], "list")]
        assert {job["user"] for job in published} == {"alice"}
        for tgt, fun in (
            ("*", "cmd.run"), ("db1", "cmd.run"), ("web1", "cmd.run_all"), ("web1", "cmd.runx"),
            ("nobody", "test.ping"),
            ("*", "test.ping,cmd.run"), ("web1", ["test.ping", "test.echo"]), ("*", "saltutil.find_job,cmd.run"),
        ):  # fmt: skip
            with pytest.raises(Refused):
                run_it(tgt, fun)
        for request in (
            {"cmd": "events"}, {"cmd": "fire", "tag": "a"}, {"cmd": "keys_changed", "changes": []}, {"cmd": "present"},
        ):  # fmt: skip
            with pytest.raises(MasterError):
                client.ask(**request)
        assert len(master.wire.published) == 2


def test_a_listener_that_does_not_read_loses_events_and_is_told_so(master: Master, client: ControlClient):
    pipe = listen(master.folder, cmd="events")
    assert "listening" in pipe.receive(10)
    for number in range(60):
        client.ask("fire", tag="big", data={"number": number, "data": "x" * 500_000})
    numbers, missed = [], 0
    client.ask("fire", tag="small", data={})
    while True:
        got = pipe.receive(10)
        missed += got.get("missed", 0)
        if got.get("tag") == "big":
            numbers.append(got["data"]["number"])
        elif got.get("tag") == "small" or len(numbers) + missed == 60:
            break
        if len(numbers) > 15 and not missed:
            client.ask("fire", tag="small", data={})
    assert 0 < len(numbers) < 60 and numbers == sorted(numbers)


def test_notes_are_packed_once_and_passed_on(tmp_path: Path):
    messages: list[bytes] = []
    outbox = Outbox(type("Sender", (), {"send": staticmethod(messages.append)})(), max_event=1000)
    outbox.returned(Return("20260101000000000000", "web1", "test.ping", [], "x" * 2000, 0, True))
    outbox.fire("tag", {"data": "x" * 2000})
    outbox.flush()
    outbox.flush()
    (notes,) = [msgpack.unpackb(message) for message in messages]
    assert notes[0][:4] == ["return", "20260101000000000000", "web1", True] and notes[0][4] == b""
    assert b"left out" in notes[1][2]
    assert os.listdir(tmp_path) == []
