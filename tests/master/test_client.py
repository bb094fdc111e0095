"""LocalClient against a running control socket, hub and job store."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from master import control_client
from master.batch import Batch, Begun, size_of
from master.client import LocalClient
from master.errors import MasterDown, MasterGone, Refused, StoreError, TargetError
from minion.errors import SaltInvocationError
from tests.master.conftest import MakeLab
from tests.master.lab import SILENCE, Failed, Lab, find_job_running, obedient
from transports.messages import Job, Return


def client(lab: Lab, **opts: Any) -> LocalClient:
    return LocalClient(str(lab.conf_dir / "master")) if not opts else LocalClient(mopts=opts)


def silent(job: Job, name: str) -> Any:
    return SILENCE if job.fun == ("test.slow",) else obedient(job, name)


def test_cmd_returns_all_results_and_false_for_who_did_not_return(make_lab: MakeLab) -> None:
    lab = make_lab("web1", "web2", absent=["db1"])
    assert client(lab).cmd("*", "test.ping") == {"web1": True, "web2": True, "db1": False}
    assert lab.published[0].user == "root" and lab.published[0].tgt == "*"


def test_arguments_travel_in_salts_form(make_lab: MakeLab) -> None:
    lab = make_lab("web1")
    local = client(lab)
    result = local.cmd("web1", "test.arg", [1, "a=b", {"k": None}], kwarg={"name": "x"})["web1"]
    assert result == {"args": [1, "a=b", {"k": None}], "kwargs": {"name": "x", "__kwarg__": True}}
    both = local.cmd("web1", ["test.ping", "test.arg"], [[], ["x"]])
    assert both == {"web1": {"test.ping": True, "test.arg": {"args": ["x"], "kwargs": {}}}}
    assert lab.published[-1].several


def test_full_return_tells_retcode_jid_and_outputter(make_lab: MakeLab) -> None:
    lab = make_lab(web1=lambda job, name: Failed("no", 3, out="highstate"))
    local = client(lab)
    jid = "20260101000000000000"
    assert local.cmd("web1", "test.ping", jid=jid, full_return=True) == {
        "web1": {"ret": "no", "retcode": 3, "jid": jid, "out": "highstate"}
    }
    full = local.cmd_full_return("web1", "test.ping")["web1"]
    assert (full["ret"], full["retcode"], full["success"]) == ("no", 3, False)


def test_options_reach_the_minions(make_lab: MakeLab) -> None:
    lab = make_lab("web1")
    lab.data.store_grains("web1", {"a": {"b": "c"}})
    local = client(lab)
    local.cmd("a|b|c", "test.ping", tgt_type="grain", delimiter="|", ret="redis", metadata={"ticket": 7}, nonsense=1)
    job = lab.published[-1]
    assert (job.delimiter, job.ret, job.tgt_type, dict(job.options)) == (
        "|",
        "redis",
        "grain",
        {"metadata": {"ticket": 7}},
    )


def test_nobody_matches(make_lab: MakeLab) -> None:
    local = client(make_lab("web1"))
    assert local.cmd("nobody", "test.ping") == {}
    assert local.run_job("nobody", "test.ping") == {}
    assert local.cmd_async("nobody", "test.ping") == 0
    assert list(local.cmd_iter("nobody", "test.ping")) == [{}]
    assert list(local.cmd_cli("nobody", "test.ping")) == [{}]


def test_refusals_are_exceptions_that_say_what_is_wrong(make_lab: MakeLab) -> None:
    lab = make_lab("web1")
    local = client(lab)
    with pytest.raises(TargetError, match="pcre target '\\(' is wrong"):
        local.cmd("(", "test.ping", tgt_type="pcre")
    with pytest.raises(Exception, match="no function name"):
        local.cmd("web1", "no-function")
    jid = local.cmd_async("web1", "test.ping")
    with pytest.raises(StoreError, match=f"there is a job {jid} already"):
        local.cmd("web1", "test.ping", jid=jid)
    with pytest.raises(Refused, match="is not known"):
        list(local.get_iter_returns("20200101000000000000", ["web1"]))


def test_no_master_says_where_it_was_looked_for(make_lab: MakeLab, tmp_path: Any) -> None:
    local = client(make_lab(), sock_dir=str(tmp_path))
    with pytest.raises(MasterDown, match=rf"Is master running\? \({tmp_path}/control\.sock: No such file"):
        local.cmd("*", "test.ping")


def test_cmd_iter_yields_as_they_come(make_lab: MakeLab) -> None:
    lab = make_lab("web1", slow=silent)
    local = client(lab)
    answers = local.cmd_iter("*", "test.slow", yield_pub_data=True, timeout=30)
    head = next(answers)
    assert head["minions"] == ["slow", "web1"]
    assert next(answers)["web1"]["retcode"] == 1
    lab.answer(lab.published[-1], "slow", "late")
    assert next(answers) == {"slow": {"ret": "late", "retcode": 0, "jid": head["jid"]}}
    assert list(answers) == []


def test_cmd_iter_tells_failures_only_if_asked(make_lab: MakeLab) -> None:
    local = client(make_lab(absent=["db1"]))
    assert list(local.cmd_iter("*", "test.ping")) == []
    assert list(local.cmd_iter("*", "test.ping", expect_minions=True)) == [{"db1": {"failed": True}}]


def test_cmd_iter_raw_yields_events(make_lab: MakeLab) -> None:
    (event,) = client(make_lab("web1")).cmd_iter("*", "test.ping", raw=True)
    assert event["tag"].endswith("/ret/web1") and event["data"]["return"] is True


def test_cmd_iter_no_block_yields_none_meanwhile(make_lab: MakeLab) -> None:
    lab = make_lab(slow=silent)
    answers = client(lab).cmd_iter_no_block("*", "test.slow", timeout=30)
    assert next(answers) is None
    lab.answer(lab.published[-1], "slow", 1)
    rest = [answer for answer in answers if answer is not None]
    assert [answer["slow"]["ret"] for answer in rest] == [1]


def test_cmd_cli_says_what_became_of_everybody(make_lab: MakeLab) -> None:
    lab = make_lab("web1", absent=["db1"], works=find_job_running)
    lab.minions["slow"] = silent
    answers: dict[str, Any] = {}
    for answer in client(lab).cmd_cli("web1,db1,gone", "test.ping", tgt_type="list"):
        answers.update(answer)
    assert answers["web1"]["ret"] is True
    assert answers["db1"]["out"] == "no_return" and answers["db1"]["retcode"] == 1
    assert answers["db1"]["ret"].startswith("Minion did not return. [Not connected]")
    assert answers["db1"]["state"] == "undelivered"
    assert answers["gone"]["state"] == "not_accepted"


def test_returns_of_a_published_job_in_every_form(make_lab: MakeLab) -> None:
    lab = make_lab("web1", slow=silent)
    local = client(lab)
    jid = local.run_job("*", "test.slow")["jid"]
    lab.answer(lab.published[-1], "slow", "late")
    assert local.get_returns(jid, ["web1", "slow"]) == {"web1": "'test.slow' is not available.", "slow": "late"}
    assert local.get_full_returns(jid, {"slow"}) == {"slow": {"ret": "late"}}
    assert local.get_cache_returns(jid)["slow"] == {"ret": "late"}
    assert list(local.get_cli_returns(jid, ["slow"])) == [{"slow": {"ret": "late"}}]
    assert list(local.get_event_iter_returns(jid, "slow")) == [{"slow": {"ret": "late"}}]
    assert list(local.get_iter_returns(jid, ["slow"])) == [{"slow": {"ret": "late", "retcode": 0, "jid": jid}}]


def test_gather_job_info_asks_the_minions(make_lab: MakeLab) -> None:
    lab = make_lab(works=find_job_running)
    local = client(lab)
    info = local.gather_job_info("20260101000000000000", ["works"], "list")
    assert info["minions"] == ["works"]
    assert local.get_returns(info["jid"], ["works"])["works"]["jid"] == "20260101000000000000"


def test_cmd_subset_chooses_minions_that_have_the_function(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b", "c", other=lambda job, name: [] if job.fun == ("sys.list_functions",) else True)
    local = client(lab)
    for _ in range(5):
        chosen = set(local.cmd_subset("*", "test.ping", subset=2))
        assert len(chosen) == 2 and chosen <= {"a", "b", "c"}
    assert set(local.cmd_subset("*", "test.ping", subset=9)) == {"a", "b", "c"}
    assert {name for answer in local.cmd_subset("*", "test.ping", sub=1, cli=True) for name in answer} < {"a", "b", "c"}


# -------------------------------------------------------------------- batches


@pytest.mark.parametrize(
    ("batch", "size"), [("10%", 1), ("2%", 1), ("100%", 15), (3, 3), ("7", 7), ("0", 1), ("%50", 7)]
)
def test_the_size_of_a_batch(batch: Any, size: int) -> None:
    assert size_of(batch, 15) == size


def test_a_wrong_size_of_a_batch() -> None:
    with pytest.raises(SaltInvocationError, match="Invalid batch specification 'x'"):
        size_of("x", 3)


def test_a_batch_never_runs_on_more_minions_than_it_may(make_lab: MakeLab) -> None:
    running: list[str] = []
    most = []

    def work(job: Job, name: str) -> Any:
        def finish() -> None:
            running.remove(name)
            lab.send_return(job, name, True)

        running.append(name)
        most.append(len(running))
        lab.later(0.01 if name == "m1" else 0.03, finish)
        return SILENCE

    names = [f"m{number}" for number in range(7)]
    lab = make_lab(**dict.fromkeys(names, work))
    local = client(lab)
    batch = Batch(names, 3, lambda chosen: local.start(chosen, "test.slow", [], "list", timeout=30))
    items = list(batch)
    begun = [item.minions for item in items if isinstance(item, Begun)]
    assert begun[0] == ("m0", "m1", "m2") and begun[1] == ("m3",)
    assert [name for minions in begun for name in minions] == names
    assert sorted(item.id for item in items if isinstance(item, Return)) == names
    assert max(most) == 3


def test_cmd_batch_leaves_out_who_does_not_answer_a_ping(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b", "c", absent=["gone"])
    answers: dict[str, Any] = {}
    for answer in client(lab).cmd_batch("*", "test.arg", [1], batch="50%"):
        answers.update(answer)
    assert sorted(answers) == ["a", "b", "c"] and answers["a"]["args"] == [1]
    assert sorted(name for job in lab.published if job.fun == ("test.arg",) for name in job.tgt) == ["a", "b", "c"]


def test_failhard_ends_a_batch(make_lab: MakeLab) -> None:
    names = ["a", "b", "c"]
    lab = make_lab(*names)
    answers = list(client(lab).cmd_batch("*", "test.fail", batch=1, failhard=True))
    assert len(answers) == 1
    assert len([job for job in lab.published if job.fun == ("test.fail",)]) == 1


def test_batch_wait_keeps_a_slot_empty_for_a_while(make_lab: MakeLab) -> None:
    lab = make_lab("a", "b")
    began = time.monotonic()
    list(client(lab).cmd_batch("*", "test.ping", batch=1, batch_wait=0.3))
    assert 0.3 <= time.monotonic() - began < 3
    began = time.monotonic()
    list(client(lab).cmd_batch("*", "test.ping", batch=2, batch_wait=5))
    assert time.monotonic() - began < 3


# ------------------------------------------------------------------ events


def test_events_are_heard_and_fired(make_lab: MakeLab) -> None:
    local = client(make_lab("web1"))
    local.event.subscribe()
    assert local.event.fire_event({"x": 1}, "my/tag") is True
    event = local.event.get_event(5, "my/", full=True)
    assert event["tag"] == "my/tag" and event["data"]["x"] == 1
    assert local.event.get_event(0.05, "other/") is None
    jid = local.cmd_async("web1", "test.ping")
    assert local.event.get_event(5, f"salt/job/{jid}/ret/")["return"] is True
    local.destroy()


def test_a_master_that_ends_ends_the_stream_of_events(make_lab: MakeLab) -> None:
    lab = make_lab()
    local = client(lab)
    local.event.subscribe()
    threading.Timer(0.05, lab.stop).start()
    with pytest.raises(MasterDown):
        next(local.event.iter_events("my/"))


# ------------------------------------------------------------ a lost master


def test_a_job_is_followed_over_a_restart_of_the_master(make_lab: MakeLab) -> None:
    lab = make_lab("web1", slow=silent)
    with client(lab).start("*", "test.slow", timeout=30) as following:
        first = following.next()
        assert first is not None and first.id == "web1"
        lab.stop()
        lab.start()
        threading.Timer(0.2, lab.answer, (lab.published[0], "slow", "late")).start()
        second = following.next()
        assert second is not None and second.id == "slow"
        assert following.next() is None
        assert repr(following).endswith("0 of 2 open>")


def test_a_master_that_stays_away_is_gone(make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_client, "RECONNECT_SECONDS", 0.3)
    lab = make_lab(slow=silent)
    with client(lab).start("*", "test.slow", timeout=30) as following:
        lab.stop()
        with pytest.raises(MasterGone, match=f"jid {following.jid}.*salt-run jobs.lookup_jid {following.jid}"):
            following.next()
