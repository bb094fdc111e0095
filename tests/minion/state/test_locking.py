"""One state run at a time, over several processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from minion.state.locking import Conflict, StateLock


class Holder:
    """Another process that holds the lock, or waits for it, until it is told to end."""

    def __init__(self, cachedir: Path, queue: Any = False) -> None:
        self._said, told = os.pipe()
        listens, self._tell = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(told)
            os.close(listens)
            return
        os.close(self._tell)
        os.close(self._said)
        code = 1
        try:
            with StateLock(str(cachedir)).held("state.apply", "20240131120000123456", queue):
                os.write(told, b"held")
                os.read(listens, 1)
            code = 0
        except Conflict:
            os.write(told, b"conflict")
        finally:
            os._exit(code)

    def hear(self) -> bytes:
        return os.read(self._said, 100)

    def end(self, how: int = 0) -> None:
        if how:
            os.kill(self.pid, how)
        else:
            os.write(self._tell, b"end")
        os.close(self._tell)
        os.close(self._said)
        os.waitpid(self.pid, 0)


@pytest.fixture
def holders() -> Iterator[List[Holder]]:
    running: List[Holder] = []
    yield running
    for holder in running:
        holder.end(signal.SIGKILL)


def test_a_second_run_is_refused_and_told_of_the_first(tmp_path: Path, holders: List[Holder]) -> None:
    holder = Holder(tmp_path)
    holders.append(holder)
    assert holder.hear() == b"held"
    lock = StateLock(str(tmp_path))
    with pytest.raises(Conflict) as refused, lock.held("state.sls", "2"):
        pass
    told = [
        f'The function "state.apply" is running as PID {holder.pid} and was started at 2024, Jan 31 12:00:00.123456 '
        "with jid 20240131120000123456"
    ]
    assert refused.value.args[0] == told == lock.running()


@pytest.mark.parametrize("how", [0, signal.SIGKILL])
def test_the_lock_is_free_when_its_holder_ended_however(tmp_path: Path, how: int) -> None:
    holder = Holder(tmp_path)
    assert holder.hear() == b"held"
    holder.end(how)
    lock = StateLock(str(tmp_path))
    assert lock.running() == []
    with lock.held("state.apply", "1"):
        pass


def test_those_who_queue_wait(tmp_path: Path, holders: List[Holder]) -> None:
    first = Holder(tmp_path)
    assert first.hear() == b"held"
    second = Holder(tmp_path, queue=True)
    holders.append(second)
    lock = StateLock(str(tmp_path))
    while not lock._queued():
        pass
    assert lock.running()[0].startswith(f'The function "state.apply" is running as PID {first.pid} ')
    first.end()
    assert second.hear() == b"held"


def test_the_queue_may_be_full(tmp_path: Path, holders: List[Holder]) -> None:
    holders.append(Holder(tmp_path))
    assert holders[0].hear() == b"held"
    holders.append(Holder(tmp_path, queue=2))
    while not StateLock(str(tmp_path))._queued():
        pass
    refused = Holder(tmp_path, queue=2)
    holders.append(refused)
    assert refused.hear() == b"conflict"


def test_a_run_within_a_run(tmp_path: Path) -> None:
    lock = StateLock(str(tmp_path))
    with lock.held("state.apply", "1"):
        assert lock.running() == [], "our own run does not count"
        with lock.held("state.single", "1"):
            pass
    with lock.held("state.apply", "2"):
        pass


def test_a_planted_link_is_refused(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "state_runs").mkdir()
    (tmp_path / "state_runs/lock").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"), StateLock(str(tmp_path)).held("state.apply", "1"):
        pass
    assert victim.read_text() == "precious"
