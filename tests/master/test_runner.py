"""RunnerClient: runs, their events, what is kept of them."""

from __future__ import annotations

from typing import Any

import pytest

from master.config import load
from master.runner import RunnerClient
from tests.master.conftest import MakeLab
from tests.master.lab import Lab
from transports.errors import NameRefused


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    return make_lab("a")


@pytest.fixture
def runner(lab: Lab) -> Any:
    with RunnerClient(load(str(lab.conf_dir / "master")).opts()) as client:
        yield client


def write_runner(lab: Lab, text: str) -> None:
    folder = lab.cachedir / "extmods" / "runners"
    folder.mkdir(parents=True)
    (folder / "own.py").write_text(text)


def test_results_in_every_form(runner: RunnerClient) -> None:
    expected = {"args": [1], "kwargs": {"a": 2, "b": True}}
    assert runner.cmd("test.arg", [1, "a=2"], kwarg={"b": True}) == expected
    assert runner.cmd_sync({"fun": "test.arg", "arg": [1], "kwarg": {"a": 2}, "b": True}) == expected
    full = runner.cmd("test.arg", [1], full_return=True)
    assert full["return"]["args"] == [1] and full["success"] is True and full["fun"] == "runner.test.arg"
    assert full["user"] == "root" and len(full["jid"]) == 20


def test_a_run_is_announced_and_its_result_is_kept(runner: RunnerClient, lab: Lab) -> None:
    run = runner.run("test.arg", [1], {"a": 2}, user="kim")
    assert [tag for tag in lab.events if tag.startswith("salt/run/")] == [
        f"salt/run/{run.jid}/new",
        f"salt/run/{run.jid}/ret",
    ]
    record = lab.store.job(run.jid)
    assert record is not None and record.job.fun == ("runner.test.arg",) and record.job.user == "kim"
    (returned,) = lab.store.returns(run.jid)
    assert returned.id == runner.opts["id"] and returned.value["return"] == {"args": [1], "kwargs": {"a": 2}}


def test_what_only_reads_the_store_is_not_kept_in_it(runner: RunnerClient, lab: Lab) -> None:
    runner.cmd("jobs.list_jobs")
    assert list(lab.store.find()) == []


def test_failures_are_results(runner: RunnerClient, lab: Lab) -> None:
    assert runner.cmd("test.nosuch") == "'test.nosuch' is not available."
    assert runner.cmd("test.sleep", ["x"]).startswith("Exception occurred in runner test.sleep: Traceback")
    assert runner.cmd("jobs.lookup_jid").startswith("\nPassed invalid arguments: missing a required argument: 'jid'")
    assert "nope=1" in runner.cmd("jobs.active", ["nope=1"])
    run = runner.run("error.error", [], {"name": "ValueError"})
    assert (run.retcode, run.success) == (1, False)
    returned = lab.store.return_of(run.jid, runner.opts["id"])
    assert returned is not None and not returned.ok


def test_a_runner_sees_what_runners_see(runner: RunnerClient, lab: Lab) -> None:
    write_runner(
        lab,
        "def look():\n"
        "    __context__['retcode'] = 3\n"
        "    __jid_event__.fire_event({'n': 1}, 'step')\n"
        "    return [__jid__, __user__, __tag__, __salt__['test.arg'](1)['args'], __opts__['timeout']]\n"
        "def fine():\n    return True\n",
    )
    run = runner.run("own.look", [], {}, user="kim")
    assert run.value == [run.jid, "kim", f"salt/run/{run.jid}", [1], 0.3]
    assert run.retcode == 3 and f"salt/run/{run.jid}/step" in lab.events
    assert runner.run("own.fine", [], {}).retcode == 0


def test_a_runner_in_the_background(runner: RunnerClient, lab: Lab) -> None:
    with lab.news:
        started = runner.cmd_async({"fun": "salt.execute", "arg": ["a", "test.ping"]})
        assert started["tag"] == f"salt/run/{started['jid']}"
        assert lab.news.wait_for(lambda: bool(lab.published), 20)
        assert lab.news.wait_for(lambda: f"{started['tag']}/ret" in lab.events, 20)
    assert runner.functions["test.arg"](1)["args"] == [1]


def test_without_a_master_runners_run_all_the_same(runner: RunnerClient, lab: Lab) -> None:
    lab.stop()
    assert runner.cmd("test.arg", [1])["args"] == [1]
    assert "Is master running?" in runner.cmd("manage.up")


def test_without_a_job_store_runners_run_all_the_same(runner: RunnerClient, lab: Lab) -> None:
    (lab.cachedir / "jobs").write_text("in the way")
    run = runner.run("test.arg", [1], {})
    assert run.success and len(run.jid) == 20
    assert "can't be used" in runner.cmd("jobs.list_jobs")


def test_a_job_id_is_checked(runner: RunnerClient, lab: Lab) -> None:
    with pytest.raises(NameRefused):
        runner.run("test.arg", [], {}, jid="../../evil")
    assert not list(lab.root.rglob("evil"))


def test_documentation(runner: RunnerClient) -> None:
    docs = runner.get_docs("test.a")
    assert list(docs) == ["test.arg"] and ".. code-block" not in docs["test.arg"]
