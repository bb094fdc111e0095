from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users, makes devices")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_touch(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    assert salt["file.touch"](str(path)) is True and path.read_bytes() == b""
    path.write_text("kept")
    salt["file.touch"](str(path), atime=5, mtime="6")
    assert (path.stat().st_atime, path.stat().st_mtime, path.read_text()) == (5, 6, "kept")
    with pytest.raises(SaltInvocationError, match="must be integers"):
        salt["file.touch"](str(path), mtime="soon")
    with pytest.raises(CommandExecutionError, match="No such file or directory"):
        salt["file.touch"](str(tmp_path / "missing" / "f"))


def test_link(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("x")
    assert salt["file.link"](str(path), str(tmp_path / "l")) is True and path.samefile(tmp_path / "l")
    with pytest.raises(CommandExecutionError, match="Could not create"):
        salt["file.link"](str(path), str(tmp_path / "l"))
    with pytest.raises(SaltInvocationError, match="must be absolute"):
        salt["file.link"]("relative", str(tmp_path / "k"))


def test_symlink(salt: Loader, tmp_path: Path) -> None:
    link = tmp_path / "l"
    assert salt["file.symlink"]("one", str(link)) is True and os.readlink(link) == "one"
    assert salt["file.symlink"]("./one", str(link)) is True
    with pytest.raises(CommandExecutionError, match=f"^Found existing symlink: {link}$"):
        salt["file.symlink"]("two", str(link))
    for option in ("force", "atomic"):
        assert salt["file.symlink"](option, str(link), **{option: True}) is True and os.readlink(link) == option
    link.unlink()
    link.write_text("a file")
    with pytest.raises(CommandExecutionError, match=f"^Existing path is not a symlink: {link}$"):
        salt["file.symlink"]("two", str(link))
    assert salt["file.symlink"]("two", str(link), force=True) is True and os.readlink(link) == "two"
    with pytest.raises(SaltInvocationError, match="Link path must be absolute: relative"):
        salt["file.symlink"]("one", "relative")
    assert sorted(os.listdir(tmp_path)) == ["cache", "l", "srv"]


def test_a_folder_is_not_replaced_by_a_link(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "precious").write_text("x")
    with pytest.raises(IsADirectoryError):
        salt["file.symlink"]("one", str(tmp_path / "d"), force=True)
    assert (tmp_path / "d" / "precious").exists() and sorted(os.listdir(tmp_path)) == ["cache", "d", "srv"]


def test_rename_and_move(salt: Loader, tmp_path: Path) -> None:
    one, two, folder = tmp_path / "one", tmp_path / "two", tmp_path / "d"
    one.write_text("x")
    folder.mkdir()
    assert salt["file.rename"](str(one), str(two)) is True and two.read_text() == "x"
    with pytest.raises(CommandExecutionError, match=f"^Could not rename '{one}' to '{two}'$"):
        salt["file.rename"](str(one), str(two))
    assert salt["file.move"](str(two), str(folder)) == {"result": True, "comment": f"'{two}' moved to '{folder}'"}
    assert (folder / "two").read_text() == "x"
    with pytest.raises(CommandExecutionError, match="Unable to move"):
        salt["file.move"](str(two), str(folder))
    with pytest.raises(SaltInvocationError, match="Destination path must be absolute"):
        salt["file.move"](str(folder), "relative")
    assert salt["file.move"](str(folder / "two"), str(one), disallow_copy_and_unlink=True) is True


@needs_root
def test_copy_keeps_owner_and_permissions(salt: Loader, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_text("new")
    source.chmod(0o600)
    os.chown(source, 1, 2)
    target.write_text("old")
    assert salt["file.copy"](str(source), str(target)) is True
    assert target.read_text() == "new" and mode(target) == 0o600 and target.stat().st_uid == 1
    with pytest.raises(CommandExecutionError, match="No such file or directory"):
        salt["file.copy"](str(tmp_path / "missing"), str(target))


def test_copy_of_a_folder(salt: Loader, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "f").write_text("new")
    with pytest.raises(SaltInvocationError, match="without recurse flag"):
        salt["file.copy"](str(source), str(target))
    salt["file.copy"](str(source), str(target), recurse=True)
    (target / "other").write_text("kept")
    salt["file.copy"](str(source), str(target), recurse=True)
    assert (target / "sub" / "f").read_text() == "new" and (target / "other").exists()
    salt["file.copy"](str(source), str(target), recurse=True, remove_existing=True)
    assert os.listdir(target) == ["sub"]


def test_remove(salt: Loader, tmp_path: Path) -> None:
    folder, link = tmp_path / "d", tmp_path / "l"
    (folder / "sub").mkdir(parents=True)
    link.symlink_to("d")
    assert salt["file.remove"](str(link)) is True and folder.exists()
    assert salt["file.remove"](str(folder)) is True and not folder.exists()
    assert salt["file.remove"](str(folder)) is False
    with pytest.raises(SaltInvocationError, match="File path must be absolute: relative"):
        salt["file.remove"]("relative")


def test_rmdir(salt: Loader, tmp_path: Path) -> None:
    top = tmp_path / "d"
    (top / "a" / "b").mkdir(parents=True)
    assert salt["file.rmdir"](str(top)) is False
    assert salt["file.rmdir"](str(top), older_than=1, recurse=True) is True and top.exists()
    answer = salt["file.rmdir"](str(top), recurse=True, verbose=True)
    assert answer == {"deleted": [f"{top}/a/b", f"{top}/a", f"{top}"], "errors": [], "result": True}
    top.mkdir()
    (top / "f").write_text("x")
    answer = salt["file.rmdir"](str(top), verbose=True)
    assert answer["result"] is False and answer["errors"][0][0] == str(top)
    with pytest.raises(SaltInvocationError, match="number of days"):
        salt["file.rmdir"](str(top), older_than="old")


@needs_root
def test_folders_with_owner_and_permissions(salt: Loader, tmp_path: Path) -> None:
    assert salt["file.mkdir"](str(tmp_path / "a" / "b"), user="daemon", group="bin", mode="0750") is True
    for folder in (tmp_path / "a", tmp_path / "a" / "b"):
        assert mode(folder) == 0o750 and (folder.stat().st_uid, folder.stat().st_gid) == (1, 2)
    assert salt["file.makedirs"](f"{tmp_path}/c/d/", mode="700") is None and mode(tmp_path / "c" / "d") == 0o700
    assert salt["file.makedirs"](f"{tmp_path}/c/d/") == f"Directory '{tmp_path}/c/d' already exists"
    (tmp_path / "f").write_text("")
    assert salt["file.makedirs"](f"{tmp_path}/f/x").endswith("already exists and is not a directory")
    salt["file.makedirs_perms"](str(tmp_path / "e"))
    assert mode(tmp_path / "e") == 0o755
    with pytest.raises(SaltInvocationError, match="Please use an absolute path"):
        salt["file.makedirs"]("no-such-folder/x/")


@needs_root
def test_nodes(salt: Loader, tmp_path: Path) -> None:
    name = str(tmp_path / "n" / "fifo")
    answer = salt["file.mknod"](name, "p", mode="0622")
    assert answer == {"name": name, "changes": {"new": f"Fifo pipe {name} created."}, "comment": "", "result": True}
    assert stat.S_ISFIFO(os.stat(name).st_mode) and mode(Path(name)) == 0o622
    answer = salt["file.mknod_fifo"](name)
    assert answer["comment"] == f"File {name} exists and cannot be overwritten" and answer["result"] is False
    try:
        salt["file.mknod"](str(tmp_path / "null"), "c", 1, 3, "daemon", "bin", "0666")
    except PermissionError:
        pytest.skip("devices can't be made here")
    assert salt["file.get_devmm"](str(tmp_path / "null")) == (1, 3) and (tmp_path / "null").stat().st_uid == 1
    salt["file.mknod_blkdev"](str(tmp_path / "blk"), 7, 200)
    assert salt["file.is_blkdev"](str(tmp_path / "blk")) is True
    with pytest.raises(SaltInvocationError, match="Node type unavailable: 'x'"):
        salt["file.mknod"](name, "x")


def test_nodes_are_not_made_in_a_test(salt: Loader, tmp_path: Path) -> None:
    salt.dunders["__opts__"]["test"] = True
    assert salt["file.mknod"](str(tmp_path / "fifo"), "p")["result"] is None
    assert not (tmp_path / "fifo").exists()
