"""A minion from wheels, under its init script: it starts, it changes releases, and comes back from a broken one.

The wheels are made from what is installed here; what starts and restarts the daemon is the script that a deployment
writes for System V's init.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from master.wheelhouse import Wheelhouse
from minion.deploy import releases, services, settings, trust, watch
from minion.deploy.places import Places
from minion.deploy.releases import Release
from tests.processes import Lab, until
from tests.wheel_lab import Shop, real_house

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
BROKEN = {"minion/daemon/agent.py": "\nraise RuntimeError('deliberately broken')\n"}
DEAF = {"minion/arrival.py": "\ndef tell(cachedir):\n    pass\n"}


class Script(services.SystemV):
    """The service, but for its place in the order of this machine's boot."""

    def enable(self) -> None:
        pass

    def say(self, word: str) -> subprocess.CompletedProcess[str]:
        """Runs the script."""
        return subprocess.run([self.path, word], capture_output=True, text=True, timeout=60)


class Host:
    """Places of a host below the lab's folder, prepared as a deployment does."""

    def __init__(self, lab: Lab, house: Wheelhouse) -> None:
        root = lab.root / "host"
        root.mkdir()
        self.lab, self.house = lab, house
        self.where = Places(
            prefix=str(root / "opt"), config_dir=str(root / "etc"), commands=str(root / "bin"),
            units=str(root / "units"), scripts=str(root / "init.d"),
        )  # fmt: skip
        options = {
            "master": "127.0.0.1", "master_port": lab.ret_port, "root_dir": str(root), "acceptance_wait_time": 1,
            "recon_default": 100, "recon_max": 1000,
        }  # fmt: skip
        settings.write(self.where, "box", options, {}, test=False)
        self.own = settings.read(self.where)
        trust.trust_master(self.own.pki_dir, (lab.root / "pki/master.pub").read_text(), False, test=False)
        os.makedirs(self.own.cachedir, 0o700)
        os.makedirs(os.path.dirname(self.own.pidfile), 0o755)
        self.service = Script(self.where, self.own.pidfile)

    def bring(self, *args: Any, **more: Any) -> Release:
        shop = Shop(self.house, *args, **more)
        return releases.lay_down(self.where, shop.wanted, shop.request)[0]

    def change(self, release: Release, patience: float = 30.0) -> watch.Change:
        return watch.Change(self.where, release, self.service, self.own.cachedir, patience)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Wheelhouse:
    return real_house(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def host(house: Wheelhouse) -> Iterator[Host]:
    lab = Lab(auto_accept=True)
    made = None
    try:
        lab.start_master()
        made = Host(lab, house)
        yield made
    finally:
        if made is not None and os.path.exists(made.service.path):
            made.service.say("stop")
        lab.close()


@pytest.fixture
def running(host: Host) -> Host:
    """A host that has a release, whichever tests were run before."""
    if releases.linked(host.where, host.where.current) is None:
        release = host.bring()
        trust.own_key(host.own.pki_dir, release, 2048)
        assert watch.at_once(host.change(release))["connected"]
    return host


def test_from_nothing_to_answering(host: Host) -> None:
    release = host.bring()
    assert trust.own_key(host.own.pki_dir, release, 2048)
    assert host.service.state() == services.State("", False, 0)
    verdict = watch.at_once(host.change(release))
    assert verdict["connected"] and not verdict["rolled_back"], verdict
    assert host.lab.results("box", "test.ping") == {"box": True}
    state = host.service.state()
    assert state.defined == "ours" and services.runs(state.pid, release)
    conf = settings.path_of(host.where)
    assert services.runs(state.pid, release, (conf,))
    os.utime(conf)
    assert not services.runs(state.pid, release, (conf,))  # it has not read what was written since
    assert host.service.say("status").returncode == 0


def test_update(running: Host) -> None:
    release = running.bring("7.0")
    before = running.service.state().pid
    assert watch.at_once(running.change(release))["connected"]
    assert releases.linked(running.where, running.where.current) == release
    assert running.service.state().pid != before and services.runs(running.service.state().pid, release)
    assert running.lab.results("box", "test.ping") == {"box": True}


@pytest.mark.parametrize(("version", "more"), [("8.0", BROKEN), ("8.1", DEAF)])
def test_back_from_a_release_that_is_not_let_in(version: str, more: dict[str, str], running: Host) -> None:
    good, names = releases.linked(running.where, running.where.current), releases.names(running.where)
    assert good is not None
    verdict = watch.at_once(running.change(running.bring(version, more), patience=1.0))
    assert (
        verdict["rolled_back"] and verdict["connected"] and "within 1 s; went back to release 7.0" in verdict["comment"]
    )
    assert releases.names(running.where) == names and {one.name for one in releases.every(running.where)} == set(names)
    assert services.runs(running.service.state().pid, good)
    assert running.lab.results("box", "test.ping") == {"box": True}


def test_the_way_back_outlives_who_began(running: Host) -> None:
    """The connection over which a release was changed is cut: who waits is killed with all of its group."""
    good = releases.linked(running.where, running.where.current)
    assert good is not None
    change = running.change(running.bring("9.0", BROKEN), patience=2.0)
    starts = running.lab.listen("salt/minion/box/start")
    pid = os.fork()
    if pid == 0:
        os.setsid()
        watch.at_once(change)
        os._exit(0)
    until("the switch", lambda: os.readlink(running.where.current) == "9.0", Path(running.where.prefix))
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    running.lab.expect(starts, "the minion's return", 60)
    assert os.readlink(running.where.current) == good.name and services.runs(running.service.state().pid, good)
    until("the end of the trial", lambda: not os.path.exists(running.where.trial), Path(running.where.prefix))


def test_power_cut_during_a_trial(running: Host) -> None:
    """Whoever tried a release is gone without a trace but the note he left: the next start puts back what was there."""
    where, before = running.where, releases.names(running.where)
    with releases.trial(where):
        running.service.say("restart")
        assert os.path.exists(where.trial) and releases.names(where) == before  # he lives: nothing is done
        note = Path(where.trial).read_text()
        releases.switch(where, running.bring("10.0", BROKEN))
    Path(where.trial).write_text(note)
    starts = running.lab.listen("salt/minion/box/start")
    said = running.service.say("restart")
    running.lab.expect(starts, "the minion's return", 60)
    assert releases.names(where) == before and not os.path.exists(where.trial)
    assert f"back to release {before[0]}" in said.stderr


def test_script(host: Host) -> None:
    assert host.service.say("start").returncode == 0  # runs already
    before = host.service.state().pid
    starts = host.lab.listen("salt/minion/box/start")
    assert host.service.say("restart").returncode == 0
    host.lab.expect(starts, "the minion's return", 60)
    assert host.service.state().pid not in (0, before)
    assert host.service.say("stop").returncode == 0 and host.service.state().pid == 0
    assert host.service.say("status").returncode == 3 and host.service.say("nonsense").returncode == 2
