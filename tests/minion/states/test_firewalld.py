from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.minion.firewalld_lab import Firewall
from tests.minion.states.calls import State


@pytest.mark.skipif(bool(shutil.which("firewall-cmd")), reason="firewalld is here")
def test_without_firewalld(state: State) -> None:
    state.box.write({"srv/wall.sls": "public:\n  firewalld.present: []\n"})
    (result,) = state.functions["state.apply"]("wall").values()
    assert "firewall-cmd is not available, firewalld is probably not installed." in result["comment"]


@pytest.fixture
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firewall:
    return Firewall(tmp_path, monkeypatch)


def test_zone(state: State, firewall: Firewall) -> None:
    options = {"ports": ["22/tcp"], "port_fwd": ["80:8080:tcp"], "masquerade": True, "default": True}
    predicted, first, second = state.converge("firewalld.present", "own", **options)
    assert predicted["comment"].startswith("Configuration for 'own' will change:\ndefault:\n    ----------\n")
    assert predicted["changes"] == {}
    assert first["comment"] == "'own' was configured."
    assert first["changes"]["own"]["new"] == "own"
    assert first["changes"]["ports"] == {"old": [], "new": ["22/tcp"]}
    assert first["changes"]["masquerade"] == {"old": False, "new": "Masquerading successfully set."}
    assert firewall.configuration["reloads"] == 2, "of the zone, and of what is in it"
    assert second["comment"] == "'own' is already in the desired state."
    more = state.converge("firewalld.present", "own", ports=["443/tcp"], masquerade=False)[1]
    assert more["changes"]["ports"] == {"old": ["22/tcp"], "new": ["22/tcp", "443/tcp"]}
    fewer = state.converge("firewalld.present", "own", ports=["443/tcp"], prune_ports=True, prune_port_fwd=True)[1]
    assert fewer["changes"]["ports"]["new"] == ["443/tcp"]
    assert fewer["changes"]["port_fwd"]["new"] == []


def test_more_of_a_zone(state: State, firewall: Firewall) -> None:
    rule = "rule family=ipv4 source address='10.0.0.0/8' port port=22 protocol=tcp accept"
    options = {
        "services": ["http"],
        "prune_services": True,
        "sources": ["10.0.0.0/8"],
        "interfaces": ["eth7"],
        "block_icmp": ["echo-reply"],
        "rich_rules": [rule],
    }
    state("firewalld.present", "work", services=["ssh"])
    first = state.converge("firewalld.present", "work", **options)[1]
    assert first["changes"]["services"] == {"old": ["ssh"], "new": ["http"]}
    assert first["changes"]["rich_rules"]["new"] == [
        'rule family="ipv4" source address="10.0.0.0/8" port port="22" protocol="tcp" accept'
    ]
    assert set(first["changes"]) == {"services", "sources", "interfaces", "icmp_types", "rich_rules"}


def test_zone_failures(state: State, firewall: Firewall) -> None:
    wrong = state.fails("firewalld.present", "work", ports=["nonsense"])
    assert wrong == "Error: firewall-cmd failed: Error: INVALID_PORT: nonsense"
    assert "INVALID_NAME" in state.fails("firewalld.present", "a-name-that-is-too-long")
    unknown = state.fails("firewalld.present", "work", block_icmp=["nonsense"])
    assert unknown == "Error: nonsense: no such ICMP type"
    forward = state.fails("firewalld.present", "work", port_fwd=["80"])
    assert forward == "Error: 80 is no port:port:protocol or port:port:protocol:address"


def test_service(state: State, firewall: Firewall) -> None:
    predicted, first, second = state.converge("firewalld.service", "own", ports=["99/tcp"], protocols=["ospf"])
    assert predicted["comment"] == "Configuration for 'own' will change."
    assert first["comment"] == "'own' was configured."
    assert first["changes"] == {"ports": {"old": [], "new": ["99/tcp"]}, "protocols": {"old": [], "new": ["ospf"]}}
    assert second["comment"] == "'own' is already in the desired state."
    changed = state.converge("firewalld.service", "own", ports=["98/udp"], protocols=["ospf"])[1]
    assert changed["changes"] == {"ports": {"old": ["99/tcp"], "new": ["98/udp"]}}
    state.converge("firewalld.service", "bare")
    failed = state("firewalld.service", "own", ports=["nonsense"])
    assert (failed["result"], failed["comment"].startswith("Error: firewall-cmd failed: ")) == (False, True)
