from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State


def can_mount() -> bool:
    return (
        os.geteuid() == 0
        and subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0
    )


pytestmark = pytest.mark.skipif(not can_mount(), reason="mounting needs root, and a kernel that lets it")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "mount point"
    yield path
    while subprocess.run(["umount", path], check=False, capture_output=True).returncode == 0:
        pass


@pytest.fixture
def fstab(tmp_path: Path) -> Path:
    path = tmp_path / "fstab"
    path.write_text("# table\n/dev/sdz9\t/mnt/z\text4\tdefaults\t0 2\n")
    return path


def test_a_mount_comes_and_goes(host: State, place: Path, fstab: Path) -> None:
    options: Dict[str, Any] = {"device": "sltn", "fstype": "tmpfs", "opts": "size=1m", "config": str(fstab)}
    assert host.fails("mount.mounted", str(place), **options) == "Mount directory is not present"
    predicted, first, second = host.converge("mount.mounted", str(place), mkmnt=True, **options)
    assert predicted["comment"] == f"{place} would be created and mounted"
    assert first["comment"] == "Target was successfully mounted. Added new entry to the fstab."
    assert first["changes"] == {"mount": True, "persist": "new"}
    assert second["comment"] == "Target was already mounted. Entry already exists in the fstab."
    assert place.is_mount()
    predicted = host("mount.mounted", str(place), test=True, **{**options, "opts": "size=1m,noexec"})
    assert (predicted["result"], predicted["comment"]) == (
        None,
        "Remount would be forced because options (noexec) changed",
    )
    _, first, _ = host.converge("mount.mounted", str(place), **{**options, "opts": "size=1m,noexec"})
    assert first["changes"] == {"umount": "Forced remount because options (noexec) changed", "persist": "update"}
    predicted, first, second = host.converge("mount.unmounted", str(place), persist=True, config=str(fstab))
    assert predicted["comment"] == f"Mount point {place} is mounted but should not be"
    assert first["comment"] == "Target was successfully unmounted. Removed target from fstab"
    assert second["comment"] == "Target was already unmounted. fstab entry not found"
    assert (place.is_mount(), fstab.read_text().count("\n")) == (False, 2)


def test_another_device(host: State, place: Path) -> None:
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "other", place], check=True)
    options: Dict[str, Any] = {"device": "sltn", "fstype": "tmpfs", "persist": False}
    kept = host("mount.mounted", str(place), device_name_regex=["oth.*"], **options)
    assert (kept["result"], kept["changes"]) == (True, {})
    predicted, first, _ = host.converge("mount.mounted", str(place), **options)
    assert predicted["comment"].startswith("An umount would have been forced because devices do not match.")
    assert first["changes"][
        "umount"
    ] == "Forced unmount because devices don't match. Wanted: sltn, current: other, " + (os.path.realpath("other"))


def test_only_written_down(host: State, place: Path, fstab: Path) -> None:
    options: Dict[str, Any] = {"device": "sltn", "fstype": "tmpfs", "config": str(fstab), "mount": False}
    predicted, first, _ = host.converge("mount.mounted", str(place), **options)
    assert predicted["comment"].endswith("needs to be written to the fstab in order to be made persistent.")
    assert first["comment"] == f"{place} not present and not mounted. Added new entry to the fstab."
    assert not place.exists()


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"device": ""}, "Must provide device to mount.mounted"),
        ({"fstype": ""}, "Must provide fstype to mount.mounted"),
        ({"device": "/dev/nosuch", "fstype": "ext4"}, "mount: "),
        ({"device": "LABEL=nosuchlabel"}, "Unable to find device with label nosuchlabel."),
    ],
)
def test_what_fails(host: State, place: Path, arguments: Dict[str, Any], comment: str) -> None:
    place.mkdir()
    options = {"device": "sltn", "fstype": "tmpfs", "persist": False, **arguments}
    assert host.fails("mount.mounted", str(place), **options).startswith(comment)


def test_entries(host: State, fstab: Path) -> None:
    options: Dict[str, Any] = {"fs_file": "/mnt/y/", "config": str(fstab)}
    entry = {"fs_vfstype": "ext4", "mount": False}
    predicted, first, second = host.converge("mount.fstab_present", "/dev/sdy1", **entry, **options)
    assert predicted["comment"] == f"/mnt/y entry will be written in {fstab}."
    assert (first["comment"], first["changes"]) == (f"/mnt/y entry added in {fstab}.", {"persist": "new"})
    assert second["comment"] == f"/mnt/y entry was already in {fstab}."
    host.converge("mount.fstab_present", "/dev/sdy1", fs_mntops="noatime", **entry, **options)
    predicted, first, second = host.converge("mount.fstab_absent", "/dev/sdy1", **options)
    assert predicted["comment"] == f"/mnt/y entry will be removed from {fstab}."
    assert second["comment"] == f"/mnt/y entry is already missing in {fstab}."
    options["config"] = "/nosuch"
    comment = host.fails("mount.fstab_present", "/dev/sdy1", **entry, **options)
    assert comment == '/mnt/y entry cannot be changed in /nosuch: Bad config file "/nosuch".'


def test_swap_that_is_none(host: State, fstab: Path) -> None:
    predicted = host("mount.swap", str(fstab), test=True, config=str(fstab))
    assert (predicted["result"], predicted["comment"]) == (None, f"Swap {fstab} is set to be activated")
    assert host("mount.swap", str(fstab), config=str(fstab))["result"] is False
    assert fstab.read_text().count("\n") == 2
