"""Processes for orders: forked, isolated, killable, their end told."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from minion import config, running
from minion.daemon import fdpass
from minion.job import Order
from transports.errors import Broken
from transports.frames import Pipe

PATIENCE = 20.0
MODULE = """
import os, time

def where():
    return {"pid": os.getpid(), "sid": os.getsid(0), "umask": os.umask(0o022), "term": None}

def facts():
    return [__grains__.get("os"), __pillar__.get("color"), __opts__["id"], os.environ.get("WIDGET")]

def ask(cmd):
    return __master__.request(cmd, a=1)

def ask_from_child():
    pid = os.fork()
    if pid == 0:
        for _ in range(20):
            __master__.request("child")
        os._exit(0)
    for _ in range(20):
        __master__.request("parent")
    os.waitpid(pid, 0)
    return True

def leave():
    os._exit(9)

def wait():
    __master__.request("waiting")
    time.sleep(600)

def large():
    return b"\\xff" * (40 * 1024 * 1024)

def odd():
    return object()
"""


class Bench:
    """A zygote in a process of its own, as the daemon has it, and this end of the channel."""

    def __init__(self, root: Path) -> None:
        self.root = root
        modules = root / "cache/extmods/modules"
        modules.mkdir(parents=True)
        (modules / "thing.py").write_text(MODULE)
        settings = config.load(
            str(root / "minion"), {"id": "box", "root_dir": str(root), "cachedir": str(root / "cache")}
        )
        ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            ours.close()
            self._serve(theirs, {**settings.opts(), "id": "box"})
        theirs.close()
        self.channel = ours
        ours.settimeout(PATIENCE)
        self._count = 0

    def _serve(self, channel: socket.socket, opts: dict[str, Any]) -> None:
        """The part of the supervisor that a zygote needs."""
        try:
            import select

            from minion.daemon.zygote import Zygote

            wakeup, alarm = socket.socketpair()
            alarm.setblocking(False)
            signal.set_wakeup_fd(alarm.fileno())
            signal.signal(signal.SIGCHLD, lambda number, frame: None)
            zygote = Zygote(opts, [wakeup, alarm])
            zygote.attach(channel)
            while zygote.orders is not None:
                ready, _, _ = select.select([wakeup, channel], [], [])
                if channel in ready:
                    zygote.take_order()
                if wakeup in ready:
                    wakeup.recv(4096)
                    while True:
                        try:
                            pid, status = os.waitpid(-1, os.WNOHANG)
                        except ChildProcessError:
                            break
                        if pid == 0:
                            break
                        zygote.ended(pid, status)
        finally:
            os._exit(0)

    def know(self, **facts: Any) -> None:
        fdpass.send(self.channel, facts)

    def start(self, fun: str, *arg: Any, **more: Any) -> Process:
        self._count += 1
        mine, theirs = socket.socketpair()
        job = {"jid": f"202601010000000000{self._count:02d}", "fun": fun, "arg": list(arg), "tgt": "*", "user": "root"}
        order = Order("job", job=job, spool=str(self.root / "returns"), **more)
        fdpass.send(self.channel, {"number": self._count, "order": order.to_wire()}, theirs)
        theirs.close()
        (message, _none) = fdpass.receive(self.channel)
        return Process(self, message["pid"], Pipe(mine))

    def news(self) -> dict[str, Any]:
        message, _none = fdpass.receive(self.channel)
        return message

    def close(self) -> None:
        self.channel.close()
        os.waitpid(self.pid, 0)


class Process:
    """A process that was started, and the agent's end of its pipe."""

    def __init__(self, bench: Bench, pid: int, pipe: Pipe) -> None:
        self.bench, self.pid, self.pipe = bench, pid, pipe
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def serve(self, until: str = "", **answers: Any) -> None:
        """Answers what it asks until it ends, or asks `until`."""
        try:
            while True:
                message = self.pipe.receive(PATIENCE)
                self.asked.append((message["cmd"], message["load"]))
                if message["cmd"] == until:
                    return
                answer = answers.get(message["cmd"], True)
                said = answer if isinstance(answer, dict) and "error" in answer else {"reply": answer}
                self.pipe.send({"number": message["number"], **said})
        except Broken:
            self.pipe.close()

    def result(self, **answers: Any) -> Any:
        """What its function returned."""
        from minion.spool import Spool

        self.serve(**answers)
        self.news = self.bench.news()
        spool = Spool(str(self.bench.root / "returns"), 100)
        (parcel,) = spool.waiting()
        load = spool.read(parcel)
        spool.delivered(parcel)
        assert load is not None
        return load["return"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_job_runs_in_a_process_of_its_own(bench: Bench):
    process = bench.start("thing.where")
    found = process.result()
    assert found["pid"] == process.pid != bench.pid
    assert found["sid"] == process.pid and found["umask"] == 0o022
    assert process.news == {"number": 1, "status": 0}
    assert [cmd for cmd, _load in process.asked] == ["__done"]


def test_job_is_listed_while_it_runs_and_not_afterwards(bench: Bench):
    folder = running.folder_of(str(bench.root / "cache"))
    process = bench.start("thing.wait")
    process.serve(until="waiting")
    (job,) = running.jobs(folder)
    assert (job["fun"], job["pid"]) == ("thing.wait", process.pid)
    os.killpg(process.pid, signal.SIGTERM)
    assert bench.news() == {"number": 1, "status": -signal.SIGTERM}
    assert running.jobs(folder) == []
    process.pipe.close()


def test_facts_are_those_it_was_told(bench: Bench):
    assert bench.start("thing.facts").result() == [None, None, "box", None]
    bench.know(grains={"os": "Debian"}, pillars={"m": {"color": "blue"}, "n": {"color": "red"}})
    bench.know(environ={**os.environ, "WIDGET": "7"})
    assert bench.start("thing.facts", master="m").result() == ["Debian", "blue", "box", "7"]
    assert bench.start("thing.facts", master="n").result() == ["Debian", "red", "box", "7"]


def test_new_module_is_found_without_being_told(bench: Bench):
    assert "not available" in bench.start("fresh.fun").result()
    (bench.root / "cache/extmods/modules/fresh.py").write_text("def fun():\n    return 'here'\n")
    assert bench.start("fresh.fun").result() == "here"


def test_asks_over_its_pipe(bench: Bench):
    process = bench.start("thing.ask", "_file_envs")
    assert process.result(_file_envs=["base"]) == ["base"]
    assert ("_file_envs", {"a": 1}) in process.asked


def test_refusals_and_silence_of_the_master_are_errors(bench: Bench):
    assert bench.start("thing.ask", "x").result(x={"error": "no"}) == "ERROR: x: no"
    value = bench.start("thing.ask", "x").result(x={"error": "gone", "unreachable": True})
    assert "MasterUnreachable: x: gone" in value


def test_processes_that_a_job_forks_take_turns(bench: Bench):
    process = bench.start("thing.ask_from_child")
    assert process.result() is True
    asked = [cmd for cmd, _load in process.asked]
    assert (asked.count("child"), asked.count("parent")) == (20, 20)


def test_process_that_leaves_is_told(bench: Bench):
    process = bench.start("thing.leave")
    process.serve()
    assert bench.news() == {"number": 1, "status": 9}


def test_jobs_do_not_wait_for_each_other(bench: Bench):
    slow = bench.start("thing.wait")
    slow.serve(until="waiting")
    assert bench.start("thing.ask", "x").result(x=5) == 5
    os.kill(slow.pid, signal.SIGKILL)
    assert bench.news()["status"] == -signal.SIGKILL
    slow.pipe.close()


@pytest.mark.parametrize("fun", ["thing.large", "thing.odd"])
def test_result_that_cannot_travel_is_replaced_by_the_reason(bench: Bench, fun: str):
    assert bench.start(fun).result().startswith(f"The result of {fun} can't be sent: ")


def test_return_that_the_disk_does_not_take_goes_over_the_pipe(bench: Bench):
    (bench.root / "returns").write_text("a file, no folder")
    process = bench.start("thing.ask", "x")
    process.serve(x=7)
    bench.news()
    (cmd, load) = process.asked[-1]
    assert cmd == "__done" and load["load"]["return"] == 7
    (bench.root / "returns").unlink()


def test_return_is_kept_if_nobody_listens_any_more(bench: Bench):
    process = bench.start("thing.wait")
    process.serve(until="waiting")
    process.pipe.close()
    assert bench.news()["number"] == 1
    from minion.spool import Spool

    (parcel,) = Spool(str(bench.root / "returns"), 100).waiting()
    assert parcel.jid == "20260101000000000001"


def test_grains_are_collected_in_a_process(bench: Bench):
    mine, theirs = socket.socketpair()
    fdpass.send(bench.channel, {"number": 1, "order": Order("grains").to_wire()}, theirs)
    theirs.close()
    assert "pid" in bench.news()
    process = Process(bench, 0, Pipe(mine))
    process.serve()
    ((cmd, load),) = process.asked
    assert cmd == "__grains" and load["grains"]["kernel"] == "Linux"
    assert bench.news() == {"number": 1, "status": 0}
