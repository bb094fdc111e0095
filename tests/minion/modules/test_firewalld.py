from __future__ import annotations

from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader
from minion.modules import _firewalld
from tests.minion.firewalld_lab import Firewall

LISTING = """\
public (active)
  target: default
  interfaces: eth0
  masquerade: no
  rich rules: 
\trule family="ipv4" accept
\trule protocol value="icmp" accept

work
  target: default
"""  # noqa: W291 - as firewall-cmd prints it


def test_listing() -> None:
    assert _firewalld.zones(LISTING) == {
        "public (active)": {
            "target": ["default"],
            "interfaces": ["eth0"],
            "masquerade": ["no"],
            "rich rules": ["", 'rule family="ipv4" accept', 'rule protocol value="icmp" accept'],
        },
        "work": {"target": ["default"]},
    }


@pytest.fixture(autouse=True)
def firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Firewall:
    return Firewall(tmp_path, monkeypatch)


def test_zones(salt: Loader, firewall: Firewall) -> None:
    assert "public" in salt["firewalld.get_zones"]()
    assert salt["firewalld.new_zone"]("own", restart=False) == "success"
    assert firewall.configuration["reloads"] == 0
    assert "own" in salt["firewalld.get_zones"]()
    assert salt["firewalld.new_zone"]("other") == "success"
    assert firewall.configuration["reloads"] == 1
    assert salt["firewalld.delete_zone"]("other") == "success"
    assert salt["firewalld.set_default_zone"]("own") == "success"
    assert salt["firewalld.default_zone"]() == "own"
    assert salt["firewalld.version"]()[0].isdigit()
    assert salt["firewalld.list_zones"]()["public"]["target"] == ["default"]
    with pytest.raises(CommandExecutionError, match="firewall-cmd failed: Error: INVALID_ZONE: nosuch"):
        salt["firewalld.list_ports"]("nosuch")


def test_services(salt: Loader) -> None:
    assert salt["firewalld.new_service"]("own") == "success"
    assert salt["firewalld.add_service_port"]("own", "99/tcp") == "success"
    assert salt["firewalld.add_service_protocol"]("own", "ospf") == "success"
    assert salt["firewalld.get_service_ports"]("own") == ["99/tcp"]
    assert salt["firewalld.get_service_protocols"]("own") == ["ospf"]
    assert salt["firewalld.remove_service_port"]("own", "99/tcp") == "success"
    assert salt["firewalld.remove_service_protocol"]("own", "ospf") == "success"
    assert salt["firewalld.add_service"]("own", "work") == "success"
    assert "own" in salt["firewalld.list_services"]("work")
    assert salt["firewalld.remove_service"]("own", "work") == "success"
    assert salt["firewalld.delete_service"]("own") == "success"
    assert "own" not in salt["firewalld.get_services"]()


def test_what_is_in_a_zone(salt: Loader) -> None:
    assert salt["firewalld.add_port"]("work", "443/tcp", force_masquerade=True) == "success"
    assert salt["firewalld.get_masquerade"]("work") is True
    assert salt["firewalld.remove_masquerade"]("work") == "success"
    assert salt["firewalld.get_masquerade"]("work") is False
    assert salt["firewalld.list_ports"]("work") == ["443/tcp"]
    assert salt["firewalld.add_port_fwd"]("work", 80, 8080, dstaddr="fd00::1") == "success"
    assert salt["firewalld.list_port_fwd"]("work") == [
        {
            "Source port": "80",
            "Protocol": "tcp",
            "Destination port": "8080",
            "Destination address": "fd00::1",
        }
    ]
    assert salt["firewalld.remove_port_fwd"]("work", 80, 8080, dstaddr="fd00::1") == "success"
    assert salt["firewalld.block_icmp"]("work", "echo-reply") == "success"
    assert salt["firewalld.list_icmp_block"]("work") == ["echo-reply"]
    assert salt["firewalld.allow_icmp"]("work", "echo-reply") == "success"
    assert salt["firewalld.block_icmp"]("work", "nosuch") is False
    for noun, plural, value in (
        ("interface", "get_interfaces", "eth7"),
        ("source", "get_sources", "10.0.0.0/8"),
        ("rich_rule", "get_rich_rules", 'rule protocol value="icmp" accept'),
    ):
        assert salt[f"firewalld.add_{noun}"]("work", value) == "success"
        assert salt[f"firewalld.{plural}"]("work") == [value]
        assert salt[f"firewalld.remove_{noun}"]("work", value) == "success"
    about = salt["firewalld.list_all"]("work")["work"]
    assert about["ports"] == ["443/tcp"]
    assert salt["firewalld.remove_port"]("work", "443/tcp") == "success"
