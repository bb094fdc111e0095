from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from minion import atomic


def test_a_new_file_is_readable_by_all_and_an_old_one_keeps_mode_and_owner(tmp_path: Path) -> None:
    new = tmp_path / "new"
    atomic.write(str(new), "text\n")
    assert new.read_text() == "text\n"
    assert new.stat().st_mode & 0o7777 == 0o644

    old = tmp_path / "old"
    old.write_text("before")
    old.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(old, 12345, 54321)
    before = old.stat()
    atomic.write(str(old), b"after")
    after = old.stat()
    assert old.read_bytes() == b"after"
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert after.st_ino != before.st_ino
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["new", "old"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("before")
    link = tmp_path / "link"
    link.symlink_to("target")
    atomic.write(str(link), "after")
    assert link.is_symlink()
    assert target.read_text() == "after"


def test_bytes_that_are_no_text_survive(tmp_path: Path) -> None:
    path = tmp_path / "latin"
    path.write_bytes(b"caf\xe9\n")
    atomic.write(str(path), path.read_text(errors="surrogateescape") + "x")
    assert path.read_bytes() == b"caf\xe9\nx"


def test_nothing_is_lost_when_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        atomic.write(str(path), "after")
    assert path.read_text() == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() != 0, reason="bind mounts need root")
def test_a_mount_point_is_written_in_place(tmp_path: Path) -> None:
    behind, path = tmp_path / "behind", tmp_path / "hosts"
    behind.write_text("before")
    path.touch()
    subprocess.run(["mount", "--bind", behind, path], check=True)
    try:
        atomic.write(str(path), "after")
        assert behind.read_text() == "after"
    finally:
        subprocess.run(["umount", path], check=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["behind", "hosts"]


def test_a_copy_keeps_owner_and_mode_of_what_it_replaces(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"\x00new" * 1_000_000)
    target.write_text("old")
    target.chmod(0o640)
    atomic.copy(str(source), str(target))
    assert target.read_bytes() == source.read_bytes()
    assert target.stat().st_mode & 0o7777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["source", "target"]


def test_a_copy_goes_through_a_link_or_takes_its_place(tmp_path: Path) -> None:
    source, target, link = tmp_path / "source", tmp_path / "target", tmp_path / "link"
    source.write_text("new")
    target.write_text("old")
    link.symlink_to(target)
    atomic.copy(str(source), str(link))
    assert link.is_symlink() and target.read_text() == "new"
    target.write_text("old")
    atomic.copy(str(source), str(link), mode=0o600, follow=False)
    assert not link.is_symlink() and link.read_text() == "new" and target.read_text() == "old"
    assert link.stat().st_mode & 0o7777 == 0o600
