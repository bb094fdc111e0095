from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.minion.states.calls import State

FILES = {"a.txt": "{{ grains.id }}\n", "sub/b.txt": "b\n", "sub/c.conf": "c\n", "sub/deep/d.txt": "d\n"}


@pytest.fixture(scope="module", autouse=True)
def served(host: State) -> None:
    host.box.write({f"srv/tree/{name}": text for name, text in FILES.items()})
    host.box.write({"srv/other/a.txt": "other\n", "srv/other/only.txt": "only\n"})
    tree = host.box.root / "srv/tree"
    (tree / "empty").mkdir()
    (tree / "a.link").symlink_to("a.txt")
    (tree / "sub.link").symlink_to("sub")
    (tree / "sub/c.conf").chmod(0o751)


def below(top: Path) -> List[str]:
    return sorted(str(path.relative_to(top)) for path in top.rglob("*"))


def test_a_whole_folder(host: State, tmp_path: Path) -> None:
    top = tmp_path / "new"
    predicted, first, second = host.converge("file.recurse", str(top), source="salt://tree", exclude_pat="*.link*")
    assert predicted["changes"][str(top / "sub/b.txt")] == {"newfile": str(top / "sub/b.txt")}
    assert f"#### {top}/a.txt ####\nThe file {top}/a.txt is set to be changed" in predicted["comment"]
    assert first["comment"] == f"Recursively updated {top}"
    assert first["changes"][str(top / "a.txt")] == {"diff": "New file", "mode": "0644"}
    assert second["comment"] == f"The directory {top} is in the correct state"
    assert below(top) == ["a.txt", "sub", "sub/b.txt", "sub/c.conf", "sub/deep", "sub/deep/d.txt"]
    assert (top / "a.txt").read_text() == FILES["a.txt"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"include_pat": "sub/*"}, ["sub", "sub/b.txt", "sub/c.conf", "sub/deep", "sub/deep/d.txt"]),
        ({"include_pat": r"E@\.txt$", "exclude_pat": ["E@deep", "sub.*"]}, ["a.txt", "sub", "sub/b.txt"]),
        ({"maxdepth": 0, "exclude_pat": "*.link"}, ["a.txt"]),
        ({"maxdepth": 0, "include_empty": True, "exclude_pat": "*.link"}, ["a.txt", "empty", "sub"]),
        ({"keep_symlinks": True, "maxdepth": 0}, ["a.link", "a.txt"]),
        ({"source": ["salt://nosuch", "salt://other"]}, ["a.txt", "only.txt"]),
        ({"source": ["salt://other", "salt://tree/sub/deep"], "merge": True}, ["a.txt", "d.txt", "only.txt"]),
    ],
)
def test_what_is_brought(host: State, tmp_path: Path, arguments: Dict[str, Any], expected: List[str]) -> None:
    top = tmp_path / "new"
    host.converge("file.recurse", str(top), **{"source": "salt://tree", **arguments})
    assert below(top) == expected


def test_links_stay_links(host: State, tmp_path: Path) -> None:
    top = tmp_path / "new"
    top.mkdir()
    (top / "a.link").write_text("in the way")
    options: Dict[str, Any] = {"source": "salt://tree", "keep_symlinks": True}
    result = host("file.recurse", str(top), **options)
    assert result["result"] is False
    assert f"File exists where the symlink {top}/a.link should be" in result["comment"]
    host.converge("file.recurse", str(top), force_symlinks=True, **options)
    assert (os.readlink(top / "a.link"), os.readlink(top / "sub.link")) == ("a.txt", "sub")


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root only")
def test_owner_and_modes(host: State, tmp_path: Path) -> None:
    top = tmp_path / "new"
    options = {"user": "daemon", "group": "bin", "dir_mode": "0710", "file_mode": "keep"}
    host.converge("file.recurse", str(top), source="salt://tree/sub", **options)
    found = {path.name: (path.stat().st_mode & 0o777, path.owner(), path.group()) for path in [top, *top.rglob("*")]}
    assert found["new"] == found["deep"] == (0o710, "daemon", "bin")
    assert found["c.conf"] == (0o751, "daemon", "bin")


def test_templates(host: State, tmp_path: Path) -> None:
    host.converge("file.recurse", str(tmp_path / "new"), source="salt://tree", template="jinja", include_pat="a.txt")
    assert (tmp_path / "new/a.txt").read_text() == "box-one\n"


def test_files_that_are_there_stay(host: State, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("mine\n")
    host.converge("file.recurse", str(tmp_path), source="salt://other", replace=False)
    assert (tmp_path / "a.txt").read_text() == "mine\n"


def test_clean(host: State, tmp_path: Path) -> None:
    top = tmp_path / "old"
    (top / "only.txt/folder").mkdir(parents=True)
    (top / "gone/deep").mkdir(parents=True)
    (top / "x.keep").write_text("")
    options: Dict[str, Any] = {"source": "salt://other", "clean": True, "exclude_pat": "*.keep"}
    predicted = host("file.recurse", str(top), test=True, **options)
    assert predicted["result"] is None
    assert f"#### removed ####\n{top}/gone\n" in predicted["comment"]
    assert f"Replacing directory {top}/only.txt with a file" in predicted["comment"]
    first = host("file.recurse", str(top), **options)
    assert (first["result"], first["changes"]["removed"]) == (True, [str(top / "gone")])
    assert below(top) == ["a.txt", "only.txt", "x.keep"]
    assert host("file.recurse", str(top), **options)["changes"] == {}


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("rel", {}, "Specified file rel is not an absolute path"),
        ("/etc/hostname", {}, "The path /etc/hostname exists and is not a directory"),
        ("/x", {"mode": 1}, "'mode' is not allowed in 'file.recurse'. Please use 'file_mode' and 'dir_mode'."),
        ("/nosuch/x", {"user": "nosuchuser"}, "User nosuchuser is not available "),
        ("/nosuch/x", {"source": "salt://nosuch"}, "Recurse failed: none of the specified sources were found"),
        ("/nosuch/x", {"source": "/etc"}, "Recurse failed: Invalid source '/etc' (must be a salt:// URI)"),
    ],
)
def test_what_is_refused(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.recurse", name, **{"source": "salt://tree", **arguments}) == comment


def test_one_file_that_fails_fails_all(host: State, tmp_path: Path) -> None:
    host.box.write({"srv/broken/a": "fine\n", "srv/broken/b": "{{ nosuch.x }}"})
    result = host("file.recurse", str(tmp_path / "new"), source="salt://broken", template="jinja")
    assert result["result"] is False
    assert "Unable to manage file: Jinja variable 'nosuch' is undefined" in result["comment"]
    assert below(tmp_path / "new") == ["a"]
