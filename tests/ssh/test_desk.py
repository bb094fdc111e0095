"""What a hostile host may say: nothing but its own return, once, for a job that it was given."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from master import config
from master.jobstore import JobRecord, SQLiteJobStore
from master.miniondata import MinionData
from master.services import services_of
from ssh.bus import MasterBus
from ssh.desk import Desk, Jobs
from transports.messages import Job, Peer, Request, Return

JID = "20261120000000000001"


class Here:
    """A desk with one job for `one` and `two`."""

    def __init__(self, folder: Path) -> None:
        settings = config.load(str(folder / "master"), {"root_dir": str(folder), "cachedir": str(folder / "cache")})
        self.store = SQLiteJobStore(str(folder / "jobs.db"))
        self.returned: list[Return] = []
        self.unmatched: list[tuple[str, str]] = []
        self.jobs = Jobs()
        data = MinionData(str(folder / "by_minion"))
        services = services_of(
            settings, data, lambda: ["one", "two"], self.store, MasterBus(str(folder / "none")), self.jobs
        )
        self.data = data
        self.desk = Desk(
            services, self.store, self.jobs, self.returned.append, lambda *told: self.unmatched.append(told)
        )
        record = JobRecord(Job(JID, ("test.ping",), ((),), "os:*", "grain"), 0.0, ("one", "two"))
        self.store.add_job(record)
        self.jobs.begin(record.job, record.minions)

    def ask(self, who: str, cmd: str, **load: Any) -> Any:
        return asyncio.run(self.desk(Peer(who, road="ssh"), Request(cmd, load)))

    def give_back(self, who: str, value: Any = True, **fields: Any) -> Any:
        load = {
            "jid": JID,
            "fun": "test.ping",
            "fun_args": [],
            "return": value,
            "retcode": 0,
            "success": True,
            **fields,
        }
        return self.ask(who, "_return", **load)


@pytest.fixture
def here(tmp_path: Path) -> Here:
    return Here(tmp_path)


def test_a_return_is_stored_then_told_of(here: Here) -> None:
    here.give_back("one", id="two")
    assert [(one.id, one.value) for one in here.returned] == [("one", True)], "whatever id it claims"
    assert here.store.return_of(JID, "one") is not None and here.store.return_of(JID, "two") is None


def test_one_return_each(here: Here) -> None:
    here.give_back("one", "first")
    here.give_back("one", "second")
    assert [one.value for one in here.returned] == ["first"]


@pytest.mark.parametrize(
    "fields", [{"jid": "20261120000000000002"}, {"fun": "cmd.run"}, {"jid": "../etc"}, {"fun": ["test.ping", "x.y"]}]
)
def test_what_was_not_asked_is_dropped(fields: dict[str, Any], here: Here) -> None:
    here.give_back("one", **fields)
    here.give_back("stranger")
    assert here.returned == []


def test_unmatched_is_believed_of_oneself_only(here: Here) -> None:
    here.ask("stranger", "_unmatched", jid=JID)
    here.ask("one", "_unmatched", jid="nonsense")
    here.ask("one", "_unmatched", jid=JID)
    here.ask("one", "_unmatched", jid=JID)
    assert here.unmatched == [(JID, "one")]
    here.give_back("one")
    assert here.returned == []


def test_a_host_has_no_say_in_targets_by_name(here: Here) -> None:
    here.jobs.begin(Job(JID, ("test.ping",), ((),), "*"), ["one"])
    here.ask("one", "_unmatched", jid=JID)
    assert here.unmatched == [] and here.jobs.expects(JID, "one")


def test_the_request_table_decides(here: Here) -> None:
    assert here.ask("one", "_file_envs") == ["base"]
    assert here.ask("one", "no_such_command") == {}
    assert not here.ask("one", "_serve_file", path="../../etc/passwd", saltenv="base")["data"]
    here.ask("one", "_minion_event", tag="x", data={}, grains={"id": "two", "os": "Evil"})
    assert here.data.grains("one") == {"id": "one", "os": "Evil"} and here.data.grains("two") is None
    assert here.ask("one", "_mine", data={"test.ping": True}) is True
    assert here.ask("two", "_mine_get", tgt="*", fun="test.ping") == {"one": True}


def test_slow_requests_hold_up_nobody(here: Here) -> None:
    async def both() -> list[str]:
        done: list[str] = []

        async def ask(name: str, cmd: str, **load: Any) -> None:
            await here.desk(Peer("one", road="ssh"), Request(cmd, load))
            done.append(name)

        await asyncio.gather(ask("pillar", "_pillar", grains={}), ask("files", "_file_envs"))
        return done

    assert asyncio.run(both()) == ["files", "pillar"]
