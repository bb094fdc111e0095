"""nftables: rules as Salt builds them, and the real program in a network of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader
from minion.modules import _nftables
from tests.minion.networks import network

# What real Salt 3008.3 makes of these arguments.
RULES = [
    (
        "ipv4",
        {"connstate": "new", "proto": "tcp", "dport": 22, "jump": "accept"},
        "ct state { new } tcp dport { 22 } accept",
    ),
    (
        "ipv4",
        {"if": "eth0", "of": "eth1", "counter": True, "source": "192.0.2.4", "jump": "drop"},
        "meta iifname eth0 meta oifname eth1 counter ip saddr 192.0.2.4 drop",
    ),
    (
        "ip6",
        {"proto": "udp", "dports": "80,443", "sport": "1:5", "destination": "2001:db8::1", "jump": "accept"},
        "ip6 daddr 2001:db8::1 udp sport { 1-5 } udp dport { 443, 80 } accept",
    ),
    ("inet", {"proto": "tcp", "dport": 80, "redirect-to": 8080, "order": 1}, "tcp dport { 80 } redirect to 8080"),
]


@pytest.mark.parametrize(("family", "arguments", "expected"), RULES)
def test_build(family: str, arguments: Dict[str, Any], expected: str) -> None:
    assert _nftables.build(family, arguments) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tcp dport { 22 } accept", "tcp dport 22 accept # handle 4"),
        ("tcp dport { 443, 80 } accept", "tcp dport { 80, 443 } accept"),
        ("ct state { established, related } accept", "ct state established,related accept"),
        ("ct state { new } tcp dport { 22 } accept", "ct state new tcp dport 22 accept"),
        ("meta iifname eth0 counter drop", 'iifname "eth0" counter packets 5 bytes 100 drop'),
    ],
)
def test_forms_that_mean_the_same(one: str, other: str) -> None:
    assert _nftables.normalized(one) == _nftables.normalized(other)


def test_forms_that_do_not() -> None:
    assert _nftables.normalized("tcp dport { 22 } accept") != _nftables.normalized("tcp dport { 22, 23 } accept")
    assert _nftables.normalized("tcp dport 22 accept") != _nftables.normalized("tcp dport 22 drop")


@pytest.fixture(name="network")
def a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A network namespace in which the programs run that the module calls."""
    with network(tmp_path, monkeypatch, ["nft"]) as name:
        yield name


def test_real_nft(salt: Loader, network: str, tmp_path: Path) -> None:
    assert salt["nftables.check_table"]("filter")["comment"] == "Table filter in family ipv4 does not exist"
    assert salt["nftables.new_table"]("filter") == {"result": True, "comment": "Table filter in family ipv4 created"}
    assert salt["nftables.new_table"]("filter")["comment"] == "Table filter in family ipv4 exists"
    assert [table["name"] for table in salt["nftables.list_tables"]()] == ["filter"]
    hooked = {"table_type": "filter", "hook": "input", "priority": 0}
    assert salt["nftables.new_chain"]("filter", "input", table_type="filter")["result"] is False
    assert salt["nftables.new_chain"]("filter", "input", **hooked)["result"] is True
    assert salt["nftables.new_chain"]("filter", "input", **hooked)["comment"].endswith("already exists")
    rules = [
        salt["nftables.build_rule"](**arguments)["rule"]
        for arguments in (
            {"connstate": "established,related", "jump": "accept"},
            {"proto": "tcp", "dports": "22,443,80", "counter": True, "source": "192.0.2.0/24", "jump": "accept"},
            {"if": "eth0", "proto": "udp", "dport": "53", "connstate": "new", "jump": "drop"},
        )
    ]
    for rule in rules:
        assert salt["nftables.append"]("filter", "input", rule)["result"] is True, rule
        assert salt["nftables.append"]("filter", "input", rule)["comment"].endswith("already exists"), rule
        assert salt["nftables.check"]("filter", "input", rule)["result"] is True
        assert salt["nftables.get_rule_handle"]("filter", "input", rule)["handle"].isdigit()
    assert salt["nftables.insert"]("filter", "input", None, "tcp dport { 25 } drop")["result"] is True
    listed = salt["nftables.get_rules"]()[0]
    assert listed.index("dport 25 drop") < listed.index("ct state")
    deleted = salt["nftables.delete"]("filter", "input", rule=rules[2])
    assert deleted == {
        "result": True,
        "comment": f'Deleted rule "{rules[2]}" in chain input in table filter in family ipv4.',
    }
    assert salt["nftables.delete"]("filter", "input", rule=rules[2])["result"] is False
    assert salt["nftables.set_policy"]("filter", "input", "drop") is True
    assert salt["nftables.get_policy"]("filter", "input") == "drop"
    path = str(tmp_path / "rules.nft")
    salt["nftables.save"](path)
    saved = salt["nftables.get_saved_rules"](path)
    assert "table ip filter {\n" in saved
    assert salt["nftables.flush"]("filter", "input")["comment"] == (
        "Flushed rules from chain input in table filter in family ipv4."
    )
    assert salt["nftables.check"]("filter", "input", rules[0])["result"] is False
    assert salt["nftables.delete_chain"]("filter", "input")["result"] is True
    assert salt["nftables.delete_table"]("filter")["result"] is True
    assert salt["nftables.version"]().startswith("v")


@pytest.mark.skipif(not shutil.which("nft"), reason="needs nft")
def test_errors(salt: Loader) -> None:
    assert salt["nftables.append"]("filter")["comment"] == "Chain needs to be specified"
    assert salt["nftables.delete"]("filter", "x", 1, "y")["comment"] == "Only specify a position or a rule, not both"
    assert salt["nftables.build_rule"](full=True, chain="x")["comment"] == "Table needs to be specified"
    built = salt["nftables.build_rule"]("filter", "x", "insert", 3, True, jump="accept")
    assert built["rule"] == "nft insert rule ip filter x position 3 accept"
    with pytest.raises(SaltInvocationError):
        salt["nftables.get_rules"]("nonsense")
