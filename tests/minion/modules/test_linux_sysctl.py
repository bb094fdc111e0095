from __future__ import annotations

import os
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader


@pytest.fixture
def proc(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree like /proc/sys that may be written."""
    tree = tmp_path / "proc/sys"
    (tree / "net/ipv4/conf/eth0.5").mkdir(parents=True)
    (tree / "net/ipv4/conf/eth0.5/forwarding").write_text("0\n")
    (tree / "net/ipv4/tcp_rmem").write_text("4096\t87380\t16777216\n")
    monkeypatch.setitem(salt["sysctl.get"].__globals__, "_PROC", str(tree))
    return tree


def test_the_running_kernel(salt: Loader) -> None:
    assert salt["sysctl.get"]("kernel.ostype") == "Linux"
    assert salt["sysctl.get"]("kernel/ostype") == "Linux"
    everything = salt["sysctl.show"]()
    assert everything["kernel.ostype"] == "Linux"
    assert len(everything) > 100
    with pytest.raises(CommandExecutionError, match=r"sysctl kernel\.nonesuch does not exist"):
        salt["sysctl.get"]("kernel.nonesuch")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may set")
def test_setting_the_running_kernel(salt: Loader) -> None:
    same = salt["sysctl.get"]("vm.swappiness")
    assert salt["sysctl.assign"]("vm.swappiness", same) == {"vm.swappiness": same}
    with pytest.raises(CommandExecutionError, match=r"sysctl -w failed: .*Invalid argument"):
        salt["sysctl.assign"]("vm.swappiness", "much")
    with pytest.raises(CommandExecutionError, match="does not exist"):
        salt["sysctl.assign"]("vm.nonesuch", 1)


def test_names_stay_in_their_tree(salt: Loader, proc: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("untouched")
    for name in (
        str(outside),
        f"/{outside}",
        "../../outside",
        "net/../../../outside",
        "....outside",
        "",
        "net",
        "net/",
    ):
        with pytest.raises(CommandExecutionError, match="does not exist"):
            salt["sysctl.assign"](name, 1)
        with pytest.raises(CommandExecutionError, match="does not exist"):
            salt["sysctl.get"](name)
    assert outside.read_text() == "untouched"


def test_interfaces_with_dots(salt: Loader, proc: Path) -> None:
    assert salt["sysctl.show"]()["net.ipv4.conf.eth0/5.forwarding"] == "0"
    salt["sysctl.assign"]("net.ipv4.conf.eth0/5.forwarding", 1)
    assert salt["sysctl.get"]("net/ipv4/conf/eth0.5/forwarding") == "1"


def test_persist(salt: Loader, proc: Path, tmp_path: Path) -> None:
    config = tmp_path / "sysctl.d/99-salt.conf"
    persist = salt["sysctl.persist"]
    assert persist("net.ipv4.tcp_rmem", "1 2 3", config=str(config)) == "Updated"
    assert config.read_text() == "#\n# Kernel sysctl configuration\n#\nnet.ipv4.tcp_rmem = 1 2 3\n"
    assert salt["sysctl.get"]("net.ipv4.tcp_rmem").startswith("1 2 3\n")
    (proc / "net/ipv4/tcp_rmem").write_text("1\t2\t3\n")
    assert persist("net.ipv4.tcp_rmem", "1 2 3", config=str(config)) == "Already set"
    (proc / "net/ipv4/tcp_rmem").write_text("9\t9\t9")
    assert persist("net.ipv4.tcp_rmem", "1 2 3", config=str(config)) == "Updated"
    assert salt["sysctl.get"]("net.ipv4.tcp_rmem") == "1 2 3"


def test_persist_changes_only_its_lines(salt: Loader, proc: Path, tmp_path: Path) -> None:
    config = tmp_path / "sysctl.conf"
    name = "net.ipv4.conf.eth0/5.forwarding"
    config.write_text(f"; x\n#{name} = 7\nother=1\n\n  {name}=0\n-net/ipv4/conf/eth0.5/forwarding = 0")
    assert salt["sysctl.persist"](name, 1, config=str(config)) == "Updated"
    assert config.read_text() == (f"; x\n#{name} = 7\nother=1\n\n{name} = 1\n-net/ipv4/conf/eth0.5/forwarding = 1\n")
    assert salt["sysctl.show"](str(config)) == {
        "other": "1",
        name: "1",
        "-net/ipv4/conf/eth0.5/forwarding": "1",
    }
    assert salt["sysctl.show"](str(tmp_path / "none")) == []


def test_default_config(salt: Loader) -> None:
    booted = os.path.isdir("/run/systemd/system")
    assert salt["sysctl.default_config"]() == ("/etc/sysctl.d/99-salt.conf" if booted else "/etc/sysctl.conf")
