from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.minion.networks import network
from tests.minion.states.calls import State

PLACE = {"table": "filter", "chain": "input"}
SSH = {**PLACE, "proto": "tcp", "dport": 22, "connstate": "new", "jump": "accept"}


@pytest.fixture(autouse=True)
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with network(tmp_path, monkeypatch, ["nft"]) as name:
        yield name


@pytest.fixture(autouse=True)
def chain(net: str) -> None:
    hooked = "add chain ip filter input { type filter hook input priority 0; }"
    subprocess.run(["nft", f"add table ip filter; {hooked}"], check=True)


def rules() -> str:
    return subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout


def test_append(state: State) -> None:
    predicted, first, second = state.converge("nftables.append", "ssh", **SSH)
    rule = "ct state { new } tcp dport { 22 } accept"
    assert predicted["comment"] == f"nftables rule for ssh needs to be set ({rule}) for ipv4"
    assert (first["comment"], first["changes"]) == (
        f"Set nftables rule for ssh to: {rule} for ipv4",
        {"locale": "ssh"},
    )
    assert second["comment"] == f"nftables rule for ssh already set ({rule}) for ipv4"
    assert "ct state new tcp dport 22 accept" in rules()
    comment = state.fails("nftables.append", "x", table="filter", chain="none", jump="accept")
    assert comment == (
        "Failed to set nftables rule for x.\nAttempted rule was accept for ipv4.\n"
        "Chain none in table filter in family ipv4 does not exist"
    )


def test_insert(state: State) -> None:
    state("nftables.append", "ssh", **SSH)
    state.converge("nftables.insert", "web", **{**SSH, "dport": 80})
    assert rules().index("dport 80") < rules().index("dport 22")
    assert state.fails("nftables.insert", "x", **PLACE, jump="nonsense") == (
        "Failed to set nftables rule for x.\nAttempted rule was nonsense"
    )


def test_delete(state: State) -> None:
    state("nftables.append", "ssh", **SSH)
    first = state.converge("nftables.delete", "ssh", **SSH)[1]
    assert first["comment"] == "Delete nftables rule for ssh ct state { new } tcp dport { 22 } accept"
    assert "dport 22" not in rules()
    state("nftables.append", "ssh", **SSH)
    assert state.fails("nftables.delete", "ssh", position=999, **SSH).startswith("Failed to delete nftables rule")


def test_chains(state: State) -> None:
    hooked = {"table_type": "filter", "hook": "output", "priority": 0}
    first = state.converge("nftables.chain_present", "output", **hooked)[1]
    assert first["comment"] == "nftables output chain in filter table create success for ipv4"
    first = state.converge("nftables.chain_absent", "output")[1]
    assert first["comment"] == "nftables output chain in filter table delete success for ipv4"
    assert state.fails("nftables.chain_present", "x", table="none") == (
        "Failed to create x chain in none table: Table none in family ipv4 does not exist for ipv4"
    )
    subprocess.run(["nft", "add chain ip filter own; add rule ip filter input jump own"], check=True)
    assert state.fails("nftables.chain_absent", "own").startswith("Failed to delete own chain in filter table: ")


def test_tables(state: State) -> None:
    first = state.converge("nftables.table_present", "own", family="inet")[1]
    assert first["comment"] == "nftables table own successfully created in family inet"
    first = state.converge("nftables.table_absent", "own", family="inet")[1]
    assert first["comment"] == "nftables table own successfully deleted from family inet"
    assert state.fails("nftables.table_present", "1 x") == "Failed to create table 1 x for family ipv4"


def test_policy(state: State, tmp_path: Path) -> None:
    saved = {"save": True, "save_filename": str(tmp_path / "rules.nft")}
    first = state.converge("nftables.set_policy", "p", chain="input", policy="drop", **saved)[1]
    assert first["comment"] == "Set and saved default policy for input to drop family ipv4"
    assert "policy drop" in (tmp_path / "rules.nft").read_text()
    failed = state.fails("nftables.set_policy", "p", chain="none", policy="drop")
    assert failed == "Failed to set nftables default policy"


def test_flush(state: State) -> None:
    state("nftables.append", "ssh", **SSH)
    assert state("nftables.flush", "f", test=True)["comment"] == "nftables flush not performed in test mode."
    done = state("nftables.flush", "f", chain="input")
    assert done["comment"] == "Flush nftables rules in filter table input chain ipv4 family"
    assert "dport 22" not in rules()
    assert state.fails("nftables.flush", "f", chain="none") == (
        "Failed to flush chain none in table filter in family ipv4, chain does not exist."
    )
    assert state.fails("nftables.flush", "f", table="none") == (
        "Failed to flush table none in family ipv4, table does not exist."
    )
    assert state("nftables.flush", "f", table="none", ignore_absence=True)["result"] is True
