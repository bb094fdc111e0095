"""event: to the master, and to the minion's own daemon."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion import mailbox
from minion.errors import MasterUnreachable
from minion.loader import Loader


class Master:
    """Notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.there = True

    def request(self, cmd: str, **load: Any) -> Any:
        if not self.there:
            raise MasterUnreachable("gone")
        self.asked.append((cmd, load))
        return True


@pytest.fixture
def master(salt: Loader) -> Master:
    made = Master()
    salt.inject("__master__", made)
    salt.dunders["__opts__"]["file_client"] = "remote"
    return made


def test_to_the_master(salt: Loader, master: Master):
    assert salt["event.fire_master"]({"a": 1}, "my/tag") is True
    assert salt["event.fire_master"]("text", "my/tag", preload={"grains": {"x": 1}, "cmd": "evil"}) is True
    assert master.asked == [
        ("_minion_event", {"tag": "my/tag", "data": {"a": 1}, "pretag": None}),
        ("_minion_event", {"tag": "my/tag", "data": "text", "pretag": None, "grains": {"x": 1}}),
    ]


def test_master_that_is_gone(salt: Loader, master: Master):
    master.there = False
    assert salt["event.fire_master"]({}, "t") is False
    assert salt["event.send"]("t") is False
    assert salt["event.fire"]({}, "t") is False


def test_facts_about_the_minion(salt: Loader, master: Master):
    salt.dunders["__opts__"].update(saltenv="dev", pillarenv=None)
    salt.dunders["__pillar__"].update(color="blue", secret="x")
    os.environ["WIDGET"] = "7"
    assert salt["event.send"](
        "t",
        {"a": 1, "b": 2},
        with_env=["WIDGET"],
        with_grains=["os", "none"],
        with_pillar=["color"],
        with_env_opts=True,
        b=3,
        c=4,
    )
    del os.environ["WIDGET"]
    assert master.asked[0][1]["data"] == {
        "environ": {"WIDGET": "7"}, "grains": {"os": "Debian"}, "pillar": {"color": "blue"}, "saltenv": "dev",
        "pillarenv": None, "a": 1, "b": 2, "c": 4,
    }  # fmt: skip
    salt["event.send"]("t", with_env=True, with_grains=True, with_pillar=True)
    data = master.asked[1][1]["data"]
    assert data["environ"] == dict(os.environ) and data["grains"]["id"] == "box" and data["pillar"]["secret"] == "x"


def test_to_the_daemon(salt: Loader, master: Master):
    assert salt["event.fire"]({"a": 1}, "t") is True
    assert master.asked == [("__event", {"tag": "t", "data": {"a": 1}, "timeout": None})]


def test_without_a_master(salt: Loader, master: Master):
    salt.dunders["__opts__"]["file_client"] = "local"
    assert salt["event.fire_master"]({}, "t") is False
    assert salt["event.send"]("t", {"a": 1}) is True
    assert [cmd for cmd, _load in master.asked] == ["__event"]


def test_of_salt_call_goes_by_mail(salt: Loader, master: Master, tmp_path: Path):
    salt.dunders["__opts__"]["__cli"] = "salt-call"
    assert salt["event.fire"]({}, "t") is False
    mailbox.open_box(str(tmp_path / "cache"))
    import signal

    before = signal.signal(mailbox.WAKE, signal.SIG_IGN)
    assert salt["event.fire"]({"a": 1}, "t") is True
    signal.signal(mailbox.WAKE, before)
    assert mailbox.take(str(tmp_path / "cache")) == [("t", {"a": 1})]
    assert master.asked == []
