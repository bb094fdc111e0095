from __future__ import annotations

import os
from pathlib import Path
from typing import Callable

import pytest

from tests.minion.states.calls import State


def fill(path: Path) -> None:
    path.mkdir()
    (path / "file").write_text("")


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        ("file", Path.touch),
        ("file", lambda path: path.symlink_to("nowhere")),
        ("file", lambda path: path.symlink_to("/etc")),
        ("file", lambda path: os.mkfifo(path)),
        ("directory", fill),
    ],
)
def test_absent(host: State, tmp_path: Path, kind: str, make: Callable[[Path], None]) -> None:
    path = tmp_path / "x"
    make(path)
    predicted, first, second = host.converge("file.absent", str(path))
    assert predicted["comment"] == f"{kind.capitalize()} {path} is set for removal"
    assert (first["comment"], first["changes"]) == (f"Removed {kind} {path}", {"removed": str(path)})
    assert second["comment"] == f"File {path} is not present"
    assert not os.path.lexists(path)
    assert os.path.exists("/etc/hostname")


@pytest.mark.parametrize(
    ("function", "name", "comment"),
    [
        ("absent", "", "Must provide name to file.absent"),
        ("absent", "rel", "Specified file rel is not an absolute path"),
        ("absent", "/", 'Refusing to make "/" absent'),
        ("absent", "/proc/version", "Could not remove '/proc/version': "),
        ("exists", "", "Must provide name to file.exists"),
        ("exists", "/nosuch", "Specified path /nosuch does not exist"),
        ("missing", "", "Must provide name to file.missing"),
        ("missing", "/etc", "Specified path /etc exists"),
        ("touch", "", "Must provide name to file.touch"),
        ("touch", "rel", "Specified file rel is not an absolute path"),
        ("touch", "/nosuch/x", "Directory not present to touch file /nosuch/x"),
    ],
)
def test_what_fails(host: State, function: str, name: str, comment: str) -> None:
    assert host.fails(f"file.{function}", name).startswith(comment)


def test_whether_it_is_there(host: State) -> None:
    for test in (True, False):
        assert host("file.exists", "/etc", test=test)["comment"] == "Path /etc exists"
        assert host("file.missing", "/nosuch", test=test)["comment"] == "Path /nosuch is missing"


def test_touch(host: State, tmp_path: Path) -> None:
    path = tmp_path / "folder/file"
    predicted = host("file.touch", str(path), test=True, makedirs=True)
    assert (predicted["result"], predicted["comment"]) == (None, f"File {path} is set to be created")
    first = host("file.touch", str(path), makedirs=True)
    assert (first["comment"], first["changes"]) == (f"Created empty file {path}", {"new": str(path)})
    predicted = host("file.touch", str(path), test=True, mtime=1000)
    assert (predicted["result"], predicted["changes"]) == (None, {"touched": str(path)})
    second = host("file.touch", str(path), mtime=1000)
    assert (second["comment"], second["changes"]) == (f"Updated times on file {path}", {"touched": str(path)})
    assert path.stat().st_mtime == 1000
    assert host("file.touch", str(tmp_path))["comment"] == f"Updated times on directory {tmp_path}"


def test_an_empty_folder_is_pruned(host: State, tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.mkdir()
    predicted, first, second = host.converge("file.pruned", str(path))
    assert predicted["comment"] == f"Directory {path} is set for removal"
    assert (first["comment"], first["changes"]) == (f"Removed directory {path}", {"deleted": str(path)})
    assert second["comment"] == f"Directory {path} is not present"


def test_only_empty_folders_are_pruned(host: State, tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "full/empty").mkdir(parents=True)
    (top / "full/file").write_text("")
    failed = host("file.pruned", str(top))
    assert (failed["result"], failed["comment"]) == (False, f"Failed to remove directory {top}")
    assert [path for path, _ in failed["changes"]["errors"]] == [str(top)]
    done = host("file.pruned", str(top), ignore_errors=True)
    assert (done["result"], done["changes"]) == (True, {"deleted": [str(top / "full/empty")]})
    assert (top / "full/file").exists()
