"""Holding and killing a run from another process."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from minion.state.pauses import Pauses, paused_jobs
from tests.minion.box import Box

JID = "20240131120000123456"


def in_child(work: object) -> int:
    pid = os.fork()
    if not pid:
        try:
            work()  # type: ignore[operator]
        finally:
            os._exit(0)
    return pid


def test_a_wish_ends_when_it_is_withdrawn(tmp_path: Path) -> None:
    pauses = Pauses(str(tmp_path), JID)
    pauses.change("web")
    assert pauses.wait_for("other") == "run"
    said, told = os.pipe()

    def wait() -> None:
        os.write(told, b"waits")
        Pauses(str(tmp_path), JID).wait_for("web")
        os.write(told, b"goes on")

    pid = in_child(wait)
    assert os.read(said, 5) == b"waits"
    pauses.resume("web")
    assert os.read(said, 7) == b"goes on"
    os.waitpid(pid, 0)
    os.close(said)
    os.close(told)


def test_a_wish_may_end_by_itself(tmp_path: Path) -> None:
    pauses = Pauses(str(tmp_path), JID)
    pauses.change(None, duration=0.05)
    began = time.monotonic()
    assert pauses.wait_for("any") == "run"
    assert 0.04 < time.monotonic() - began < 5


def test_a_kill_counts_at_once(tmp_path: Path) -> None:
    pauses = Pauses(str(tmp_path), JID)
    pauses.change("web", kill=True)
    assert (pauses.wait_for("web"), pauses.wait_for("other")) == ("kill", "run")
    pauses.forget()
    pauses.forget()
    assert pauses.wait_for("web") == "run"


@pytest.mark.parametrize("content", [b"", b"\xc1junk", b"\x05"])
def test_a_broken_file_holds_nobody(tmp_path: Path, content: bytes) -> None:
    pauses = Pauses(str(tmp_path), JID)
    pauses.change("web")
    (tmp_path / "state_pause" / JID).write_bytes(content)
    assert pauses.wait_for("web") == "run"


def test_no_job_id_leads_elsewhere(tmp_path: Path) -> None:
    Pauses(str(tmp_path / "cache"), "../../outside").change("web", kill=True)
    assert paused_jobs(str(tmp_path / "cache")) == ["outside"]
    assert not (tmp_path / "outside").exists()


def test_a_run_is_killed_between_two_states(tmp_path: Path) -> None:
    box = Box(tmp_path, {"jid": JID})
    box.write({"srv/s.sls": "a: {test.nop: []}\nb: {test.nop: []}\nc: {test.nop: []}\n"})
    box.call("state.soft_kill", JID, "b")
    results = box.call("state.apply", "s", __pub_jid=JID)
    assert [result["name"] for result in results.values()] == ["a"]
    assert paused_jobs(box.opts()["cachedir"]) == [], "the file goes when the run ends"


def test_the_functions(tmp_path: Path) -> None:
    box = Box(tmp_path)
    pauses = Pauses(box.opts()["cachedir"], JID)
    box.call("state.pause", JID, "a", 5)
    box.call("state.pause", JID)
    assert pauses.read() == {"a": {"duration": 5}, "__all__": {}}
    box.call("state.resume", JID, "a")
    assert pauses.read() == {"__all__": {}}
    box.call("state.resume", JID)
    assert pauses.read() == {}
    assert box.call("state.get_pauses") == {}, "no such job is running"
    assert paused_jobs(box.opts()["cachedir"]) == []
