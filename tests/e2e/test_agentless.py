"""One job over both roads: a master with a minion of its own and with the hosts of its roster."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import asyncssh
import pytest
import yaml

from master.client import LocalClient
from master.control_client import Verdict
from ssh import bundle
from tests.processes import PATIENCE, Lab, free_ports, until
from tests.ssh.hosts import Server, serving
from transports.messages import Return

STATE = """\
{{ pillar.made }}/{{ grains.id }}:
  file.managed:
    - source: salt://text
    - makedirs: True
"""


class Site:
    """A lab with one host that is served over SSH under several names."""

    def __init__(self, lab: Lab, server: Server) -> None:
        self.lab, self.server = lab, server
        self.local = LocalClient(str(lab.root / "etc" / "master"))

    def roster(self, *names: str, **more: dict[str, Any]) -> None:
        """Writes the roster: each name is a host with a folder of its own on the one server."""
        hosts = {name: self.server.roster(thin_dir=str(self.server.home / name)) for name in names}
        (self.lab.root / "etc" / "roster").write_text(yaml.safe_dump({**hosts, **more}))

    def cmd(self, tgt: str | list[str], fun: Any = "test.ping", arg: Any = (), kind: str = "glob") -> dict[str, Any]:
        """What hosts answered."""
        return self.local.cmd(tgt, fun, arg, tgt_type=kind)

    def salt(self, *words: str) -> tuple[dict[str, Any], int]:
        """What `salt` printed, and its exit code."""
        done = self.lab.salt("--static", "--out=json", *words)
        assert done.stdout.startswith("{"), done.stdout + done.stderr
        return json.loads(done.stdout), done.returncode

    def runner(self, *words: str) -> Any:
        return json.loads(self.lab.command("salt-run", "--out=json", *words).stdout)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    lab = Lab(
        auto_accept=True, ssh_minions=True, ssh_timeout=10, peer={"box.*": ["test.*"]}, peer_run={"box.*": ["test.*"]},
        nodegroups={"all": "*", "webs": "G@role:web"}, timeout=3, gather_job_timeout=3,
    )  # fmt: skip
    with serving(tmp_path_factory.mktemp("host")) as server:
        try:
            lab.write_master(ssh_known_hosts_file=str(lab.root / "known"))
            made = Site(lab, server)
            (lab.root / "known").write_text(server.known_hosts_line())
            bundle.build(str(lab.root / "cache" / "thin")).packed("xz")
            (lab.root / "srv/salt/text").write_text("from the master\n")
            (lab.root / "srv/salt/site.sls").write_text(STATE)
            (lab.root / "srv/pillar/top.sls").write_text("base: {'*': [data]}")
            (lab.root / "srv/pillar/data.sls").write_text(f"made: {lab.root}/made\nword: {{{{ grains.id }}}}-word\n")
            made.roster("box1", "box2")
            lab.start_master()
            lab.start_minion("agent", grains={"role": "web"})
            yield made
        finally:
            lab.close()


EVERYBODY = {"agent": True, "box1": True, "box2": True}


def test_one_job_reaches_both(site: Site) -> None:
    assert site.salt("*", "test.ping") == (EVERYBODY, 0)
    assert site.salt("*", "test.false", "x=1")[1] != 0
    done = site.lab.salt("-b", "1", "--out=json", "--static", "*", "test.ping")
    assert done.returncode == 0 and EVERYBODY.keys() <= set(done.stdout.split('"'))


def test_targets_of_all_kinds(site: Site) -> None:
    assert site.cmd("agent,box2", kind="list") == {"agent": True, "box2": True}
    assert site.cmd("box[0-9]", kind="pcre") == {"box1": True, "box2": True}
    site.cmd("box*", "pillar.items")  # now the master knows their grains and pillar
    assert site.cmd("id:box1", kind="grain") == {"box1": True}
    assert site.cmd("id:(box2|agent)", kind="grain_pcre") == {"agent": True, "box2": True}
    assert site.cmd("word:box2-word", kind="pillar") == {"box2": True}
    assert site.cmd("G@role:web or box1", kind="compound") == {"agent": True, "box1": True}
    assert site.cmd("all", kind="nodegroup") == EVERYBODY
    assert site.cmd("nosuch*") == {}


def test_the_roster_is_read_when_it_changes_and_unknown_hosts_decide_themselves(site: Site) -> None:
    site.roster("box1", "box2", "fresh")
    assert site.cmd("G@role:web", kind="compound") == {"agent": True}, "the others are left out, not reported"
    assert site.cmd("webs", kind="nodegroup") == {"agent": True}, "a group is decided as what it stands for"
    (site.lab.root / "etc" / "roster").write_text("box1: {host: 127.0.0.1, nonsense: 1}")
    assert site.cmd(["box1", "fresh"], kind="list") == {"box1": True, "fresh": True}, "a broken one changes nothing"
    site.roster("box1", "box2")
    assert site.cmd("*") == EVERYBODY


def test_states_and_several_functions(site: Site) -> None:
    values = site.cmd("*", "state.apply", ["site"])
    assert sorted(os.listdir(site.lab.root / "made")) == ["agent", "box1", "box2"]
    assert all(next(iter(value.values()))["changes"] for value in values.values())
    values = site.cmd("*", ["test.ping", "test.arg"], [[], [1]])
    assert all(value["test.ping"] is True and value["test.arg"]["args"] == [1] for value in values.values())
    assert len(values) == 3


def test_one_job_in_the_store_and_on_the_bus(site: Site) -> None:
    listening = site.lab.listen("salt/job/*")
    values = site.cmd("*", "test.arg", ["word"])
    tags = [listening.receive(PATIENCE)["tag"].split("/") for _ in range(5)]
    listening.close()
    (jid,) = {parts[2] for parts in tags}
    assert [parts[3] for parts in tags] == ["new", "publish", "ret", "ret", "ret"]
    assert {parts[4] for parts in tags[2:]} == set(EVERYBODY)
    assert site.runner("jobs.lookup_jid", jid) == values
    assert set(site.runner("jobs.list_job", jid)["Minions"]) == set(EVERYBODY)
    assert site.runner("manage.status") == {"up": sorted(EVERYBODY), "down": []}
    assert {"box1", "box2"} <= set(site.runner("manage.present"))


def test_the_mine_and_publishing(site: Site) -> None:
    site.cmd("*", "mine.send", ["test.echo", "told"])
    assert site.cmd("agent", "mine.get", ["*", "test.echo"])["agent"] == dict.fromkeys(EVERYBODY, "told")
    assert site.cmd("box1", "mine.get", ["*", "test.echo"])["box1"] == dict.fromkeys(EVERYBODY, "told")
    assert site.cmd("box1", "publish.publish", ["*", "test.ping"])["box1"] == EVERYBODY
    assert site.cmd("box1", "publish.publish", ["*", "cmd.run", "id"])["box1"] == {}, "the rules of `peer` hold"
    assert site.cmd("box1", "publish.runner", ["test.arg", "x"])["box1"]["args"] == ["x"]


def test_a_job_that_runs_is_found_and_killed(site: Site) -> None:
    with site.local.start("box1", "cmd.run", ["sleep 60"], timeout=0.5) as following:
        jid = following.jid
        until("the job", lambda: site.cmd("box1", "saltutil.find_job", [jid])["box1"])
        assert [job["jid"] for job in site.cmd("box1", "saltutil.running")["box1"]][:1] == [jid]
        assert following.open == {"box1"}, "it is not given up while it works"
        site.cmd("box1", "saltutil.kill_job", [jid])
        (item,) = list(following)
    assert isinstance(item, Return) and not item.ok


def test_unreachable_hosts_get_a_named_verdict(site: Site) -> None:
    (port,) = free_ports(1)
    site.roster(
        "box1",
        "box2",
        gone={**site.server.roster(), "port": port},
        denied={**site.server.roster(), "priv": str(site.lab.root / "wrong")},
    )
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(site.lab.root / "wrong"))
    values, code = site.salt("-L", "agent,box1,gone,denied", "test.ping")
    assert values["agent"] is True and values["box1"] is True and code != 0
    assert "[Unreachable]" in values["gone"] and str(port) in values["gone"]
    assert "[AuthenticationFailed]" in values["denied"]
    site.roster("box1", "box2")
    assert site.cmd("*") == EVERYBODY


def test_connections_are_kept_and_rebuilt(site: Site) -> None:
    site.cmd("box*")
    before = site.server.connections
    assert site.cmd("box*") == {"box1": True, "box2": True} and site.server.connections == before
    site.server.drop()
    until("the end of the connections", lambda: not _warm(site))
    assert site.cmd("box*") == {"box1": True, "box2": True}
    assert site.server.connections == before + 2


def test_a_job_ends_with_its_connection(site: Site) -> None:
    with site.local.start("*", "test.sleep", [60], timeout=0.5) as following:
        until("the job", lambda: site.cmd("box1", "saltutil.find_job", [following.jid])["box1"])
        site.server.drop()
        found = [following.next(PATIENCE), following.next(PATIENCE)]
        site.cmd("agent", "saltutil.kill_job", [following.jid])
    assert {item.id: item.state for item in found if isinstance(item, Verdict)} == {"box1": "lost", "box2": "lost"}
    assert all("[ConnectionLost]" in item.text for item in found if isinstance(item, Verdict))


@pytest.mark.parametrize("victim", ["SSHRoad", "EventPublisher"])
def test_the_death_of_a_process_loses_no_job(victim: str, site: Site) -> None:
    (road,) = site.lab.daemons["master"].children(victim)
    with site.local.start("box*", "cmd.run", ["sleep 3; echo done"], timeout=0.5) as following:
        until("the job", lambda: site.cmd("box2", "saltutil.find_job", [following.jid])["box2"])
        os.kill(road, signal.SIGKILL)
        items = {item.id: item for item in following}
        assert items.keys() == {"box1", "box2"}
    if victim == "SSHRoad":
        assert {item.state for item in items.values() if isinstance(item, Verdict)} == {"lost"}
    else:
        assert [item.value for item in items.values() if isinstance(item, Return)] == ["done", "done"]
    assert site.cmd("*") == EVERYBODY, "and it is restarted"


def test_a_host_that_is_a_minion_too_is_reached_once(site: Site) -> None:
    site.roster("box1", "box2", "agent")
    commands = len(site.server.sessions)
    counter = site.lab.root / "counter"
    site.cmd("agent", "cmd.run", [f"echo once >>{counter}"])
    assert counter.read_text() == "once\n" and len(site.server.sessions) == commands, "by ZeroMQ"
    site.lab.daemons["agent"].stop()
    until("its end", lambda: not site.lab.control.ask("present")["present"]["agent"]["up"])
    assert site.salt("agent", "cmd.run", f"echo twice >>{counter}") == ({"agent": ""}, 0)
    assert counter.read_text() == "once\ntwice\n" and len(site.server.sessions) == commands + 1, "by SSH"
    site.lab.start_minion("agent", grains={"role": "web"})
    assert counter.read_text() == "once\ntwice\n", "nothing is delivered late"


def _warm(site: Site) -> set[str]:
    present = site.lab.control.ask("present")["present"]
    return {name for name, known in present.items() if known["road"] == "ssh" and known["up"]}
