"""Modules are not really loaded: a test must not change the kernel, and many kernels have none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minion.loader import Loader
from minion.modules import _systemd

LOADED = """\
nf_nat 57344 2 nft_chain_nat,xt_MASQUERADE, Live 0x0000000000000000
kvm 1339392 1 kvm_intel,[permanent], Live 0x0000000000000000
loop 40960 0 - Live 0x0000000000000000
"""


@pytest.fixture
def kernel(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = salt["kmod.lsmod"].__globals__
    (tmp_path / "loaded").write_text(LOADED)
    folder = tmp_path / "modules" / os.uname().release
    (folder / "kernel/net").mkdir(parents=True)
    (folder / "modules.builtin").write_text("kernel/fs/ext4/ext4.ko\nkernel/crypto/sha1-generic.ko\n")
    for file in ("dummy.ko", "snd-hda.ko.xz", "README"):
        (folder / "kernel/net" / file).touch()
    monkeypatch.setitem(names, "_LOADED", str(tmp_path / "loaded"))
    monkeypatch.setitem(names, "_MODULES", str(tmp_path / "modules"))
    monkeypatch.setitem(names, "_boot_list", lambda: str(tmp_path / "etc/modules"))
    (tmp_path / "bin").mkdir()
    scripts = {
        "modprobe": f'echo "$2 1 0 - Live 0" >>{tmp_path}/loaded; [ "$2" != bad ] || {{ echo no >&2; exit 1; }}',
        "rmmod": f'sed -i "/^$2 /d" {tmp_path}/loaded; [ "$2" != bad ] || {{ echo no >&2; exit 1; }}',
    }
    for name, script in scripts.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path


def test_reading(salt: Loader, kernel: Path) -> None:
    assert salt["kmod.lsmod"]() == [
        {"size": "57344", "module": "nf_nat", "depcount": "2", "deps": ["nft_chain_nat", "xt_MASQUERADE"]},
        {"size": "1339392", "module": "kvm", "depcount": "1", "deps": ["kvm_intel"]},
        {"size": "40960", "module": "loop", "depcount": "0", "deps": []},
    ]
    assert salt["kmod.mod_list"]() == ["kvm", "loop", "nf_nat"]
    assert salt["kmod.is_loaded"]("nf-nat") is True
    assert salt["kmod.is_loaded"]("nope") is False
    assert salt["kmod.available"]() == ["dummy", "ext4", "sha1_generic", "snd_hda"]
    assert salt["kmod.check_available"]("snd-hda") is True


def test_loading_now_and_at_boot(salt: Loader, kernel: Path) -> None:
    boot = kernel / "etc/modules"
    assert salt["kmod.load"]("dummy") == ["dummy"]
    assert not boot.exists()
    assert salt["kmod.load"]("dummy numdummies=2", persist=True) == ["dummy"]
    assert boot.read_text() == "dummy numdummies=2\n"
    assert salt["kmod.load"]("dummy", persist=True) == []
    assert salt["kmod.mod_list"](only_persist=True) == ["dummy"]
    assert salt["kmod.load"]("nonesuch", persist=True) == ["nonesuch"]  # there is no such module to load at boot
    assert salt["kmod.mod_list"](True) == ["dummy"]
    assert salt["kmod.load"]("bad") == "Error loading module bad: no"


def test_removing_now_and_at_boot(salt: Loader, kernel: Path) -> None:
    boot = kernel / "etc/modules"
    boot.parent.mkdir()
    boot.write_text("# keep\ndummy numdummies=2\next4\n")
    salt["kmod.load"]("dummy")
    assert salt["kmod.remove"]("dummy", persist=True) == ["dummy"]
    assert boot.read_text() == "# keep\n#dummy numdummies=2\next4\n"
    assert salt["kmod.load"]("dummy numdummies=2", persist=True) == ["dummy"]
    assert boot.read_text() == "# keep\ndummy numdummies=2\next4\n"
    assert salt["kmod.remove"]("dummy", persist=True, comment=False) == ["dummy"]
    assert boot.read_text() == "# keep\next4\n"
    assert salt["kmod.remove"]("bad") == "Error removing module bad: no"


def test_where_the_list_lies(salt: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    boot_list = salt["kmod.load"].__globals__["_boot_list"]
    monkeypatch.setattr(_systemd, "booted", lambda: True)
    assert boot_list() == "/etc/modules-load.d/salt_managed.conf"
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    assert boot_list() == "/etc/modules"
