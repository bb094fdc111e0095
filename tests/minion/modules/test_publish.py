"""publish: minions that run functions on others."""

from __future__ import annotations

from typing import Any

import pytest

from minion.errors import MasterUnreachable, SaltInvocationError
from minion.loader import Loader


class Master:
    """A stock master, which has to be polled, or one of ours."""

    def __init__(self, own: bool = False) -> None:
        self.own = own
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.allowed = True
        self.polls: list[dict[str, Any]] = []

    def request(self, cmd: str, **load: Any) -> Any:
        self.asked.append((cmd, load))
        if cmd == "__own":
            return self.own
        if cmd == "pub_ret":
            return self.polls.pop(0) if self.polls else {}
        if not self.allowed:
            return {}
        return {"a": 1} if cmd in ("minion_publish", "minion_runner") else {"jid": "7", "minions": ["a", "b"]}


@pytest.fixture
def master(salt: Loader) -> Master:
    made = Master()
    salt.inject("__master__", made)
    salt.dunders["__opts__"].update(file_client="remote", master="10.0.0.1")
    return made


def test_polls_a_stock_master_until_all_are_there(salt: Loader, master: Master):
    master.polls = [{}, {"a": {"ret": 1}}, {"a": {"ret": 1}, "b": {"ret": [2]}}]
    assert salt["publish.publish"]("*", "test.echo", "x") == {"a": 1, "b": [2]}
    (_own, (cmd, load), *polls) = master.asked
    assert cmd == "minion_pub" and polls == [("pub_ret", {"jid": "7"})] * 3
    assert (load["tgt"], load["fun"], load["arg"], load["tgt_type"], load["form"]) == (
        "*",
        "test.echo",
        ["x"],
        "glob",
        "clean",
    )


def test_full_data(salt: Loader, master: Master):
    master.polls = [{"a": {"ret": 1, "out": "nested"}, "b": {"ret": 2}}]
    assert salt["publish.full_data"]("*", "test.ping") == {"a": {"ret": 1, "out": "nested"}, "b": {"ret": 2}}


def test_what_is_there_when_the_time_is_up(salt: Loader, master: Master):
    master.polls = [{"a": {"ret": 1}}]
    assert salt["publish.publish"]("*", "test.ping", timeout=0) == {"a": 1}


def test_own_master_answers_at_once(salt: Loader, master: Master):
    master.own = True
    assert salt["publish.publish"]("os:Debian", "test.ping", tgt_type="grain", timeout=3) == {"a": 1}
    assert [cmd for cmd, _load in master.asked] == ["__own", "minion_publish"]


@pytest.mark.parametrize(
    ("arg", "wire"), [(None, []), ("[1, a]", [1, "a"]), ("a=b", ["a=b"]), (5, [5]), (["x"], ["x"])]
)
def test_arguments(salt: Loader, master: Master, arg: Any, wire: list[Any]):
    master.polls = [{"a": {"ret": 1}, "b": {"ret": 2}}]
    salt["publish.publish"]("*", "test.ping", arg)
    assert master.asked[1][1]["arg"] == wire


def test_not_allowed(salt: Loader, master: Master):
    master.allowed = False
    assert salt["publish.publish"]("*", "test.ping") == {}


def test_no_loops(salt: Loader, master: Master):
    assert salt["publish.publish"]("*", "publish.publish") == {} and master.asked == []


def test_master_that_is_gone(salt: Loader, master: Master):
    def gone(cmd: str, **load: Any) -> Any:
        raise MasterUnreachable("gone")

    master.request = gone  # type: ignore[method-assign]
    assert salt["publish.publish"]("*", "test.ping") == "'test.ping' publish timed out"
    assert salt["publish.runner"]("manage.up") == "'manage.up' runner publish timed out"


def test_runner(salt: Loader, master: Master):
    assert salt["publish.runner"]("manage.up", "x", timeout=9) == {"a": 1}
    (cmd, load) = master.asked[0]
    assert (cmd, load["fun"], load["arg"], load["tmo"]) == ("minion_runner", "manage.up", ["x"], 9)


def test_without_a_master(salt: Loader, master: Master):
    salt.dunders["__opts__"]["local"] = True
    assert salt["publish.publish"]("*", "test.ping") == {}
    assert salt["publish.runner"]("manage.up") == "No access to master. If using salt-call with --local, please remove."
    assert master.asked == []


def test_named_master(salt: Loader, master: Master):
    master.polls = [{"a": {"ret": 1}, "b": {"ret": 2}}]
    assert salt["publish.publish"]("*", "test.ping", via_master="10.0.0.1") == {"a": 1, "b": 2}
    with pytest.raises(SaltInvocationError, match="via_master"):
        salt["publish.publish"]("*", "test.ping", via_master="10.0.0.2")
