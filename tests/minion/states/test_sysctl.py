from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.states.calls import State


@pytest.fixture(autouse=True)
def proc(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree like /proc/sys that may be written."""
    tree = tmp_path / "proc"
    (tree / "vm").mkdir(parents=True)
    (tree / "vm" / "one").write_text("1\n")
    monkeypatch.setitem(state.names("sysctl.get"), "_PROC", str(tree))
    return tree


def test_present(state: State, proc: Path, tmp_path: Path) -> None:
    config = tmp_path / "sysctl.conf"
    predicted, first, second = state.converge("sysctl.present", "vm.one", value=2, config=str(config))
    assert predicted["comment"] == "Sysctl option vm.one set to be changed to 2"
    assert (first["comment"], first["changes"]) == ("Updated sysctl value vm.one = 2", {"vm.one": 2})
    assert second["comment"] == "Sysctl value vm.one = 2 is already set"
    assert (proc / "vm" / "one").read_text() == "2\n"
    assert config.read_text().endswith("vm.one = 2\n")


def test_prediction_looks_at_the_kernel_and_at_the_file(state: State, proc: Path, tmp_path: Path) -> None:
    config = tmp_path / "sysctl.conf"
    running = state("sysctl.present", "vm.one", test=True, value=1, config=str(config))
    assert running["comment"].startswith("Sysctl value is currently set on the running system but not in a config file")
    config.write_text("vm.one = 5\n")
    predicted = state("sysctl.present", "vm.one", test=True, value=1, config=str(config))
    assert predicted["comment"] == "Sysctl option vm.one would be changed to 1"
    state.converge("sysctl.present", "vm.one", value=1, config=str(config))
    assert config.read_text() == "vm.one = 1\n"


def test_what_the_kernel_does_not_know(state: State, tmp_path: Path) -> None:
    config = tmp_path / "sysctl.conf"
    options = {"value": 1, "config": str(config)}
    assert state("sysctl.present", "vm.none", test=True, **options)["result"] is None
    assert state.fails("sysctl.present", "vm.none", **options) == (
        "Failed to set vm.none to 1: sysctl vm.none does not exist"
    )
    assert not config.exists()
