"""Connected minions change to the release that their master has, and come back from one that does not work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.machines.deployer import Site, copy_of_source, version_of
from tests.machines.lab import Machine
from tests.processes import until
from transports import __version__

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.timeout(400)]
PING = {"m1": True}


@pytest.fixture(scope="module")
def site(machines: list[Machine]) -> Iterator[Site]:
    made = Site()
    try:
        made.fresh(machines[:1])
        answers, code = made.deploy("*")
        assert code == 0, answers
        yield made
    finally:
        made.close()


def offer(site: Site, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the master run, and offer, another version."""
    monkeypatch.setenv("PYTHONPATH", str(source))
    starts = site.lab.daemons["master"]
    starts.stop()
    site.lab.start_master()
    until("the minion is back", lambda: site.lab.results("m1", "test.ping") == PING, seconds=60)


def update(site: Site, *words: str) -> dict[str, Any]:
    """Updates the minion; how that ended."""
    ended = site.lab.listen("salt/minion/m1/update")
    answer = site.lab.results("m1", "saltutil.update", *words)["m1"]
    assert isinstance(answer, dict) and answer["changed"], answer
    data: dict[str, Any] = site.lab.expect(ended, "the end of the update", 150)["data"]["data"]
    return data


def test_update_and_the_way_back(
    site: Site, machines: list[Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machines[0]
    newer, broken = copy_of_source(tmp_path / "newer", "7.0.0"), copy_of_source(tmp_path / "broken", "8.0.0")
    with (broken / "minion/daemon/agent.py").open("a") as file:
        file.write("\nraise RuntimeError('deliberately broken')\n")
    assert site.lab.results("m1", "saltutil.update")["m1"]["changed"] is False  # it has what the master has

    offer(site, newer, monkeypatch)
    would = site.lab.results("m1", "saltutil.update", "test=True")["m1"]
    assert would["changed"] and "would be" in would["comment"] and version_of(machine) == __version__
    assert "the master has version 7.0.0, not 9.9" in site.lab.results("m1", "saltutil.update", "9.9.9")["m1"]
    ended = update(site, "7.0.0")
    assert ended["success"] and (ended["from"], ended["to"]) == (__version__, "7.0.0"), ended
    assert version_of(machine) == "7.0.0" and site.lab.results("m1", "test.ping") == PING

    offer(site, broken, monkeypatch)
    ended = update(site, "patience=10")
    assert ended["rolled_back"] and not ended["success"] and "went back to release 7.0.0" in ended["comment"], ended
    assert version_of(machine) == "7.0.0" and site.lab.results("m1", "test.ping") == PING
    assert sorted(machine.sh("ls /opt/saltern").split()) == [__version__, "7.0.0", "current", "guard", "previous"]


def test_power_cut_while_a_broken_release_is_tried(
    site: Site, machines: list[Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody is left to bring the release before back; the host does so when it boots."""
    machine, before = machines[0], version_of(machines[0])
    broken = copy_of_source(tmp_path / "broken", "9.0.0")
    with (broken / "minion/daemon/agent.py").open("a") as file:
        file.write("\nraise RuntimeError('deliberately broken')\n")
    offer(site, broken, monkeypatch)
    assert site.lab.results("m1", "saltutil.update")["m1"]["changed"]
    until("the switch", lambda: version_of(machine) == "9.0.0", seconds=60)
    machine.power_cut()
    until("the minion is back", lambda: site.lab.results("m1", "test.ping") == PING, seconds=60)
    assert version_of(machine) == before


def test_a_minion_of_other_origin_says_so(site: Site, machines: list[Machine]) -> None:
    machine = machines[0]
    machine.sh("ln -sfn nothing /opt/saltern/current")
    said = site.lab.results("m1", "saltutil.update")["m1"]
    assert "upgrade it as it came" in said
