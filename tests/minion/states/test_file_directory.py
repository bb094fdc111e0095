from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with one file and one folder, which has a file in turn."""
    top = tmp_path / "tree"
    (top / "sub").mkdir(parents=True)
    for name in ("one", "sub/two"):
        (top / name).write_text(name)
        (top / name).chmod(0o644)
    top.chmod(0o755)
    (top / "sub").chmod(0o755)
    return top


def modes(top: Path) -> Dict[str, str]:
    return {str(path.relative_to(top)): f"{path.stat().st_mode & 0o777:o}" for path in [top, *top.rglob("*")]}


def test_a_new_folder(host: State, tmp_path: Path) -> None:
    path = str(tmp_path / "new")
    predicted, first, second = host.converge("file.directory", path, mode="750")
    assert predicted["comment"] == f"The following files will be changed:\n{path}: directory - new\n"
    assert predicted["changes"] == first["changes"] == {path: {"directory": "new"}}
    assert first["comment"] == ""
    assert second["comment"] == f"The directory {path} is in the correct state"
    assert modes(tmp_path / "new") == {".": "750"}


def test_folders_above_are_made_if_wanted(host: State, tmp_path: Path) -> None:
    path = str(tmp_path / "a/b/c")
    result = host("file.directory", path)
    assert (result["result"], result["comment"]) == (False, f"No directory to create {path} in")
    host.converge("file.directory", path, makedirs=True, mode="711")
    assert modes(tmp_path / "a") == {".": "711", "b": "711", "b/c": "711"}


def test_a_mode_changes(host: State, tree: Path) -> None:
    predicted, first, _ = host.converge("file.directory", str(tree), mode="700")
    assert predicted["comment"] == f"The following files will be changed:\n{tree}: mode - 0700\n"
    assert first["comment"] == f"Directory {tree} updated"
    assert first["changes"] == {str(tree): {"mode": "0700"}, "mode": "0700"}
    assert modes(tree) == {".": "700", "one": "644", "sub": "755", "sub/two": "644"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"recurse": ["mode"]}, {".": "711", "one": "600", "sub": "711", "sub/two": "600"}),
        ({"recurse": ["mode", "ignore_files"]}, {".": "711", "one": "644", "sub": "711", "sub/two": "644"}),
        ({"recurse": ["mode", "ignore_dirs"]}, {".": "711", "one": "600", "sub": "755", "sub/two": "600"}),
        ({"recurse": ["mode"], "max_depth": 1}, {".": "711", "one": "600", "sub": "711", "sub/two": "644"}),
        ({"recurse": ["mode"], "children_only": True}, {".": "755", "one": "600", "sub": "711", "sub/two": "600"}),
    ],
)
def test_modes_below(host: State, tree: Path, arguments: Dict[str, Any], expected: Dict[str, str]) -> None:
    host.converge("file.directory", str(tree), dir_mode="711", file_mode="600", **arguments)
    assert modes(tree) == expected


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root only")
def test_owners_below(host: State, tree: Path) -> None:
    (tree / "link").symlink_to("/etc/hostname")
    host.converge("file.directory", str(tree), user="daemon", group="bin", recurse=["user", "group"])
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in [tree, *tree.rglob("*")]} == {(1, 2)}
    assert Path("/etc/hostname").owner() == "root"
    result = host("file.directory", str(tree), mode="700", recurse=["user", "mode"])
    assert result["result"] is False
    assert "user not specified, but configured as a target for recursive ownership management" in result["comment"]


def test_clean_keeps_what_other_states_put_there(host: State, tree: Path) -> None:
    host.box.write(
        {
            "srv/clean.sls": f"""
kept: {{file.managed: [{{name: {tree}/sub/kept}}, {{contents: x}}]}}
brought: {{file.recurse: [{{name: {tree}/new}}, {{source: 'salt://clean-tree'}}]}}
{tree}:
  file.directory: [{{clean: True}}, {{exclude_pat: 'on*'}}, {{require: [{{file: kept}}, {{file: brought}}]}}]
""",
            "srv/clean-tree/deep/file": "",
        }
    )
    (tree / "gone/below").mkdir(parents=True)
    outcome = host.box.run("state.apply", "clean")
    result = outcome.value[f"file_|-{tree}_|-{tree}_|-directory"]
    assert result["result"] is True
    assert sorted(result["changes"]["removed"]) == [f"{tree}/gone", f"{tree}/sub/two"]
    assert result["comment"] == f"Files cleaned from directory {tree}"
    assert sorted(modes(tree)) == [".", "new", "new/deep", "new/deep/file", "one", "sub", "sub/kept"]


def test_clean(host: State, tree: Path) -> None:
    predicted, first, _ = host.converge("file.directory", str(tree), clean=True)
    removed = {"removed": "Removed due to clean"}
    assert predicted["changes"] == {str(tree / name): removed for name in ("one", "sub", "sub/two")}
    assert sorted(first["changes"]["removed"]) == [str(tree / "one"), str(tree / "sub")]
    assert list(tree.iterdir()) == []


def test_a_file_is_in_the_way(host: State, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    assert host.fails("file.directory", str(path)) == f"Specified location {path} exists and is a file"
    backup = tmp_path / "kept"
    host.converge("file.directory", str(path), backupname=str(backup))
    assert (path.is_dir(), backup.read_text()) == (True, "mine")


def test_a_file_gives_way_by_force(host: State, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("mine")
    predicted = host("file.directory", str(path), test=True, force=True)
    assert predicted["changes"]["forced"] == "File would be forcibly replaced"
    first = host("file.directory", str(path), force=True)
    assert first["changes"] == {"forced": "File was forcibly replaced", str(path): {"directory": "new"}}
    assert path.is_dir()


def test_a_link_will_do_unless_it_may_not(host: State, tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tree)
    assert host("file.directory", str(link))["comment"] == f"The directory {link} is in the correct state"
    comment = host.fails("file.directory", str(link), allow_symlink=False)
    assert comment == f"Specified location {link} exists and is a symlink"
    host("file.directory", str(link), allow_symlink=False, force=True)
    assert (link.is_symlink(), link.is_dir(), tree.is_dir()) == (False, True, True)


@pytest.mark.parametrize(
    ("name", "arguments", "comment"),
    [
        ("", {}, "Must provide name to file.directory"),
        ("rel", {}, "Specified file rel is not an absolute path"),
        ("/nosuch", {"clean": True, "max_depth": 1}, "Cannot specify both max_depth and clean"),
        ("/nosuch", {"group": "nosuchgroup"}, "Group nosuchgroup is not available"),
        ("/nosuch", {"recurse": "mode"}, '"recurse" must be formed as a list of strings'),
        ("/nosuch", {"recurse": ["bogus"]}, 'Types for "recurse" limited to "user", "group", "mode", '),
        ("/nosuch", {"recurse": ["ignore_files", "ignore_dirs"]}, 'Must not specify "recurse" options '),
    ],
)
def test_what_is_refused(host: State, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.directory", name, **arguments).startswith(comment)
