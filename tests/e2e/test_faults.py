"""What goes wrong in a fleet, and what the operator is told: a verdict for each, nothing lost, nothing done twice."""

from __future__ import annotations

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import BIN, Lab, run, until
from transports.messages import Return


@pytest.fixture
def lab() -> Iterator[Lab]:
    made = Lab(auto_accept=True, heartbeat=1)
    try:
        made.start_master()
        yield made
    finally:
        made.close()


@pytest.fixture
def one(lab: Lab) -> Lab:
    lab.start_minion("one", heartbeat=1)
    return lab


def started(lab: Lab, *args: str) -> subprocess.Popen[str]:
    """`salt` under way."""
    argv = [str(BIN / "salt"), "-c", str(lab.root / "etc"), *args]
    return subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def slow_job(lab: Lab, name: str, seconds: float = 3) -> tuple[str, Path]:
    """A command that notes its beginning and its end in a file."""
    marks = lab.root / name
    return f"echo begin >> {marks}; sleep {seconds}; echo end >> {marks}; echo done", marks


def test_a_key_that_is_not_accepted_is_named_at_once(lab: Lab):
    lab.daemons["master"].stop()
    lab.start_master(auto_accept=False)
    asked = lab.listen("salt/auth")
    lab.start_minion("new", wait=False)
    lab.expect(asked, "the sign-in")
    begin = time.monotonic()
    done = lab.salt("new", "test.ping", "-t", "60")
    assert time.monotonic() - begin < 5
    assert done.returncode != 0 and "not accepted" in done.stdout + done.stderr
    fingerprint = lab.key("-f", "new").stdout.split()[-1]
    assert fingerprint.count(":") == 31 and fingerprint in done.stdout + done.stderr
    shown = lab.salt_call("new", "--local", "key.finger", "--out=json")
    assert json.loads(shown.stdout)["local"] == fingerprint, "both sides print the same fingerprint"


def test_a_minion_that_is_down_is_told_at_once_and_gets_the_job_late_and_once(one: Lab):
    lab = one
    assert lab.results("one", "test.ping") == {"one": True}
    lab.daemons["one"].stop()
    marks = lab.root / "marks"
    until("that the master knows", lambda: not lab.control.ask("present")["present"]["one"]["up"])
    until("the end of the master's grace", lambda: _knows_absent(lab), seconds=30)
    begin = time.monotonic()
    done = lab.salt("one", "cmd.run", f"echo ran >> {marks}", "-t", "60", "-v")
    assert time.monotonic() - begin < 6, "no need to wait for the timeout"
    assert done.returncode not in (0, 1) and "[Not connected]" in done.stdout and "Unreachable since" in done.stdout
    returned = lab.listen("salt/job/*/ret/one")
    lab.start_minion("one", heartbeat=1)
    while (event := returned.receive(30)["data"])["fun"] != "cmd.run":
        pass  # the jobs that looked whether it is away arrive late as well
    returned.close()
    assert event["success"] is True and lines(marks) == ["ran"]
    assert lab.results("one", "test.ping") == {"one": True}
    assert lines(marks) == ["ran"], "once"


def _knows_absent(lab: Lab) -> bool:
    return "[Not connected]" in lab.salt("one", "test.ping", "-t", "1").stdout


def test_a_minion_killed_in_a_job_says_so_when_it_is_back(one: Lab):
    lab = one
    command, marks = slow_job(lab, "marks", 60)
    salt = started(lab, "-t", "2", "one", "cmd.run", command)
    until("the beginning of the job", lambda: lines(marks) == ["begin"])
    pids = [lab.daemons["one"].process.pid, *lab.daemons["one"].children()]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    lab.daemons["one"].process.wait()
    lab.start_minion("one", heartbeat=1)
    out, err = salt.communicate(timeout=60)
    assert salt.returncode != 0, out + err
    assert lines(marks) == ["begin"], "it does not run again by itself"
    assert "one" in out + err


def test_a_master_killed_in_a_job_loses_neither_the_job_nor_the_return(one: Lab):
    lab = one
    command, marks = slow_job(lab, "marks", 4)
    salt = started(lab, "one", "cmd.run", command)
    until("the beginning of the job", lambda: lines(marks) == ["begin"])
    lab.daemons["master"].kill()
    lab.daemons["master"].stop()
    lab.start_master()
    out, err = salt.communicate(timeout=90)
    assert lines(marks) == ["begin", "end"]
    if salt.returncode == 0:
        assert "done" in out
    else:
        assert "jid" in out + err
    done = until("the return in the job store", lambda: _last_return(lab), seconds=60)
    assert done == {"one": "done"}


def _last_return(lab: Lab) -> dict[str, object]:
    from master.jobstore import Query, SQLiteJobStore

    store = SQLiteJobStore(str(lab.root / "cache/jobs/jobs.db"))
    try:
        record = next(iter(store.find(Query(fun=("cmd.run",)), limit=1)))
        return {item.id: item.value for item in store.returns(record.job.jid)}
    finally:
        store.close()


