"""Events that salt-call leaves for the daemon."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from minion import mailbox


@pytest.fixture
def woken() -> list[int]:
    """Signals that this process got as the daemon."""
    got: list[int] = []
    before = signal.signal(mailbox.WAKE, lambda number, frame: got.append(number))
    yield got
    signal.signal(mailbox.WAKE, before)


def test_nobody_takes_events_without_a_daemon(tmp_path: Path):
    assert mailbox.post(str(tmp_path), "t", {}) is False


def test_daemon_is_woken_and_takes_them_in_order(tmp_path: Path, woken: list[int]):
    mailbox.open_box(str(tmp_path))
    assert mailbox.post(str(tmp_path), "first", {"a": [1]}) and mailbox.post(str(tmp_path), "second", {})
    assert woken and set(woken) == {mailbox.WAKE}
    assert mailbox.take(str(tmp_path)) == [("first", {"a": [1]}), ("second", {})]
    assert mailbox.take(str(tmp_path)) == []


def test_what_is_no_event_is_swept_away(tmp_path: Path):
    mailbox.open_box(str(tmp_path))
    (tmp_path / "mail" / "1.ret").write_bytes(b"\xc1")
    (tmp_path / "mail" / "2.ret").write_bytes(b"\x80")
    assert mailbox.take(str(tmp_path)) == []
    assert os.listdir(tmp_path / "mail") == ["daemon"]


def test_dead_daemon_gets_nothing(tmp_path: Path):
    pid = os.fork()
    if pid == 0:
        mailbox.open_box(str(tmp_path))
        os._exit(0)
    os.waitpid(pid, 0)
    assert mailbox.post(str(tmp_path), "t", {}) is False
