from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


@pytest.fixture
def device(tmp_path: Path) -> Iterator[str]:
    """A disk of some megabytes."""
    if os.geteuid() != 0 or not shutil.which("losetup") or not shutil.which("mkfs.ext4"):
        pytest.skip("making a disk needs root, losetup and mkfs.ext4")
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(8 << 20)
    made = subprocess.run(["losetup", "-f", "--show", image], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"there are no loop devices here: {made.stderr}")
    yield made.stdout.strip()
    subprocess.run(["losetup", "-d", made.stdout.strip()], check=True)


def test_usage(salt: Loader) -> None:
    root = salt["disk.usage"]()["/"]
    assert set(root) == {"filesystem", "1K-blocks", "used", "available", "capacity"}
    assert int(root["1K-blocks"]) >= int(root["available"])
    assert salt["disk.percent"]()["/"] == salt["disk.percent"]("/") == root["capacity"]
    assert salt["disk.percent"]("/no such place") == {}
    assert salt["disk.usage"]("h")["/"]["filesystem"] == root["filesystem"]
    assert set(salt["disk.inodeusage"]()["/"]) == {"inodes", "used", "free", "use", "filesystem"}
    for flags in ("Z", "h /etc", "-"):
        with pytest.raises(CommandExecutionError, match=r"Invalid flag passed to disk\.usage"):
            salt["disk.usage"](flags)


def test_rows_with_blanks(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "df"
    program.write_text(
        "#!/bin/sh\necho 'Filesystem 1024-blocks Used Available Capacity Mounted on'\n"
        "echo 'my disk          1024   512       512      50% /mnt/my disk'\n"
        "echo 'none                -     -         -        - /odd'\necho 'df: /x: Permission denied' >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert salt["disk.percent"]() == {"/mnt/my disk": "50%", "/odd": "-"}
    assert salt["disk.usage"]()["/mnt/my disk"]["filesystem"] == "my disk"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    with pytest.raises(CommandExecutionError, match="broken"):
        salt["disk.usage"]()


def test_a_file_system_from_making_to_wiping(salt: Loader, device: str) -> None:
    assert salt["disk.fstype"](device) == ""
    assert salt["disk.blkid"](device) == {}
    assert salt["disk.format"](device, "ext4", inode_size=512, lazy_itable_init=0, force=True) is True
    subprocess.run(["tune2fs", "-L", 'a "b\\ c', device], check=True, capture_output=True)
    found = salt["disk.blkid"](device)[device]
    assert (found["TYPE"], found["LABEL"]) == ("ext4", 'a "b\\ c')
    assert salt["disk.blkid"](token=f"UUID={found['UUID']}")[device] == found
    assert salt["disk.fstype"](device) == "ext4"
    assert salt["disk.resize2fs"](device) is True
    assert salt["disk.wipe"](device) is True
    assert salt["disk.fstype"](device) == ""
    assert salt["disk.resize2fs"](device) is False
    assert salt["disk.format"]("/nonexistent") is False
    assert salt["disk.wipe"]("/nonexistent") is False


def test_tuning(salt: Loader, device: str) -> None:
    assert salt["disk.dump"](device)["getsize64"] == str(8 << 20)
    assert salt["disk.tune"](device, **{"read-ahead": 512, "read-only": True}) == {"getra": "512", "getro": "1"}
    assert salt["disk.tune"](device, **{"read-write": "True"}) == {"getro": "0"}
    assert salt["disk.dump"](device, ["getro", "getra"]) == {"getro": "0", "getra": "512"}
    with pytest.raises(SaltInvocationError, match="Invalid keyword arguments: read-only=no, size=5"):
        salt["disk.tune"](device, **{"read-only": "no", "size": 5})
    with pytest.raises(CommandExecutionError, match="blockdev"):
        salt["disk.tune"]("/nonexistent", **{"read-ahead": 512})
    assert salt["disk.dump"]("/nonexistent") is False


def test_the_type_of_what_is_mounted(salt: Loader) -> None:
    assert salt["disk.fstype"]("/proc") == "proc"
    assert salt["disk.get_fstype_from_path"]("/proc/self/status") == "proc"
    assert salt["disk.fstype"]("/no such place") == ""
