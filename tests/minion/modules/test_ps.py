from __future__ import annotations

import os
import pwd
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _processes
from tests.processes import until

PROGRAM = "sltn-long-named-program"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a name that is longer than the kernel remembers."""
    path = tmp_path / PROGRAM
    path.symlink_to("/bin/sleep")
    running = subprocess.Popen([path, "100"], cwd=tmp_path, env={"SLTN": "yes"})
    until("that it sleeps", lambda: Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[0] == "S")
    yield running
    running.kill()
    running.wait()


def test_proc_info(salt: Loader, process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    found = salt["ps.proc_info"](process.pid)
    assert found["pid"] == process.pid
    assert found["ppid"] == os.getpid()
    assert found["name"] == PROGRAM
    assert found["cmdline"] == [str(tmp_path / PROGRAM), "100"]
    assert found["cwd"] == str(tmp_path)
    assert found["exe"] == os.path.realpath("/bin/sleep")
    assert found["username"] == pwd.getpwuid(os.getuid()).pw_name
    assert found["uids"] == [os.getuid()] * 3
    assert abs(found["create_time"] - time.time()) < 60
    assert found["memory_info"][0] > 10_000 and len(found["memory_info"]) == 7
    assert "environ" not in found
    asked = salt["ps.proc_info"](process.pid, attrs=["environ", "open_files", "threads", "num_threads"])
    assert asked["environ"] == {"SLTN": "yes"}
    assert (asked["num_threads"], asked["threads"][0][0]) == (1, process.pid)
    with pytest.raises(CommandExecutionError, match="no process found with pid 4194305"):
        salt["ps.proc_info"](4194305)
    with pytest.raises(SaltInvocationError, match="There is no attribute nonesuch"):
        salt["ps.proc_info"](process.pid, attrs=["nonesuch"])


def test_open_files(salt: Loader, tmp_path: Path) -> None:
    with open(tmp_path / "log", "a") as log:
        log.write("12345")
        log.flush()
        files = salt["ps.proc_info"](os.getpid(), attrs=["open_files"])["open_files"]
        assert [str(tmp_path / "log"), log.fileno(), 5, "a"] in [file[:4] for file in files]


def test_finding(salt: Loader, process: subprocess.Popen[bytes], tmp_path: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name
    assert process.pid in salt["ps.get_pid_list"]()
    assert salt["ps.pgrep"]("sltn-long") == [process.pid]
    assert salt["ps.pgrep"]("sltn.*program$", pattern_is_regex=True) == [process.pid]
    assert salt["ps.pgrep"]("sltn-long", user=me) == [process.pid]
    assert salt["ps.pgrep"]("sltn-long", user="no-such-user") is None
    assert salt["ps.pgrep"](f"{PROGRAM} 100", full=True) == [process.pid]
    assert salt["ps.pgrep"](f"{PROGRAM} 100") is None
    with pytest.raises(SaltInvocationError, match="not a regular expression"):
        salt["ps.pgrep"]("(", pattern_is_regex=True)
    assert {"name": PROGRAM, "pid": process.pid} in salt["ps.status"]("sleeping")
    with pytest.raises(SaltInvocationError, match="Filter is required"):
        salt["ps.status"]("")
    _, lines, count = salt["ps.psaux"](f"{PROGRAM} 1[0]0")
    assert (len(lines), count) == (1, "1 occurrence(s).")
    assert str(process.pid) in lines[0]


def test_ending(salt: Loader, process: subprocess.Popen[bytes]) -> None:
    assert salt["ps.pkill"]("sltn-nothing-like-this") is None
    assert salt["ps.pkill"]("sltn-long", signal=signal.SIGUSR1) == {"killed": [process.pid]}
    assert process.wait() == -signal.SIGUSR1
    assert salt["ps.kill_pid"](process.pid) is False
    for nobody in (0, -1):
        with pytest.raises(SaltInvocationError, match="not the number of a process"):
            salt["ps.kill_pid"](nobody)


def test_zombies_are_seen(salt: Loader) -> None:
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    try:
        assert salt["ps.proc_info"](child, attrs=["status", "cmdline"]) == {"status": "zombie", "cmdline": []}
        assert child in [one["pid"] for one in salt["ps.status"]("zombie")]
    finally:
        os.waitpid(child, 0)


def test_top_names_the_busiest(salt: Loader) -> None:
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        first = salt["ps.top"](num_processes=50, interval=0.5)
        assert busy.pid in [one["pid"] for one in first]
        assert set(first[0]) == {"cmd", "user", "status", "pid", "create_time", "cpu", "mem"}
        assert set(first[0]["cpu"]) == {"user", "system", "children_user", "children_system", "iowait"}
    finally:
        busy.kill()
        busy.wait()


def test_logins() -> None:
    entry = struct.Struct("=h2xi32s4s32s256shhiii16s20x")
    assert entry.size == 384  # as the C library has it
    raw = entry.pack(7, 4242, b"pts/0", b"ts/0", b"ann", b"10.0.0.1", 0, 0, 0, 1700000000, 0, b"")
    raw += entry.pack(8, 1, b"pts/1", b"", b"gone", b"", 0, 0, 0, 1, 0, b"") + b"partial"
    assert list(_processes.parse_utmp(raw)) == [
        {"name": "ann", "terminal": "pts/0", "host": "10.0.0.1", "started": 1700000000.0, "pid": 4242}
    ]


def test_outside_programs(salt: Loader) -> None:
    for program in ("netstat", "ss"):
        if _has(program):
            name, lines = salt[f"ps.{program}"]("no such thing")
            assert (name, lines) == ("no such thing", [])
    if _has("lsof"):
        assert salt["ps.lsof"]("no-such-program") == ["no-such-program", ""]


def _has(program: str) -> bool:
    return any(os.access(os.path.join(folder, program), os.X_OK) for folder in os.environ["PATH"].split(":"))
