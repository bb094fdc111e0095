from __future__ import annotations

from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

FSTAB = """\
# /etc/fstab
UUID=1234\t/\text4\terrors=remount-ro,noatime 0 1
/dev/sda2  none swap sw
/dev/sda3  none swap sw 0 0 trailing words

nas:/some\\040share /mnt/the\\040share nfs4 ro,_netdev 0 0
broken line
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "fstab"
    path.write_text(FSTAB)
    return path


def test_fstab(salt: Loader, table: Path) -> None:
    assert salt["mount.fstab"](str(table)) == {
        "/": {
            "device": "UUID=1234",
            "fstype": "ext4",
            "opts": ["errors=remount-ro", "noatime"],
            "dump": "0",
            "pass": "1",
        },
        "none": {"device": "/dev/sda2", "fstype": "swap", "opts": ["sw"], "dump": "0", "pass": "0"},
        "none_": {"device": "/dev/sda3", "fstype": "swap", "opts": ["sw"], "dump": "0", "pass": "0"},
        "/mnt/the share": {
            "device": "nas:/some share",
            "fstype": "nfs4",
            "opts": ["ro", "_netdev"],
            "dump": "0",
            "pass": "0",
        },
    }
    assert salt["mount.fstab"]("/nonexistent") == {}


def test_set_fstab(salt: Loader, table: Path) -> None:
    config = str(table)
    set_fstab = salt["mount.set_fstab"]
    assert set_fstab("/", "UUID=1234", "ext4", "noatime,errors=remount-ro", pass_num=1, config=config) == "present"
    assert table.read_text() == FSTAB
    assert set_fstab("/", "UUID=1234", "ext4", ["noatime"], pass_num=1, config=config, test=True) == "change"
    assert set_fstab("/", "UUID=1234", "ext4", ["noatime"], config=config, not_change=True) == "present"
    assert table.read_text() == FSTAB
    assert set_fstab("/", "UUID=1234", "ext4", ["noatime"], pass_num=1, config=config) == "change"
    assert table.read_text().splitlines()[1] == "UUID=1234\t\t/\text4\tnoatime\t0 1"
    assert set_fstab("/mnt/a b", "tmpfs", "tmpfs", config=config) == "new"
    assert table.read_text().splitlines()[-1] == "tmpfs\t\t/mnt/a\\040b\ttmpfs\tdefaults\t0 0"
    assert set_fstab("/mnt/a\\040b", "tmpfs", "tmpfs", config=config) == "present"
    assert set_fstab("/mnt/c", "tmpfs", "tmpfs", config=config) == "new"  # the device says nothing here
    assert set_fstab("/mnt/x", "/dev/sda3", "ext4", config=config, match_on=["device", "fstype"]) == "new"
    with pytest.raises(CommandExecutionError, match="Unrecognized keys in match_on"):
        set_fstab("/mnt/x", "/dev/sda3", "ext4", config=config, match_on="size")
    with pytest.raises(CommandExecutionError, match="Bad config file"):
        set_fstab("/mnt/x", "/dev/sda3", "ext4", config="/nonexistent")
    assert [line for line in FSTAB.splitlines() if line not in table.read_text().splitlines()] == [
        "UUID=1234\t/\text4\terrors=remount-ro,noatime 0 1"
    ]


def test_names_become_no_lines(salt: Loader, table: Path) -> None:
    salt["mount.set_fstab"]("/x\n/dev/evil / ext4 defaults 0 0", "dev", "ext4", config=str(table))
    assert len(table.read_text().splitlines()) == len(FSTAB.splitlines()) + 1
    assert "/x\n/dev/evil / ext4 defaults 0 0" in salt["mount.fstab"](str(table))


def test_rm_fstab(salt: Loader, table: Path) -> None:
    config = str(table)
    assert salt["mount.rm_fstab"]("/mnt/the share", "other", config) is True
    assert table.read_text() == FSTAB
    assert salt["mount.rm_fstab"]("/mnt/the share", "nas:/some share", config) is True
    assert "share" not in table.read_text()
    assert salt["mount.rm_fstab"]("none", None, config) is True
    assert list(salt["mount.fstab"](config)) == ["/"]
    assert table.read_text().endswith("\n\nbroken line\n")
    with pytest.raises(CommandExecutionError, match="Couldn't read from"):
        salt["mount.rm_fstab"]("/", None, "/nonexistent")


def test_automaster(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = str(tmp_path / "auto_salt")
    known: list[str] = []
    monkeypatch.setitem(salt["mount.set_automaster"].__globals__, "_make_known", known.append)
    assert salt["mount.automaster"](config) == {}
    assert salt["mount.set_automaster"]("/mnt/a", "srv:/a", "nfs", "ro", config, test=True) == "new"
    assert salt["mount.set_automaster"]("/mnt/a", "srv:/a", "nfs", ["ro", "soft"], config) == "new"
    assert known == [config]
    assert salt["mount.set_automaster"]("/mnt/a", "srv:/a", "nfs", "ro,soft", config) == "present"
    assert salt["mount.set_automaster"]("/mnt/a", "srv:/b", "nfs", "rw", config) == "change"
    assert salt["mount.set_automaster"]("/mnt/b", "//srv/b", "smbfs", "rw", config) == "new"
    assert salt["mount.automaster"](config) == {
        "/mnt/a": {"device": "srv:/b", "fstype": "-fstype=nfs", "opts": ["rw"]},
        "/mnt/b": {"device": "//srv/b", "fstype": "-fstype=smbfs", "opts": ["rw"]},
    }
    assert salt["mount.rm_automaster"]("/mnt/a", "other", config) is True
    assert salt["mount.rm_automaster"]("/mnt/a", None, config) is True
    assert list(salt["mount.automaster"](config)) == ["/mnt/b"]
