"""Which jobs are at work: told by locks, which a process can't forget to give up."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from minion import running


def child(folder: str, jid: str) -> int:
    """A process that runs a job until it is killed."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        running.enter(folder, {"jid": jid, "fun": "test.sleep"})
        os.write(write, b"x")
        signal.pause()
        os._exit(0)
    os.close(write)
    assert os.read(read, 1) == b"x"
    os.close(read)
    return pid


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_job_of_another_process_is_listed_until_it_dies(tmp_path: Path):
    folder = str(tmp_path / "proc")
    pid = child(folder, "1")
    try:
        assert running.jobs(folder) == [{"jid": "1", "fun": "test.sleep", "pid": pid}]
        assert running.alive(os.path.join(folder, "1"))
    finally:
        kill(pid)
    assert not running.alive(os.path.join(folder, "1"))
    assert running.jobs(folder) == [] and os.listdir(folder) == []


def test_own_job_is_not_listed(tmp_path: Path):
    path = running.enter(str(tmp_path), {"jid": "1"})
    assert running.jobs(str(tmp_path)) == []
    assert running.read(path) == {"jid": "1", "pid": os.getpid()}
    running.leave(path)
    running.leave(path)


def test_announced_job_is_kept_though_nobody_runs_it_yet(tmp_path: Path):
    path = running.announce(str(tmp_path), {"jid": "1"})
    assert running.jobs(str(tmp_path)) == [] and os.path.exists(path)
    assert not running.alive(path)


def test_waits_for_the_end_of_a_job(tmp_path: Path):
    pid = child(str(tmp_path), "1")
    over = threading.Event()
    waiter = threading.Thread(target=lambda: (running.wait(str(tmp_path / "1")), over.set()))
    waiter.start()
    assert not over.wait(0.05)
    kill(pid)
    assert over.wait(10)
    waiter.join()


def test_wait_for_a_job_that_is_unknown_ends_at_once(tmp_path: Path):
    running.wait(str(tmp_path / "none"))


def test_damaged_files_are_skipped(tmp_path: Path):
    (tmp_path / "1").write_bytes(b"\xc1")
    (tmp_path / "2").write_bytes(b"\x80")
    assert running.jobs(str(tmp_path)) == []
    assert running.read(str(tmp_path / "1")) is None and running.read(str(tmp_path / "none")) is None


def test_no_folder_no_jobs(tmp_path: Path):
    assert running.jobs(str(tmp_path / "none")) == []


def test_files_are_private(tmp_path: Path):
    path = running.enter(str(tmp_path / "proc"), {"jid": "1"})
    assert os.stat(path).st_mode & 0o777 == 0o600
