"""Modules are not really loaded: a test must not change the kernel, and many kernels have none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.minion.states.calls import State


@pytest.fixture(autouse=True)
def kernel(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = state.names("kmod.lsmod")
    (tmp_path / "loaded").write_text("loop 1 0 - Live 0\n")
    folder = tmp_path / "modules" / os.uname().release
    folder.mkdir(parents=True)
    for module in ("dummy", "bad", "loop"):
        (folder / f"{module}.ko").touch()
    monkeypatch.setitem(names, "_LOADED", str(tmp_path / "loaded"))
    monkeypatch.setitem(names, "_MODULES", str(tmp_path / "modules"))
    monkeypatch.setitem(names, "_boot_list", lambda: str(tmp_path / "boot"))
    scripts = {
        "modprobe": f'[ "$2" != bad ] || {{ echo no >&2; exit 1; }}; echo "$2 1 0 - Live 0" >>{tmp_path}/loaded',
        "rmmod": f'sed -i "/^$2 /d" {tmp_path}/loaded',
    }
    (tmp_path / "bin").mkdir()
    for name, script in scripts.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path


def test_present_and_absent(state: State, kernel: Path) -> None:
    predicted, first, second = state.converge("kmod.present", "dummy")
    assert predicted["comment"] == "Kernel module dummy is set to be loaded"
    assert (first["comment"], first["changes"]) == ("Loaded kernel module dummy", {"dummy": "loaded"})
    assert second["comment"] == "Kernel module dummy is already present"
    predicted, first, second = state.converge("kmod.absent", "dummy")
    assert predicted["comment"] == "Kernel module dummy is set to be removed"
    assert (first["comment"], first["changes"]) == ("Removed kernel module dummy", {"dummy": "removed"})
    assert second["comment"] == "Kernel module dummy is already removed"


def test_at_boot_too(state: State, kernel: Path) -> None:
    state.converge("kmod.present", "x", mods=["dummy", "loop"], persist=True)
    assert (kernel / "boot").read_text() == "dummy\nloop\n"
    state.converge("kmod.absent", "loop", persist=True)
    assert (kernel / "boot").read_text() == "dummy\n#loop\n"


def test_several(state: State, kernel: Path) -> None:
    result = state("kmod.present", "x", mods=["loop", "dummy", "none", "bad"])
    assert result["result"] is False
    assert result["changes"] == {"dummy": "loaded"}
    assert result["comment"].splitlines() == [
        "Kernel module loop is already present",
        "Kernel module none is unavailable",
        "Loaded kernel module dummy",
        "Failed to load kernel module bad: Error loading module bad: no",
    ]
    absent = state("kmod.absent", "x", mods=["none", "bad"])
    assert absent["comment"] == "Kernel modules none, bad are already removed"
