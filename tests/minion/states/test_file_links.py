from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


def test_a_new_link(host: State, tmp_path: Path) -> None:
    link = tmp_path / "folder/link"
    result = host("file.symlink", str(link), target="there")
    assert (result["result"], result["comment"]) == (False, f"Directory {tmp_path}/folder for symlink is not present")
    predicted, first, second = host.converge("file.symlink", str(link), target="there", makedirs=True, mode="700")
    creation = f"Symlink {link} to there is set for creation"
    assert predicted["comment"] == f"{creation}\n{tmp_path}/folder will be created"
    assert (first["comment"], first["changes"]) == (f"Created new symlink {link} -> there", {"new": str(link)})
    assert second["comment"].startswith(f"Symlink {link} is present and owned by ")
    assert (os.readlink(link), link.parent.stat().st_mode & 0o777) == ("there", 0o700)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_leads_elsewhere(host: State, tmp_path: Path, exists: bool) -> None:
    link = tmp_path / "link"
    link.symlink_to("old")
    if exists:
        (tmp_path / "old").mkdir()
    predicted, first, _ = host.converge("file.symlink", str(link), target="new")
    assert predicted["comment"] == f"Link {link} target is set to be changed to new"
    assert first["changes"] == {"new": str(link)}
    assert (os.readlink(link), (tmp_path / "old").exists()) == ("new", exists)


def test_a_file_is_in_the_way(host: State, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.write_text("mine")
    assert host.fails("file.symlink", str(link), target="x") == f"File exists where the symlink {link} should be"
    predicted = host("file.symlink", str(link), target="x", test=True)
    assert predicted["comment"].endswith("Did you mean to use force?")
    host.converge("file.symlink", str(link), target="x", backupname="kept")
    assert (os.readlink(link), (tmp_path / "kept").read_text()) == ("x", "mine")


def test_a_backup_is_in_the_way(host: State, tmp_path: Path) -> None:
    link, backup = tmp_path / "link", tmp_path / "kept"
    link.write_text("mine")
    backup.write_text("older")
    comment = host.fails("file.symlink", str(link), target="x", backupname=str(backup))
    assert comment == f"Symlink & backup dest exists and Force not set. {link} -> x - backup: {backup}"
    host("file.symlink", str(link), target="x", backupname=str(backup), force=True)
    assert (os.readlink(link), backup.read_text()) == ("x", "mine")


@pytest.mark.parametrize("how", [{"force": True}, {"atomic": True}])
def test_files_give_way_and_folders_do_not(host: State, tmp_path: Path, how: Dict[str, Any]) -> None:
    link, folder = tmp_path / "link", tmp_path / "folder"
    link.write_text("mine")
    host("file.symlink", str(link), target="x", **how)
    assert os.readlink(link) == "x"
    (folder / "mine").mkdir(parents=True)
    comment = host.fails("file.symlink", str(folder), target="x", **how)
    assert comment.startswith(f"Unable to create new symlink {folder} -> x: ")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["folder", "link", "mine"]


@pytest.mark.skipif(os.geteuid() != 0, reason="links are given to others by root only")
def test_owner(host: State, tmp_path: Path) -> None:
    link = tmp_path / "link"
    (tmp_path / "target").write_text("")
    link.symlink_to("target")
    predicted, first, second = host.converge("file.symlink", str(link), target="target", user="daemon")
    assert "the ownership of the symlink would be changed from root:root to daemon:daemon" in predicted["comment"]
    assert first["changes"] == {"ownership": "daemon:daemon"}
    assert second["comment"] == f"Symlink {link} is present and owned by daemon:daemon"
    assert ((tmp_path / "target").owner(), link.lstat().st_uid) == ("root", 1)
    host("file.symlink", str(link), target="other", inherit_user_and_group=True)
    assert link.lstat().st_uid == 1
    host.converge("file.symlink", str(link), target="other", user=0, group=0)


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("", {}, "Must provide name to file.symlink"),
        ("rel", {}, "Specified file rel is not an absolute path"),
        (
            "rel",
            {"user": "nosuch", "group": "nosuch"},
            "User nosuch does not exist. Group nosuch does not exist. Specified file rel is not an absolute path.",
        ),
        ("/etc/hostname", {"backupname": "a/b"}, "Backupname must be an absolute path or a file name: a/b"),
    ],
)
def test_what_a_link_is_refused_for(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.symlink", name, target="/etc/passwd", **arguments) == comment


# hard links


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "target"
    path.write_text("target")
    return path


def test_a_new_hard_link(host: State, target: Path) -> None:
    link = target.parent / "folder/link"
    options = {"target": str(target), "makedirs": True}
    predicted, first, second = host.converge("file.hardlink", str(link), **options)
    assert predicted["comment"] == f"Hard link {link} to {target} is set for creation"
    assert (first["comment"], first["changes"]) == (f"Created new hard link {link} -> {target}", {"new": str(link)})
    assert second["comment"] == f"Target of hard link {link} is already pointing to {target}"
    assert link.samefile(target)


def test_a_hard_link_to_another_file(host: State, target: Path) -> None:
    link, other = target.parent / "link", target.parent / "other"
    other.write_text("other")
    os.link(other, link)
    _, first, _ = host.converge("file.hardlink", str(link), target=str(target))
    assert first["comment"] == f"Set target of hard link {link} -> {target}"
    assert (link.samefile(target), other.read_text()) == (True, "other")


def test_a_file_gives_way_to_a_hard_link_by_force(host: State, target: Path) -> None:
    link = target.parent / "link"
    link.write_text("mine")
    comment = host.fails("file.hardlink", str(link), target=str(target))
    assert comment == f"File exists where the hard link {link} should be"
    predicted = host("file.hardlink", str(link), test=True, target=str(target), force=True)
    assert (predicted["result"], "set for removal to make way" in predicted["comment"]) == (None, True)
    first = host("file.hardlink", str(link), target=str(target), force=True)
    assert first["changes"] == {"forced": "File for hard link was forcibly replaced", "new": str(link)}


def test_a_file_stays_if_no_hard_link_can_be_made(host: State, target: Path) -> None:
    link = target.parent / "link"
    link.write_text("mine")
    result = host("file.hardlink", str(link), target="/proc/version", force=True)
    assert result["result"] is False
    assert result["comment"].startswith(f"Unable to create new hard link {link} -> /proc/version: ")
    assert (link.read_text(), sorted(path.name for path in target.parent.iterdir())) == ("mine", ["link", "target"])


@pytest.mark.parametrize(
    ("name", "to", "comment"),
    [
        ("", "/x", "Must provide name to file.hardlink"),
        ("rel", "x", "Specified file rel is not an absolute path. Specified target x is not an absolute path."),
        ("/etc", "/etc/hostname", "Unable to hard link to directory /etc"),
        ("/nosuch", "/etc", "Unable to hard link from directory /etc"),
        ("/nosuch", "/nosuch2", "Target /nosuch2 for hard link does not exist"),
        ("/nosuch/x", "/etc/hostname", "Directory /nosuch for hard link is not present"),
    ],
)
def test_what_a_hard_link_is_refused_for(host: State, name: str, to: str, comment: str) -> None:
    assert host.fails("file.hardlink", name, target=to) == comment
