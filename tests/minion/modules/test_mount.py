from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import SaltInvocationError
from minion.loader import Loader

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[str]:
    """A mount point with a blank and other letters in its name."""
    path = tmp_path / "a mount pöint"
    yield str(path)
    while subprocess.run(["umount", path], check=False, capture_output=True).returncode == 0:
        pass


def test_active(salt: Loader) -> None:
    found = salt["mount.active"]()
    assert found["/proc"]["fstype"] == "proc"
    assert set(found["/proc"]) == {"device", "alt_device", "fstype", "opts"}
    assert "rw" in found["/proc"]["opts"]
    extended = salt["mount.active"](extended=True)
    assert set(extended) == set(found)
    assert extended["/proc"]["superopts"][0] in ("rw", "ro")
    assert {"mountid", "parentid", "major", "minor", "root", "device_uuid", "device_label"} < set(extended["/proc"])


@root_only
def test_a_mount_comes_and_goes(salt: Loader, place: str) -> None:
    assert salt["mount.is_mounted"](place) is False
    assert salt["mount.umount"](place) == f"{place} does not have anything mounted"
    assert "does not exist" in salt["mount.mount"](place, "tmpfs", fstype="tmpfs")
    os.mkdir(place)
    assert salt["mount.mount"](place, "some device", fstype="tmpfs", opts=["size=1m", "mode=700"]) is True
    assert salt["mount.is_mounted"](place) is True
    found = salt["mount.active"]()[place]
    assert (found["device"], found["fstype"]) == ("some device", "tmpfs")
    assert {"rw", "size=1024k", "mode=700"} <= set(found["opts"])
    assert salt["mount.active"](extended=True)[place]["device"] == "some device"
    assert salt["mount.get_mount_from_path"](f"{place}/x/y") == place
    assert salt["mount.get_device_from_path"](f"{place}/x/y") == "some device"
    assert salt["mount.remount"](place, "some device", fstype="tmpfs", opts="ro,size=2m") is True
    assert "ro" in salt["mount.active"]()[place]["opts"]
    assert salt["mount.umount"](place.replace(" ", "\\040")) is True
    assert salt["mount.is_mounted"](place) is False
    assert salt["mount.remount"](place, "tmpfs", fstype="tmpfs") is True
    assert salt["mount.umount"](place, lazy=True) is True


@root_only
def test_mounting_by_fstab_or_not_at_all(salt: Loader, place: str) -> None:
    os.mkdir(place)
    assert "can't find in" in salt["mount.mount"](place)
    assert salt["mount.is_mounted"](place) is False
    with pytest.raises(SaltInvocationError, match="no way to mount by 'guestfs'"):
        salt["mount.mount"](place, util="guestfs")


@root_only
def test_swap(salt: Loader, tmp_path: Path) -> None:
    path = str(tmp_path / "swap file")
    subprocess.run(["dd", "if=/dev/zero", f"of={path}", "bs=64k", "count=8"], check=True, capture_output=True)
    os.chmod(path, 0o600)
    subprocess.run(["mkswap", path], check=True, capture_output=True)
    assert salt["mount.swapoff"](path) is None
    first = salt["mount.swapon"](path, priority=5)
    if not first:
        pytest.skip("this file system can't hold swap files")
    assert (first["new"], first["stats"]["type"], first["stats"]["priority"]) == (True, "file", "5")
    assert salt["mount.swapon"](path)["new"] is False
    assert path in salt["mount.swaps"]()
    assert salt["mount.swapoff"](path) is True
    assert salt["mount.swapon"](str(tmp_path / "none")) == {}


def test_cache(salt: Loader, tmp_path: Path) -> None:
    assert salt["mount.read_mount_cache"]("/x") == {}
    assert salt["mount.write_mount_cache"]("/x", "dev", True, "ext4", ["a"]) is True
    assert salt["mount.write_mount_cache"]("/y", "dev", True, "ext4", ["a"]) is True
    assert salt["mount.read_mount_cache"]("/x") == {"device": "dev", "fstype": "ext4", "mkmnt": True, "opts": ["a"]}
    assert salt["mount.delete_mount_cache"]("/x") is True
    assert salt["mount.delete_mount_cache"]("/x") is True
    assert salt["mount.read_mount_cache"]("/x") == {}
    assert salt["mount.read_mount_cache"]("/y")["device"] == "dev"
    (tmp_path / "cache/mounts").write_text("[broken")
    assert salt["mount.read_mount_cache"]("/y") == {}


def test_fuse(salt: Loader) -> None:
    assert salt["mount.is_fuse_exec"]("no-such-program") is False
    assert salt["mount.is_fuse_exec"]("sh") is False
