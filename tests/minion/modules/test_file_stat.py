"""Facts about files: file_stat, file_kind and file_path."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A file of two names, a folder, links, a pipe and a socket."""
    root = tmp_path / "tree"
    (root / "d").mkdir(parents=True)
    (root / "f").write_text("hello\n")
    (root / "f").chmod(0o640)
    os.link(root / "f", root / "hard")
    (root / "link").symlink_to("f")
    (root / "dangling").symlink_to("nowhere")
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(root / "sock"))
    return root


def test_stats(salt: Loader, tree: Path) -> None:
    status = (tree / "f").stat()
    found = salt["file.stats"](str(tree / "link"), hash_type="sha256")
    assert found == {
        "inode": status.st_ino,
        "uid": status.st_uid,
        "gid": status.st_gid,
        "user": "root" if status.st_uid == 0 else found["user"],
        "group": "root" if status.st_gid == 0 else found["group"],
        "atime": status.st_atime,
        "mtime": status.st_mtime,
        "ctime": status.st_ctime,
        "size": 6,
        "mode": "0640",
        "sum": hashlib.sha256(b"hello\n").hexdigest(),
        "type": "file",
        "target": str(tree / "f"),
    }
    assert salt["file.stats"](str(tree / "link"), follow_symlinks=False)["type"] == "link"
    assert salt["file.stats"](str(tree / "dangling"))["type"] == "link"
    kinds = {"d": "dir", "fifo": "pipe", "sock": "socket", "f": "file"}
    assert {name: salt["file.stats"](str(tree / name))["type"] for name in kinds} == kinds
    assert salt["file.stats"]("/dev/null")["type"] == "char"
    with pytest.raises(CommandExecutionError, match=f"^Path not found: {tree}/missing$"):
        salt["file.stats"](str(tree / "missing"))


def test_single_facts(salt: Loader, tree: Path) -> None:
    path, status = str(tree / "f"), (tree / "f").stat()
    assert salt["file.get_uid"](path) == status.st_uid and salt["file.get_gid"](path) == status.st_gid
    assert salt["file.get_mode"](path) == "0640"
    assert salt["file.get_mode"](str(tree / "link"), follow_symlinks=False) == "0777"
    assert salt["file.user_to_uid"](salt["file.get_user"](path)) == status.st_uid
    assert salt["file.group_to_gid"](salt["file.get_group"](path)) == status.st_gid
    assert salt["file.lstat"](str(tree / "link"))["st_mode"] == os.lstat(tree / "link").st_mode
    assert salt["file.lstat"](str(tree / "missing")) == {}
    assert salt["file.statvfs"](path)["f_bsize"] == os.statvfs(path).f_bsize
    with pytest.raises(CommandExecutionError, match="Could not statvfs"):
        salt["file.statvfs"](str(tree / "missing"))
    with pytest.raises(SaltInvocationError, match="must be absolute"):
        salt["file.lstat"]("relative")


def test_names_and_numbers(salt: Loader) -> None:
    assert salt["file.user_to_uid"]("root") == 0 and salt["file.uid_to_user"](0) == "root"
    assert salt["file.group_to_gid"]("root") == 0 and salt["file.gid_to_group"](0) == "root"
    assert salt["file.gid_to_group"]("root") == "root" and salt["file.gid_to_group"]("no-such-group") == ""
    assert salt["file.user_to_uid"]("no-such-user") == "" and salt["file.group_to_gid"]("no-such-group") == ""
    assert salt["file.user_to_uid"](None) == os.geteuid() and salt["file.group_to_gid"](None) == ""
    assert salt["file.uid_to_user"](3_999_999) == 3_999_999 and salt["file.gid_to_group"](3_999_999) == 3_999_999


def test_kinds(salt: Loader, tree: Path) -> None:
    def which(name: str) -> list[str]:
        return [entry for entry in sorted(os.listdir(tree)) if salt[f"file.{name}"](str(tree / entry))]

    assert which("file_exists") == ["f", "hard", "link"]
    assert which("directory_exists") == ["d"]
    assert which("is_link") == ["dangling", "link"]
    assert which("is_hardlink") == ["d", "f", "hard"]  # a folder is known to itself as `.` too
    assert which("is_fifo") == ["fifo"]
    assert which("is_chrdev") == [] and salt["file.is_chrdev"]("/dev/null") and not salt["file.is_blkdev"]("/dev/null")
    assert salt["file.is_link"](str(tree / "link"), nostat=True) is True
    assert salt["file.is_link"](str(tree / "f"), nostat=True) is False
    assert salt["file.get_devmm"]("/dev/null") == (1, 3) and salt["file.get_devmm"](str(tree / "f")) == (0, 0)
    assert salt["file.path_exists_glob"](f"{tree}/h*d") is True and salt["file.path_exists_glob"](f"{tree}/z*") is False


def test_access(salt: Loader, tree: Path) -> None:
    access = salt["file.access"]
    assert access(str(tree / "f"), "f") is True and access(str(tree / "f"), "x") is False
    assert access(str(tree / "missing"), "f") is False and access(str(tree / "f"), os.R_OK) is True
    with pytest.raises(SaltInvocationError, match="Invalid mode"):
        access(str(tree / "f"), "q")
    with pytest.raises(SaltInvocationError, match="must be absolute"):
        access("relative", "f")


def test_links_and_folders(salt: Loader, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert salt["file.readlink"](str(tree / "link")) == "f"
    assert salt["file.readlink"](str(tree / "link"), canonicalize=True) == str(tree / "f")
    monkeypatch.setenv("HERE", str(tree))
    assert salt["file.readlink"]("$HERE/link") == "f"
    with pytest.raises(SaltInvocationError, match="A valid link was not specified"):
        salt["file.readlink"](str(tree / "f"))
    assert sorted(salt["file.readdir"](str(tree))) == sorted([".", "..", *os.listdir(tree)])
    with pytest.raises(SaltInvocationError, match="A valid directory was not specified"):
        salt["file.readdir"](str(tree / "f"))


def test_diskusage_counts_a_file_once(salt: Loader, tree: Path) -> None:
    (tree / "d" / "more").write_text("x" * 100)
    assert salt["file.diskusage"](str(tree)) == 106
    assert salt["file.diskusage"](str(tree / "f")) == 6


@pytest.mark.skipif(not shutil.which("lsattr"), reason="lsattr is not installed")
def test_lsattr(salt: Loader, tree: Path) -> None:
    found = salt["file.lsattr"](str(tree / "f"))
    assert found == {} or list(found) == [str(tree / "f")]  # {}: this file system has no attributes
    with pytest.raises(SaltInvocationError, match="does not exist"):
        salt["file.lsattr"](str(tree / "missing"))


def test_selinux_context(salt: Loader, tree: Path) -> None:
    missing = salt["file.get_selinux_context"](str(tree / "missing"))
    assert missing == f"No selinux context information is available for {tree}/missing"


def test_paths(salt: Loader) -> None:
    assert salt["file.join"]("/", "usr", "local") == "/usr/local"
    assert salt["file.basename"]("/a/b") == "b" and salt["file.dirname"]("/a/b") == "/a"
    assert salt["file.normpath"]("/a/../b//c") == "/b/c" and salt["file.pardir"]() == ".."


def test_modes_have_four_digits(salt: Loader, tree: Path) -> None:
    for bits, text in ((0o1777, "1777"), (0o4755, "4755"), (0, "0000"), (0o7, "0007")):
        os.chmod(tree / "d", bits)
        assert salt["file.get_mode"](str(tree / "d")) == text
        assert stat.S_IMODE(os.stat(tree / "d").st_mode) == bits
