"""The runner `jobs` over a real job store."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import msgpack
import pytest

from master.jobstore import JobRecord, SQLiteJobStore
from master.runner import Run, RunnerClient
from tests.master.conftest import MakeLab
from tests.master.lab import SILENCE
from transports.messages import Job, Return

DAY1, DAY2, DAY3 = "20240101120000000000", "20240102120000000000", "20240103120000000000"


@pytest.fixture
def opts(tmp_path: Path) -> dict[str, Any]:
    store = SQLiteJobStore(str(tmp_path / "jobs" / "jobs.db"))
    ping = Job(DAY1, ("test.ping",), ((),), "web*", user="kim")
    asks = Job(DAY2, ("saltutil.find_job",), ((DAY1,),), ("web1",), "list")
    state = Job(DAY3, ("state.apply",), (("nginx", {"__kwarg__": True, "test": True}),), "*",
                options={"metadata": {"ticket": 7}})  # fmt: skip
    store.add_job(JobRecord(ping, 1.0, ("web1", "web2", "web3"), ("web9",)))
    store.add_job(JobRecord(asks, 2.0, ("web1",)))
    store.add_job(JobRecord(state, 3.0, ("db1", "web1")))
    store.add_returns(
        [
            Return(DAY1, "web1", "test.ping", [], True, 0, True),
            Return(DAY1, "web2", "test.ping", [], "no", 1, False),
            Return(DAY3, "db1", "state.apply", ["nginx"], {"state": 1}, 0, True, "highstate"),
        ]
    )
    store.add_verdicts(DAY1, {"web3": "undelivered"})
    store.close()
    return {
        "cachedir": str(tmp_path),
        "sock_dir": str(tmp_path),
        "extension_modules": str(tmp_path / "ext"),
        "timeout": 1,
    }


def run(opts: dict[str, Any], fun: str, *args: Any, **kwargs: Any) -> Run:
    with RunnerClient(opts) as client:
        return client.run(fun, args, kwargs)


def value(opts: dict[str, Any], fun: str, *args: Any, **kwargs: Any) -> Any:
    made = run(opts, fun, *args, **kwargs)
    assert made.success, made.value
    return made.value


def test_list_job(opts: dict[str, Any]) -> None:
    assert value(opts, "jobs.list_job", DAY1) == {
        "jid": DAY1,
        "Function": "test.ping",
        "Arguments": [],
        "Target": "web*",
        "Target-type": "glob",
        "User": "kim",
        "StartTime": "2024, Jan 01 12:00:00.000000",
        "Minions": ["web1", "web2", "web3"],
        "Result": {
            "web1": {"return": True, "retcode": 0, "success": True},
            "web2": {"return": "no", "retcode": 1, "success": False},
        },
    }
    shown = value(opts, "jobs.print_job", DAY3)[DAY3]
    assert shown["Metadata"] == {"ticket": 7} and shown["Result"]["db1"]["out"] == "highstate" and "jid" not in shown


def test_a_job_id_may_come_as_a_number(opts: dict[str, Any]) -> None:
    assert value(opts, "jobs.exit_success", int(DAY1)) == {"web1": True, "web2": False, "web3": False}


def test_lookup_jid(opts: dict[str, Any]) -> None:
    assert value(opts, "jobs.lookup_jid", DAY1) == {"web1": True, "web2": "no"}
    assert value(opts, "jobs.lookup_jid", DAY1, returned=False, missing=True) == {
        "web3": "Minion did not return [undelivered]",
        "web9": "Minion did not return",
    }
    assert value(opts, "jobs.lookup_jid", DAY3) == {"outputter": "highstate", "data": {"db1": {"state": 1}}}


def test_what_is_not_known_is_said(opts: dict[str, Any]) -> None:
    other = "20240105120000000000"
    failed = run(opts, "jobs.lookup_jid", other)
    assert not failed.success and "Cannot contact returner or no job with this jid" in failed.value
    assert value(opts, "jobs.list_job", other)["Error"] == "Cannot contact returner or no job with this jid"
    assert not run(opts, "jobs.exit_success", other).success
    assert "is no job id" in run(opts, "jobs.lookup_jid", "../etc").value


def test_list_jobs_finds_what_fits(opts: dict[str, Any]) -> None:
    def found(**kwargs: Any) -> list[str]:
        return sorted(value(opts, "jobs.list_jobs", **kwargs))

    assert found() == [DAY1, DAY2, DAY3]
    assert found(search_function="test.*,state.apply") == [DAY1, DAY3]
    assert found(search_function=["saltutil.*"]) == [DAY2]
    assert found(search_target="web2") == [DAY1]
    assert found(search_metadata={"ticket": 7, "other": 1}) == [DAY3]
    assert found(limit=1) == [DAY3]
    assert found(limit=1, offset=1) == [DAY2]
    assert value(opts, "jobs.list_jobs", outputter="json")["outputter"] == "json"
    assert "must be a dictionary" in run(opts, "jobs.list_jobs", search_metadata="x").value


@pytest.mark.parametrize(
    "written",
    [
        "2024, Jan 02 12:00",
        "2024-01-02 12:00",
        "2024-01-02T12:00:00+00:00",
        "20240102120000000000",
        "2024-01-02 12:00:00.0",
    ],
)
def test_times_in_many_ways(opts: dict[str, Any], written: str) -> None:
    assert sorted(value(opts, "jobs.list_jobs", start_time=written)) == [DAY2, DAY3]
    assert sorted(value(opts, "jobs.list_jobs", end_time=written)) == [DAY1, DAY2]


def test_a_time_that_is_none(opts: dict[str, Any]) -> None:
    assert "'tomorrowish' is no time" in run(opts, "jobs.list_jobs", start_time="tomorrowish").value


def test_the_newest_jobs(opts: dict[str, Any]) -> None:
    assert [job["JID"] for job in value(opts, "jobs.list_jobs_filter", 5)] == [DAY3, DAY1]
    assert [job["JID"] for job in value(opts, "jobs.list_jobs_filter", 2, filter_find_job=False)] == [DAY3, DAY2]
    assert list(value(opts, "jobs.last_run")) == [DAY3]
    assert list(value(opts, "jobs.last_run", function="test.*")) == [DAY1]
    assert value(opts, "jobs.last_run", target="nobody") is False


def test_progress_is_told(opts: dict[str, Any]) -> None:
    told: list[Any] = []
    with RunnerClient(opts) as client:
        client.run("jobs.lookup_jid", [DAY1], {"display_progress": True}, show=told.append)
    assert told == [
        {"event": {"message": "web1"}, "suffix": "progress"},
        {"event": {"message": "web2"}, "suffix": "progress"},
    ]


def test_active_jobs(make_lab: MakeLab) -> None:
    def behave(job: Job, name: str) -> Any:
        if job.fun == ("saltutil.running",):
            return [
                {"jid": lab.published[0].jid, "fun": "test.slow", "arg": [1], "tgt": "*", "pid": 42, "user": "root"}
            ]
        return True if name == "b" else SILENCE

    lab = make_lab(a=behave, b=behave)
    with RunnerClient({**_lab_opts(lab)}) as client:
        from master.client import LocalClient

        jid = LocalClient(mopts=_lab_opts(lab)).run_job("*", "test.slow", [1])["jid"]
        LocalClient(mopts=_lab_opts(lab)).get_returns(jid, ["b"])
        found = client.cmd("jobs.active")
    assert list(found) == [jid]
    assert sorted(map(str, found[jid]["Running"])) == ["{'a': 42}", "{'b': 42}"]
    assert found[jid]["Returned"] == ["b"] and found[jid]["Function"] == "test.slow"


def _lab_opts(lab: Any) -> dict[str, Any]:
    return {"cachedir": str(lab.cachedir), "sock_dir": str(lab.sock_dir), "extension_modules": "/nowhere", "timeout": 1}


def test_running_runners(opts: dict[str, Any], tmp_path: Path) -> None:
    def note(jid: str, pid: int) -> None:
        (tmp_path / "proc" / jid).write_bytes(msgpack.packb({"jid": jid, "fun": "runner.test.sleep", "pid": pid}))

    (tmp_path / "proc").mkdir()
    ended = subprocess.Popen(["true"])
    ended.wait()
    note(DAY1, os.getpid())
    note(DAY2, ended.pid)
    (tmp_path / "proc" / DAY3).write_bytes(b"garbage")
    running = value(opts, "jobs.master")
    assert [job["fun"] for job in running] == ["runner.test.sleep", "runner.jobs.master"]
    assert sorted(path.name for path in (tmp_path / "proc").iterdir()) == [DAY1, DAY2, DAY3]