@pytest.mark.parametrize(
    "title", ["MWorker-", "MWorkerQueue", "Publisher", "EventPublisher", "ReqServer_ProcessManager"]
)
def test_a_process_of_the_master_killed_in_a_job_is_replaced_and_nothing_is_lost(one: Lab, title: str):
    lab = one
    master = lab.daemons["master"]
    command, marks = slow_job(lab, "marks", 2)
    salt = started(lab, "one", "cmd.run", command)
    until("the beginning of the job", lambda: lines(marks) == ["begin"])
    wanted = " " + title if title == "Publisher" else title
    killed = master.children(wanted)
    assert killed, title
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    out, err = salt.communicate(timeout=90)
    assert salt.returncode == 0 and "done" in out, f"{title}: {out}{err}\n{lab.tail('master')}"
    assert lines(marks) == ["begin", "end"]
    assert "died with signal 9, it is restarted" in master.log.read_text()
    assert until("an answer", lambda: lab.results("one", "test.ping").get("one") is True, seconds=60)


def test_two_hosts_with_one_id_and_a_rebuilt_host(one: Lab):
    lab = one
    first = lab.key("-f", "one").stdout.split()[-1]
    lab.daemons["one"].stop()
    for name in ("minion.pem", "minion.pub"):
        (lab.root / "one/pki" / name).unlink()
    denied = lab.listen("salt/auth")
    lab.start_minion("one", wait=False, heartbeat=1)
    assert lab.expect(denied, "the sign-in with another key")["data"]["act"] == "denied"
    shown = lab.key("-F", "one*").stdout + lab.key("-F").stdout
    assert first in shown and "Denied Keys" in shown
    assert first in lab.key("-f", "one").stdout, "the accepted key stays"
    started_again = lab.listen("salt/minion/one/start")
    done = lab.key("-y", "-a", "one", "--include-denied")
    assert "accepted" in done.stdout, done.stdout + done.stderr
    if lab.daemons["one"].process.poll() is not None:
        lab.start_minion("one", wait=False, heartbeat=1)
    lab.expect(started_again, "the start with the new key", 60)
    assert lab.results("one", "test.ping") == {"one": True}
    assert first not in lab.key("-F").stdout


def test_five_hundred_jobs_at_once(lab: Lab):
    lab.daemons["master"].stop()
    lab.start_master(heartbeat=10)
    lab.start_minion("one")
    control = lab.control

    def ask(number: int) -> float:
        begin = time.monotonic()
        (returned,) = control.run(tgt="one", fun="test.echo", arg=[number], timeout=60)
        assert isinstance(returned, Return), returned
        assert returned.value == number
        return time.monotonic() - begin

    with concurrent.futures.ThreadPoolExecutor(500) as pool:
        took = sorted(pool.map(ask, range(500)))
    assert len(took) == 500
    assert lab.results("one", "test.ping") == {"one": True}


def test_a_full_disk_under_the_master_costs_no_return(lab: Lab, tmp_path: Path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    lab.daemons["master"].stop()
    small = lab.root / "cache" / "jobs"
    small.mkdir(parents=True, exist_ok=True)
    mounted = run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0700", "tmpfs", str(small)])
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr}")
    try:
        lab.start_master()
        lab.start_minion("one", heartbeat=1, return_retry_timer=1, return_retry_timer_max=1)
        marks = lab.root / "marks"
        salt = started(lab, "one", "cmd.run", f"echo ran >> {marks}; head -c 300000 /dev/zero | tr '\\0' x; sleep 1")
        until("the job", lambda: lines(marks) == ["ran"])
        filler = small / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as filling:
            while True:
                filling.write(b"x" * 4096)
        until("that the master says so", lambda: "can't be stored" in lab.daemons["master"].log.read_text())
        filler.unlink()
        out, err = salt.communicate(timeout=90)
        assert salt.returncode == 0 and out.count("x") >= 300000, err
        assert lines(marks) == ["ran"]
    finally:
        lab.daemons["master"].stop()
        run(["umount", "-l", str(small)])


def test_a_wrong_clock_does_no_harm(lab: Lab):
    library = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
    if library is None:
        pytest.skip("libfaketime is not installed (Debian: apt-get install faketime)")
    os.environ.update(LD_PRELOAD=str(library), FAKETIME="-1h", FAKETIME_DONT_FAKE_MONOTONIC="1")
    try:
        lab.start_minion("late", heartbeat=1)
    finally:
        for name in ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC"):
            del os.environ[name]
    assert lab.results("late", "test.ping") == {"late": True}
    assert "clock" in lab.tail("late", 200)


def test_stopping_is_clean_and_leaves_no_process(one: Lab):
    lab = one
    for name in ("one", "master"):
        daemon = lab.daemons[name]
        pids = daemon.children()
        begin = time.monotonic()
        daemon.process.terminate()
        assert daemon.process.wait(20) in (0, -signal.SIGTERM), name
        assert time.monotonic() - begin < 6, f"{name} took {time.monotonic() - begin:.1f} s to stop"
        until(f"the end of all processes of {name}", lambda pids=pids: not any(map(_alive, pids)))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
