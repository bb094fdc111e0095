"""Rules 5 and 8 on the master's SSH road: a hostile host of the roster is nobody but itself."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncssh
import pytest
import yaml

from master.client import LocalClient
from master.control_client import Verdict
from master.miniondata import MinionData
from tests.security.running import Master
from tests.ssh.hostile import Liar, behaviour
from tests.ssh.hosts import Server, serving
from transports.messages import Return

SECRET = "not for the bus"


def OPTIONS(root: Path) -> dict[str, Any]:  # noqa: N802
    return {
        "ssh_minions": True, "ssh_timeout": 10, "ssh_known_hosts_file": f"{root}/known", "ssh_keepalive": 0,
        "peer": {"friend": [".*"]}, "log_level_logfile": "debug",
    }  # fmt: skip


def prepare(master: Master) -> None:
    (master.root / "known").touch()
    (master.conf_dir / "roster").write_text("{}")
    pillar = master.root / "srv/pillar"
    (pillar / "top.sls").write_text("base: {'good': [secret], '*': [all]}")
    (pillar / "secret.sls").write_text("word: hidden")
    (pillar / "all.sls").write_text("whose: {{ grains.id }}")


@pytest.fixture
def host(master: Master) -> Iterator[Server]:
    """The hostile host, in the roster as `evil`."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as server:
        (master.root / "known").write_text(server.known_hosts_line())
        (master.conf_dir / "roster").write_text(yaml.safe_dump({"evil": server.roster(passwd=SECRET)}))
        yield server
        server.drop()


def run(master: Master, tgt: str, fun: str = "test.ping") -> Return | Verdict:
    """What one host came to."""
    with LocalClient(str(master.conf_dir / "master")).start(tgt, fun, timeout=2) as following:
        (item,) = following
    return item


def test_it_is_nobody_but_itself(master: Master, host: Server) -> None:
    good = master.minion("good")
    good.ask("_minion_event", grains={"os": "Good"}, data={}, tag="x")
    assert good.ask("_mine", data={"test.ping": "mine"}) is True
    other = master.publish(["good"])
    answers: dict[str, Any] = {}

    async def lie(liar: Liar) -> None:
        answers["pillar"] = await liar.ask("_pillar", grains={"id": "good", "os": "Evil"}, id="good")
        answers["publish"] = await liar.ask("minion_publish", tgt="*", fun="cmd.run", arg=["id"], id="friend")
        answers["path"] = await liar.ask("_serve_file", path="../../etc/passwd", saltenv="base")
        answers["unknown"] = await liar.ask("_auth", pub="x")
        await liar.ask("_mine", data={"test.ping": "forged"}, id="good")
        for tag in (f"salt/job/{other}/ret/good", "salt/minion/good/start", "salt/auth", "salt/key"):
            await liar.ask("_minion_event", tag=tag, data={"id": "good"})
        await liar.ask("_ack", jid=other)
        await liar.ask("_unmatched", jid=liar.job.jid)
        await liar.give_back("forged", jid=other, id="good")
        await liar.give_back("forged", fun="cmd.run")
        await liar.give_back("first", id="good")
        await liar.give_back("second")

    host.behave = behaviour(lie)
    with master.events() as bus:
        item = run(master, "evil")
        master.minion("marker").send_event("custom/end")
        events = []
        while not events or events[-1]["tag"] != "custom/end":
            events.append(bus.get_event(full=True))
    assert isinstance(item, Return) and (item.id, item.value) == ("evil", "first")
    assert answers == {"pillar": {"whose": "evil"}, "publish": {}, "path": {"data": "", "dest": ""}, "unknown": {}}
    data = MinionData(str(master.cache / "by_minion"))
    assert data.grains("good")["os"] == "Good" and data.mine("good") == {"test.ping": "mine"}
    assert data.grains("evil")["id"] == "evil" and data.mine("evil") == {"test.ping": "forged"}
    with closing(master.store) as store:
        assert list(store.returns(other)) == []
    assert not [event for event in events if event["data"].get("id") == "good"], "nothing is told in its name"


def test_passwords_stay_in_one_process(master: Master, host: Server) -> None:
    async def act(liar: Liar) -> None:
        await liar.give_back()

    host.behave = behaviour(act)
    with master.events() as bus:
        assert isinstance(run(master, "evil"), Return)
        told = [str(bus.get_event(full=True)) for _ in range(3)]
    shown = "".join(told) + master.said() + master.log.read_text() + (master.cache / "ssh/roster.json").read_text()
    assert SECRET not in shown
    assert host.passwords == [], "the key let us in"


def test_host_keys_are_strict(master: Master, host: Server) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().split()[:2]
    for known, name in (("", "HostKeyUnknown"), (f"[127.0.0.1]:{host.port} {' '.join(other)}\n", "HostKeyChanged")):
        (master.root / "known").write_text(known)
        item = run(master, "evil")
        assert isinstance(item, Verdict) and f"[{name}]" in item.text
    assert host.passwords == [] and host.sessions == []
    assert (master.root / "known").read_text().count("\n") == 1, "and none is added"


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x03abc", b"no ready line at all\n"])
def test_garbage_costs_nobody_else(master: Master, host: Server, garbage: bytes) -> None:
    async def act(liar: Liar) -> None:
        liar.say(garbage)

    host.behave = behaviour(act)
    item = run(master, "evil")
    assert isinstance(item, Verdict) and item.state == "lost" and "[ConnectionLost]" in item.text
    host.behave = behaviour(lambda liar: liar.give_back())
    assert isinstance(run(master, "evil"), Return)
