"""Hosts where a stock minion is installed already: left alone, or taken over and given back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.machines.deployer import Site, traces
from tests.machines.lab import Machine
from tests.processes import until

pytestmark = [pytest.mark.machines, pytest.mark.slow, pytest.mark.timeout(300)]
UNIT = """[Unit]
Description=The Salt Minion
[Service]
ExecStart=/usr/bin/salt-minion
[Install]
WantedBy=multi-user.target
"""


@pytest.fixture(scope="module")
def site(machines: list[Machine]) -> Iterator[Site]:
    made = Site()
    try:
        yield made
    finally:
        made.close()


def install_stock(machine: Machine) -> None:
    """What a package brings, and a minion that was running for a while."""
    (machine.fs / "usr/bin/salt-minion").write_text("#!/bin/sh\nexec sleep 100000\n")
    (machine.fs / "usr/lib/systemd/system/salt-minion.service").write_text(UNIT)
    machine.sh("chmod 755 /usr/bin/salt-minion; mkdir -p /etc/salt; echo 'master: old.example' > /etc/salt/minion")
    machine.sh("systemctl daemon-reload; systemctl enable --now salt-minion")


def test_left_alone_taken_over_and_given_back(site: Site, machines: list[Machine]) -> None:
    (machine,) = site.fresh(machines[:1])
    install_stock(machine)
    before = traces(machine)
    found, code = site.deploy("m1")
    assert code != 0 and "--take-over" in found["m1"]["comment"], found
    assert [path for path in traces(machine) if "/.saltern" not in path] == before
    assert machine.sh("pgrep -x sleep").strip()

    found, code = site.deploy("m1", "--take-over")
    assert code == 0, found
    assert site.lab.results("m1", "test.ping") == {"m1": True}
    assert not machine.sh("pgrep -x sleep", check=False).strip()
    assert machine.sh("cat /etc/salt/minion").strip() == "master: old.example"
    again, code = site.deploy("m1")
    assert code == 0 and not again["m1"]["changed"], again

    found, code = site.results("m1", "--remove")
    assert code == 0, found
    until("the stock minion is back", lambda: machine.sh("pgrep -x sleep", check=False).strip())
    assert "/lib/systemd" in machine.sh("systemctl show -p FragmentPath --value salt-minion")
    assert machine.sh("systemctl is-enabled salt-minion").strip() == "enabled"
