"""mine: what is stored, where, and for whom."""

from __future__ import annotations

from typing import Any

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader


class Master:
    """Notes what it is asked; answers what it was given to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = True

    def request(self, cmd: str, **load: Any) -> Any:
        self.asked.append((cmd, load))
        return self.answer


@pytest.fixture
def master(salt: Loader) -> Master:
    made = Master()
    salt.inject("__master__", made)
    salt.dunders["__opts__"].update(file_client="remote", mine_functions={})
    return made


FUNCTIONS = {
    "test.ping": [],
    "greeting": [{"mine_function": "test.echo"}, "hello"],
    "named": {"mine_function": "test.echo", "text": "hi"},
    "guarded": [{"mine_function": "test.ping"}, {"allow_tgt": "web*"}, {"allow_tgt_type": "glob"}],
    "no.such": [],
    "test.exception": [],
}
VALUES = {
    "test.ping": True,
    "greeting": "hello",
    "named": "hi",
    "guarded": {"__saltmine_acl__": 1, "__data__": True, "allow_tgt": "web*", "allow_tgt_type": "glob"},
}


def test_update(salt: Loader, master: Master):
    assert salt["mine.update"](mine_functions=FUNCTIONS) is True
    assert master.asked == [("_mine", {"data": VALUES, "clear": False})]


def test_update_of_what_is_configured(salt: Loader, master: Master):
    assert salt["mine.update"]() is None
    salt.dunders["__opts__"]["mine_functions"] = {"test.ping": []}
    salt.dunders["__pillar__"]["mine_functions"] = {"test.echo": ["x"]}
    salt["mine.update"](clear=True)
    assert master.asked == [("_mine", {"data": {"test.ping": True, "test.echo": "x"}, "clear": True})]


def test_update_by_names(salt: Loader, master: Master):
    salt["mine.update"](mine_functions=["test.ping"])
    assert master.asked[0][1]["data"] == {"test.ping": True}
    assert salt["mine.update"](mine_functions="odd") is None


def test_stock_master_that_stumbles_over_clear(salt: Loader, master: Master):
    master.answer = ""
    assert salt["mine.update"](clear=True, mine_functions=["test.ping"]) is True
    assert salt["mine.update"](mine_functions=["test.ping"]) is False


def test_send(salt: Loader, master: Master):
    assert salt["mine.send"]("test.echo", "x") is True
    assert salt["mine.send"]("alias", mine_function="test.echo", text="y", __pub_jid="1", allow_tgt="w*") is True
    assert salt["mine.send"]("test.exception") is False
    assert [load["data"] for _cmd, load in master.asked] == [
        {"test.echo": "x"},
        {"alias": {"__saltmine_acl__": 1, "__data__": "y", "allow_tgt": "w*"}},
    ]


def test_get(salt: Loader, master: Master):
    master.answer = {"box": 1, "other": 2}
    assert salt["mine.get"]("*", "test.ping") == {"box": 1, "other": 2}
    assert salt["mine.get"]("*", "test.ping", "glob", exclude_minion=True) == {"other": 2}
    assert master.asked[0] == ("_mine_get", {"tgt": "*", "fun": "test.ping", "tgt_type": "glob"})
    master.answer = ""
    with pytest.raises(CommandExecutionError):
        salt["mine.get"]("*", "test.ping")


def test_delete_and_flush(salt: Loader, master: Master):
    assert salt["mine.delete"]("test.ping") is True and salt["mine.flush"]() is True
    assert master.asked == [("_mine_delete", {"fun": "test.ping"}), ("_mine_flush", {})]


def test_valid(salt: Loader, master: Master):
    assert salt["mine.valid"]() is None
    salt.dunders["__opts__"]["mine_functions"] = FUNCTIONS
    assert salt["mine.valid"]() == {
        "test.ping": [],
        "greeting": {"test.echo": ["hello"]},
        "named": {"test.echo": [{"text": "hi"}]},
        "guarded": {"test.ping": []},
        "test.exception": [],
    }


class TestWithoutMaster:
    def test_is_kept_here(self, salt: Loader):
        assert salt["mine.send"]("test.ping") is True
        assert salt["mine.send"]("guarded", mine_function="test.ping", allow_tgt="x") is True
        assert salt["mine.get"]("*", "test.ping") == {"box": True}
        assert salt["mine.get"]("*", "guarded,test.ping,none") == {"guarded": {"box": True}, "test.ping": {"box": True}}
        assert salt["mine.get"]("*", ["test.ping"]) == {"test.ping": {"box": True}}
        assert salt["mine.get"]("other", "test.ping") == {} == salt["mine.get"]("*", "none")

    def test_delete_and_flush(self, salt: Loader):
        for name in ("a", "b"):
            salt["mine.send"](name, mine_function="test.ping")
        salt["mine.delete"]("a")
        assert salt["mine.get"]("*", "a") == {} and salt["mine.get"]("*", "b") == {"box": True}
        salt["mine.flush"]()
        assert salt["mine.get"]("*", "b") == {}

    def test_clear(self, salt: Loader):
        salt["mine.update"](mine_functions=["test.ping"])
        salt["mine.update"](clear=True, mine_functions={"test.echo": ["x"]})
        assert salt["mine.get"]("*", "test.ping") == {}


def test_docker(salt: Loader, master: Master):
    container = {
        "Image": "web", "Info": {"Id": "c1"},
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080},
            {"IP": "10.0.0.9", "PrivatePort": 443, "PublicPort": 8443},
            {"PrivatePort": 22},
        ],
    }  # fmt: skip
    interfaces = {"eth0": {"inet": [{"address": "10.0.0.1"}]}, "eth1": {"inet": [{"address": "192.168.0.1"}]}, "lo": {}}

    def found(*args: Any, **kwargs: Any) -> Any:
        master.answer = {"h1": {"c1": container, "host": {"interfaces": interfaces}}}
        return salt["mine.get_docker"](*args, **kwargs)

    both = {80: ["10.0.0.1:8080", "192.168.0.1:8080"], 443: ["10.0.0.9:8443"]}
    assert found() == {"web": {"ipv4": both}}
    assert found("eth0") == {"web": {"ipv4": {80: ["10.0.0.1:8080"], 443: ["10.0.0.9:8443"]}}}
    assert found(cidrs="192.168.0.0/16")["web"]["ipv4"][80] == ["192.168.0.1:8080"]
    assert found("eth0", with_container_id=True)["web"]["ipv4"][80] == [("10.0.0.1:8080", "c1")]
