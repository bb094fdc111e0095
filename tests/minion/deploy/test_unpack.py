"""Wheels are unpacked as if the devil had made them."""

from __future__ import annotations

import io
import os
import stat
import zipfile
from pathlib import Path

import pytest

from minion.deploy.unpack import unpack
from minion.errors import CommandExecutionError
from tests.minion.deploy.lab import archive

BAD = ["/etc/x", "../x", "a/../../x", "a/./x", "a//x", "..", "a\\..\\x", "a/" + "x" * 256, "./x"]


def test_library_files_are_written(tmp_path: Path):
    data = archive({
        "a/__init__.py": b"1", "a/deep/er/b.so": b"22", "a-1.data/purelib/c.py": b"3", "a-1.data/platlib/d/e.py": b"4",
        "a-1.data/scripts/tool": b"x", "a-1.data/headers/h.h": b"x", "a-1.data/purelib": b"x", "empty/": b"",
    })  # fmt: skip
    written = unpack(data, "a-1", str(tmp_path))
    assert written == {"a/__init__.py": 1, "a/deep/er/b.so": 2, "c.py": 1, "d/e.py": 1}
    found = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(written) and (tmp_path / "a/deep/er/b.so").read_bytes() == b"22"


@pytest.mark.parametrize("name", BAD)
def test_paths_that_lead_elsewhere(name: str, tmp_path: Path):
    folder = tmp_path / "in/here"
    folder.mkdir(parents=True)
    with pytest.raises(CommandExecutionError, match="which is no file below its folder"):
        unpack(archive({"fine.py": b"", name: b"x"}), "a-1", str(folder))
    assert not list(tmp_path.glob("x")) and not Path("/etc/x").exists()


@pytest.mark.parametrize("name", ["a-1.data/purelib/../../../x", "a-1.data/platlib//x"])
def test_data_folders_are_no_way_round(name: str, tmp_path: Path):
    with pytest.raises(CommandExecutionError):
        unpack(archive({name: b"x"}), "a-1", str(tmp_path))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK])
def test_links_and_devices(kind: int, tmp_path: Path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        entry = zipfile.ZipInfo("link")
        entry.external_attr = (kind | 0o777) << 16
        target.writestr(entry, "/etc")
    with pytest.raises(CommandExecutionError, match="no file"):
        unpack(made.getvalue(), "a-1", str(tmp_path))
    assert not os.path.lexists(tmp_path / "link")


def test_no_link_on_the_way_is_followed(tmp_path: Path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/planted").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CommandExecutionError, match="there already"):
        unpack(archive({"planted": b"x"}), "a-1", str(tmp_path / "lib"))
    assert not (tmp_path / "elsewhere").exists()


def test_modes_are_ours(tmp_path: Path):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as target:
        entry = zipfile.ZipInfo("tool")
        entry.external_attr = (stat.S_IFREG | 0o6777) << 16
        target.writestr(entry, "x")
    old = os.umask(0o022)
    try:
        unpack(made.getvalue(), "a-1", str(tmp_path))
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "tool").stat().st_mode) == 0o644


def test_file_that_two_wheels_bring(tmp_path: Path):
    unpack(archive({"a.py": b"1"}), "a-1", str(tmp_path))
    with pytest.raises(CommandExecutionError, match=r"the wheel b-1 brings a file that is there already: .*a.py"):
        unpack(archive({"a.py": b"2"}), "b-1", str(tmp_path))


def test_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("minion.deploy.unpack._MOST_BYTES", 8 << 20)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target, target.open("big", "w") as file:
        for _ in range(9):
            file.write(bytes(1 << 20))
    with pytest.raises(CommandExecutionError, match="larger than any"):
        unpack(made.getvalue(), "a-1", str(tmp_path))
    many = archive({f"{number}": b"" for number in range(20001)})
    with pytest.raises(CommandExecutionError, match="larger than any"):
        unpack(many, "a-1", str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_damage(tmp_path: Path):
    good = archive({"a.py": b"x" * 1000})
    for bad in (b"", b"PK", good[:-30], good[:40] + b"y" * 10 + good[50:]):
        with pytest.raises(CommandExecutionError, match="damaged"):
            unpack(bad, "a-1", str(tmp_path))
