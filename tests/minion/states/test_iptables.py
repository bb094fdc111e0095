from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from tests.minion.networks import network
from tests.minion.states.calls import State

PROGRAMS = ["iptables", "iptables-save", "ip6tables", "ip6tables-save"]
SSH = {"chain": "INPUT", "proto": "tcp", "dport": 22, "comment": "a b", "jump": "ACCEPT"}


@pytest.fixture(autouse=True)
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with network(tmp_path, monkeypatch, PROGRAMS) as name:
        yield name


def rules(chain: str = "INPUT") -> str:
    done = subprocess.run(["iptables", "-S", chain], check=True, capture_output=True, text=True)
    return done.stdout


def test_append(state: State, tmp_path: Path) -> None:
    path = tmp_path / "rules"
    predicted, first, second = state.converge("iptables.append", "ssh", save=str(path), **SSH)
    words = '--wait -t filter -A INPUT  -p tcp --dport 22 -m comment --comment "a b" --jump ACCEPT'
    assert words in predicted["comment"]
    assert first["comment"].startswith("Set and saved iptables rule ssh for ipv4\n")
    assert first["comment"].endswith(f'Wrote 1 lines to "{path}"')
    assert first["changes"] == {"locale": "ssh"}
    assert second["comment"].startswith("iptables rule for ssh already set (")
    assert "--dport 22" in rules()
    path.write_text("*filter\nCOMMIT\n")
    again = state("iptables.append", "ssh", save=str(path), **SSH)
    assert "\nSaved iptables rule ssh for ipv4\n" in again["comment"]
    assert "--dport 22" in path.read_text()


def test_insert(state: State) -> None:
    state("iptables.append", "ssh", **SSH)
    first = state.converge("iptables.insert", "lo", chain="INPUT", position=1, **{"in-interface": "lo"}, jump="DROP")[1]
    assert first["comment"].startswith("Set iptables rule for lo to: ")
    assert rules().splitlines()[1] == "-A INPUT -i lo -j DROP"
    assert state.fails("iptables.insert", "x", chain="INPUT", position=9, jump="DROP").startswith("Failed to set")


def test_delete(state: State) -> None:
    state("iptables.append", "ssh", **SSH)
    first = state.converge("iptables.delete", "ssh", **SSH)[1]
    assert first["comment"].startswith("Delete iptables rule for ssh ")
    assert rules() == "-P INPUT ACCEPT\n"
    comment = state.fails("iptables.delete", "x", chain="INPUT", position=7)
    assert comment.startswith("Failed to delete iptables rule for x.\nAttempted rule was ")


def test_failing_append(state: State) -> None:
    comment = state.fails("iptables.append", "x", chain="NONE", jump="ACCEPT")
    assert comment.startswith("Failed to set iptables rule for x.\nAttempted rule was ")
    assert "'chain' has to be given" in state.fails("iptables.append", "x", jump="ACCEPT")


def test_chains(state: State) -> None:
    first = state.converge("iptables.chain_present", "OWN")[1]
    assert first["comment"] == "iptables OWN chain in filter table create success for ipv4"
    state("iptables.append", "x", chain="OWN", jump="DROP")
    first = state.converge("iptables.chain_absent", "OWN")[1]
    assert first["comment"] == "iptables OWN chain in filter table delete success for ipv4"
    assert state.fails("iptables.chain_present", "X" * 40).startswith(f"Failed to create {'X' * 40} chain in filter")
    state("iptables.chain_present", "OWN")
    state("iptables.append", "x", chain="INPUT", jump="OWN")
    assert state.fails("iptables.chain_absent", "OWN").startswith("Failed to delete OWN chain in filter table: ")


def test_policy(state: State, tmp_path: Path) -> None:
    where = {"chain": "FORWARD", "save": str(tmp_path / "rules")}
    first = state.converge("iptables.set_policy", "p", policy="DROP", **where)[1]
    assert first["comment"] == "Set and saved default policy for FORWARD to DROP family ipv4"
    assert ":FORWARD DROP" in (tmp_path / "rules").read_text()
    assert state.fails("iptables.set_policy", "p", policy="NONE", **where) == "Failed to set iptables default policy"


def test_flush(state: State) -> None:
    state("iptables.append", "ssh", **SSH)
    assert state("iptables.flush", "f", test=True, chain="INPUT")["result"] is None
    assert "--dport 22" in rules()
    done = state("iptables.flush", "f", chain="INPUT")
    assert (done["result"], done["changes"]) == (True, {"locale": "f"})
    assert rules() == "-P INPUT ACCEPT\n"
    assert state.fails("iptables.flush", "f", chain="NONE") == "Failed to flush iptables rules"


def test_rules_that_are_combined_are_all_set_and_saved(state: State, tmp_path: Path) -> None:
    path = tmp_path / "rules"
    each = "\n".join(
        f"r{port}:\n  iptables.append: [{{chain: {chain}}}, {{proto: tcp}}, {{dport: {port}}}, {{jump: ACCEPT}},"
        f" {{aggregate: True}}, {{save: '{path}'}}]"
        for port, chain in ((22, "INPUT"), (80, "NONE"), (443, "INPUT"))
    )
    state.box.write({"srv/rules.sls": each})
    results = list(state.functions["state.apply"]("rules").values())
    assert [result["result"] for result in results] == [False, False, True]
    assert results[0]["changes"] == {"locale": ["r22", "r443"]}
    assert "already set" in results[2]["comment"]
    assert "--dport 22" in path.read_text() and "--dport 443" in path.read_text()
