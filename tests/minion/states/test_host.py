from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.states.calls import State


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    path = tmp_path / "hosts"
    path.write_text("127.0.0.1\tlocalhost\n10.0.0.1\told\n")
    return path


@pytest.fixture
def box(tmp_path: Path, hosts: Path) -> Box:
    return Box(tmp_path, {"hosts.file": str(hosts)})


def test_present_and_absent(state: State, hosts: Path) -> None:
    predicted, first, second = state.converge("host.present", "new", ip=["10.0.0.1", "10.0.0.2"])
    assert predicted["comment"] == "Host new (10.0.0.1) would be added\nHost new (10.0.0.2) would be added"
    assert first["comment"] == "Added host new (10.0.0.1)\nAdded host new (10.0.0.2)"
    assert predicted["changes"] == first["changes"] == {"added": {"10.0.0.1": ["new"], "10.0.0.2": ["new"]}}
    assert second["comment"] == "Host new (10.0.0.1) already present\nHost new (10.0.0.2) already present"
    assert hosts.read_text() == "127.0.0.1\tlocalhost\n10.0.0.1\t\told new\n10.0.0.2\t\tnew\n"
    predicted, first, second = state.converge("host.absent", "new", ip=["10.0.0.1", "10.0.0.9"])
    assert predicted["comment"] == "Host new (10.0.0.1) needs to be removed\nHost new (10.0.0.9) already absent"
    assert (first["changes"], second["changes"]) == ({"host": "new"}, {})


def test_comments(state: State, hosts: Path) -> None:
    _, first, _ = state.converge("host.present", "old", ip="10.0.0.1", comment="the old one")
    assert first["changes"] == {"comment_added": {"10.0.0.1": ["the old one"]}}
    assert hosts.read_text().endswith("old\t\t# the old one\n")


def test_other_addresses_of_the_name(state: State, hosts: Path) -> None:
    kept = state("host.present", "old", ip="10.0.0.2")
    assert kept["warnings"][0].startswith("Host old present for IP address 10.0.0.1. To get rid of this warning")
    _, first, _ = state.converge("host.present", "old", ip="10.0.0.2", clean=True)
    assert first["changes"] == {"removed": {"10.0.0.1": ["old"]}}
    assert "10.0.0.1" not in hosts.read_text()


def test_what_is_no_address(state: State, hosts: Path) -> None:
    before = hosts.read_text()
    assert state.fails("host.present", "new", ip="10.0.0") == "Invalid IP Address for new (10.0.0)"
    assert "is not an address" in state.fails("host.only", "# x", hostnames=["new"])
    assert hosts.read_text() == before


def test_only(state: State, hosts: Path) -> None:
    predicted, first, second = state.converge("host.only", "10.0.0.1", hostnames=["a", "b"])
    assert predicted["comment"] == 'Would change 10.0.0.1 from "old" to "a b"'
    assert first["changes"] == {"10.0.0.1": {"old": "old", "new": "a b"}}
    assert second["comment"] == 'IP address 10.0.0.1 already set to "a b"'
