"""What a host may ask for while it is deployed: wheels, and to return what it was asked for, once."""

from __future__ import annotations

import asyncio
import itertools
from types import SimpleNamespace

import pytest

from ssh.deploy.target import Desk
from ssh.errors import DiskFull, StepFailed
from transports.errors import RequestRefused
from transports.messages import Peer, Request

numbers = itertools.count(20261120000000000000)


class Wheels:
    """Serves one wheel."""

    def chunk(self, minion_id, sha256, offset):
        return {"data": b"x" * 10, "size": 10} if sha256 == "a" * 64 else {"data": "", "size": -1}


@pytest.fixture
def desk():
    return Desk(SimpleNamespace(wheels=Wheels()), lambda: str(next(numbers)))


def ask(desk, minion_id, cmd, **load):
    return asyncio.run(desk(Peer(minion_id, road="ssh"), Request(cmd, load)))


def returned(asked, value=True, **more):
    return {"jid": asked.job.jid, "fun": asked.job.fun[0], "fun_args": [], "return": value, "retcode": 0, **more}


def test_a_host_returns_what_it_was_asked_for_once(desk):
    asked = desk.ask("web1", "deploy.probe", {"prefix": "/opt", "grains": None})
    assert asked.job.arg == (({"prefix": "/opt", "__kwarg__": True},),)
    ask(desk, "web2", "_return", **returned(asked, "forged by another host"))
    ask(desk, "web1", "_return", **returned(asked, "forged", fun="deploy.start"))
    ask(desk, "web1", "_return", jid="nonsense")
    assert not asked.answered.is_set()
    ask(desk, "web1", "_return", **returned(asked, {"uid": 0}))
    ask(desk, "web1", "_return", **returned(asked, {"uid": 1}))
    assert asked.answered.is_set() and asked.value() == {"uid": 0}


def test_failures_have_names(desk):
    for text, kind in (("ERROR: No space is left at /opt", DiskFull), ("ERROR: there is no room", DiskFull),
                       ("x" * 9000, StepFailed)):  # fmt: skip
        asked = desk.ask("web1", "deploy.prepare", {})
        ask(desk, "web1", "_return", **returned(asked, text, retcode=1, success=False))
        with pytest.raises(kind) as caught:
            asked.value()
        assert len(str(caught.value)) <= 2000


def test_wheels_are_served_and_counted(desk):
    assert ask(desk, "web1", "_wheel", sha256="a" * 64, offset=0)["size"] == 10
    assert ask(desk, "web1", "_wheel", sha256="b" * 64, offset=0)["size"] == -1
    assert desk.sent == {"web1": 10}


@pytest.mark.parametrize(
    "cmd", ["_pillar", "_serve_file", "_minion_event", "_mine_get", "minion_runner", "_release", "x"]
)
def test_nothing_else_is_served(desk, cmd):
    with pytest.raises(RequestRefused):
        ask(desk, "web1", cmd, tag="salt/minion/web1/start", path="top.sls")
