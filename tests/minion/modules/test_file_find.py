from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from minion.loader import Loader


@pytest.fixture
def top(tmp_path: Path) -> Path:
    top = tmp_path / "top"
    (top / "d" / "e").mkdir(parents=True)
    (top / "a.txt").write_text("hello\n")
    (top / "d" / "b.TXT").write_text("x" * 3000)
    (top / "d" / "e" / "c.log").write_text("foo bar\n")
    (top / "d" / "e" / "c.log").chmod(0o600)
    os.utime(top / "a.txt", (1000, 1000))
    (top / "link").symlink_to("a.txt")
    (top / "dangling").symlink_to("nowhere")
    return top


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"name": "*.txt"}, ["a.txt"]),
        ({"iname": "*.txt"}, ["a.txt", "d/b.TXT"]),
        ({"regex": "[ab]\\."}, ["a.txt", "d/b.TXT"]),
        ({"iregex": "B"}, ["d/b.TXT"]),
        ({"type": "d"}, [".", "d", "d/e"]),
        ({"type": "f,l"}, ["a.txt", "d/b.TXT", "d/e/c.log", "dangling", "link"]),
        ({"type": "l"}, ["dangling", "link"]),
        ({"type": "f", "size": "+1k"}, ["d/b.TXT"]),
        ({"type": "f", "size": "-7"}, ["a.txt", "link"]),
        ({"type": "f", "size": "8b"}, ["d/e/c.log"]),
        ({"type": "f", "size": "2.5k"}, ["d/b.TXT"]),
        ({"type": "f", "mtime": "1d"}, ["a.txt", "link"]),
        ({"type": "f", "mtime": "-1d"}, ["d/b.TXT", "d/e/c.log"]),
        ({"grep": "fo+ b"}, ["d/e/c.log"]),
        ({"maxdepth": 1, "type": "d"}, [".", "d"]),
        ({"mindepth": 2, "type": "d"}, ["d/e"]),
        ({"mindepth": 1, "maxdepth": 2, "type": "d"}, ["d", "d/e"]),
        ({"maxdepth": 0}, ["."]),
        ({"name": "c.log", "owner": str(os.getuid())}, ["d/e/c.log"]),
        ({"name": "c.log", "group": f"{os.getgid()},7"}, ["d/e/c.log"]),
        ({"name": "c.log", "__pub_jid": "1"}, ["d/e/c.log"]),
    ],
)
def test_what_is_found(salt: Loader, top: Path, options: dict[str, Any], found: list[str]) -> None:
    answer = salt["file.find"](str(top), **options)
    assert [os.path.relpath(path, top) for path in answer] == found


def test_links_that_match_by_their_target_too(salt: Loader, top: Path) -> None:
    assert str(top / "link") in salt["file.find"](str(top), type="f")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"regex": "("}, 'error: invalid regular expression: "("'),
        ({"type": "x"}, 'error: invalid file type "x"'),
        ({"size": "big"}, 'error: invalid size: "big"'),
        ({"mtime": "3"}, "error: invalid time interval: '3'"),
        ({"owner": "no-such-user"}, 'error: no such user "no-such-user"'),
        ({"group": "no-such-group"}, 'error: no such group "no-such-group"'),
        ({"bogus": "x"}, 'error: invalid option "bogus"'),
        ({"name": ""}, 'error: missing value for "name" option'),
    ],
)
def test_wrong_options(salt: Loader, top: Path, options: dict[str, Any], complaint: str) -> None:
    assert salt["file.find"](str(top), **options) == complaint


def test_what_is_returned(salt: Loader, top: Path) -> None:
    find = salt["file.find"]
    (entry,) = find(str(top), name="a.txt", print="name,size,type,mode,mtime,md5")
    assert entry == ["a.txt", 6, "f", 0o644, 1000, "b1946ac92492d2347c6235b4d2611184"]
    assert find(str(top), name="c.log", print="name") == ["c.log"]
    assert find(str(top / "d*"), name="c.log") == [str(top / "d/e/c.log")]
    assert find(str(top / "missing")) == []
    assert find(str(top), name="*.txt", exec="echo {} x") == [f"echo {top}/a.txt x:\n{top}/a.txt x\n\n"]


def test_exec_keeps_names_with_blanks_together(salt: Loader, top: Path) -> None:
    (top / "two words").write_text("")
    (answer,) = salt["file.find"](str(top), name="two*", exec="printf '[%s]' {}")
    assert f"[{top}/two words]" in answer


def test_delete(salt: Loader, top: Path) -> None:
    assert salt["file.find"](str(top), "delete", name="*.log", test=True) == [str(top / "d/e/c.log")]
    assert (top / "d/e/c.log").exists()
    assert salt["file.find"](str(top), "delete", name="*.log") == [str(top / "d/e/c.log")]
    assert not (top / "d/e/c.log").exists()
    assert salt["file.find"](str(top), delete="l", name="link") == [str(top / "link")]
    assert (top / "a.txt").exists() and not (top / "link").is_symlink()
    assert salt["file.find"](str(top), delete="d", name="e") == [str(top / "d/e")]
    assert not (top / "d/e").exists() and (top / "d").exists()


def test_open_files(salt: Loader, top: Path) -> None:
    with open(top / "a.txt"):
        assert os.getpid() in salt["file.open_files"]()[str(top / "a.txt")]
        assert str(top / "a.txt") in salt["file.open_files"](by_pid=True)[os.getpid()]
    assert str(top / "a.txt") not in salt["file.open_files"]()


def test_backups(salt: Loader, tmp_path: Path) -> None:
    """The whole life of backups: made by `backup: minion`, listed, restored, deleted."""
    path = tmp_path / "100%_odd name.conf"
    path.write_text("v0\n")
    path.chmod(0o640)
    for number in (1, 2):
        salt["file.manage_file"](
            str(path), "", {}, None, {}, None, None, None, None, "base", "minion", contents=f"v{number}\n"
        )
    backups = salt["file.list_backups"](str(path))
    assert list(backups) == [0, 1] and [backup["Size"] for backup in backups.values()] == [3, 3]
    latest = Path(backups[0]["Location"])
    assert latest.read_text() == "v1\n" and latest.stat().st_mode & 0o777 == 0o640
    assert latest.parent == tmp_path / "cache" / "file_backup" / str(tmp_path)[1:]
    assert time.strftime("%Y") in backups[0]["Backup Time"]
    assert salt["file.list_backup"](str(path), limit=1) == {0: backups[0]}
    assert salt["file.restore_backup"](str(path), 1) == {
        "result": True,
        "comment": f"Successfully restored {backups[1]['Location']} to {path}",
    }
    assert path.read_text() == "v0\n" and path.stat().st_mode & 0o777 == 0o640
    assert len(salt["file.list_backups"](str(path))) == 3  # what was there before is kept as well
    assert salt["file.delete_backup"](str(path), 0)["result"] is True
    assert len(salt["file.list_backups"](str(path))) == 2
    assert salt["file.restore_backup"](str(path), 7)["comment"] == f"backup_id '7' does not exist for {path}"
    assert salt["file.remove_backup"](str(path), "x") == {"result": False, "comment": "Invalid backup_id 'x'"}
    assert salt["file.list_backups"](str(tmp_path / "never" / "kept")) == {}


def test_backups_of_a_folder(salt: Loader, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_text("x")
        salt["file.manage_file"](
            str(tmp_path / name), "", {}, None, {}, None, None, None, None, "base", "minion", contents="y"
        )
    found = salt["file.list_backups_dir"](f"{tmp_path}/")
    assert list(found) == ["one", "two"] and list(found["one"]) == [0]
