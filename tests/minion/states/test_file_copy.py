from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_text("source")
    path.chmod(0o751)
    return path


def test_a_copy(host: State, source: Path) -> None:
    path = source.parent / "folder/copy"
    result = host("file.copy", str(path), source=str(source))
    assert (result["result"], result["comment"]) == (False, f"The target directory {path.parent} is not present")
    predicted, first, second = host.converge("file.copy", str(path), source=str(source), makedirs=True, mode="0640")
    assert predicted["comment"] == f'File "{source}" is set to be copied to "{path}"'
    assert first["comment"] == f'Copied "{source}" to "{path}"'
    assert first["changes"] == {str(path): str(source), "mode": "0640"}
    assert second["comment"] == f'The target file "{path}" exists and will not be overwritten'
    assert (path.read_text(), path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (
        "source",
        0o640,
        0o750,
    )


def test_a_copy_by_force(host: State, source: Path) -> None:
    path = source.parent / "copy"
    path.write_text("old")
    assert host("file.copy", str(path), source=str(source), test=True, force=True)["result"] is None
    assert host("file.copy", str(path), source=str(source), force=True)["changes"][str(path)] == str(source)
    again = host("file.copy", str(path), source=str(source), force=True)
    assert again["comment"] == f'Copied "{source}" to "{path}" - files are identical but force flag is set'
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("source", 0o751)


def test_a_folder(host: State, tmp_path: Path) -> None:
    source, path = tmp_path / "source", tmp_path / "copy"
    (source / "sub").mkdir(parents=True)
    (source / "sub/file").write_text("x")
    (source / "link").symlink_to("sub")
    host.converge("file.copy", str(path), source=str(source))
    assert ((path / "sub/file").read_text(), os.readlink(path / "link")) == ("x", "sub")
    inside = host.fails("file.copy", str(source / "copy"), source=str(source))
    assert inside == f'Failed to copy "{source}" to "{source}/copy", which lies in it'
    host("file.copy", str(path), source=str(source), subdir=True)
    assert (path / "source/sub/file").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="files are given to others by root only")
def test_owner(host: State, source: Path) -> None:
    os.chown(source, 1, 2)
    path = source.parent / "copy"
    host.converge("file.copy", str(path), source=str(source))
    assert (path.owner(), path.group()) == ("root", "root")
    kept = source.parent / "kept"
    host.converge("file.copy", str(kept), source=str(source), preserve=True)
    assert (kept.owner(), kept.group(), kept.stat().st_mode & 0o777) == ("daemon", "bin", 0o751)


def test_what_is_there_stays_if_the_copy_fails(host: State, tmp_path: Path) -> None:
    path, source = tmp_path / "copy", tmp_path / "pipe"
    path.write_text("mine")
    os.mkfifo(source)
    comment = host.fails("file.copy", str(path), source=str(source), force=True)
    assert comment == f'Failed to copy "{source}" to "{path}"'
    assert (path.read_text(), sorted(tmp_path.iterdir())) == ("mine", [path, source])


@pytest.mark.parametrize(
    ("function", "name", "arguments", "comment"),
    [
        ("copy", "", {}, "Must provide name to file.copy"),
        ("copy", "rel", {}, "Specified file rel is not an absolute path"),
        ("copy", "/nosuch/x", {"source": "/nosuch/y"}, 'Source file "/nosuch/y" is not present'),
        ("copy", "/nosuch/x", {"user": "nosuchuser"}, "User nosuchuser is not available "),
        ("copy", "/nosuch/x", {"mode": "keep"}, "The mode 'keep' is not a number in octal, as 0644 is"),
        ("rename", "", {}, "Must provide name to file.rename"),
        ("rename", "rel", {}, "Specified file rel is not an absolute path"),
        ("rename", "/nosuch/x", {}, "The target directory /nosuch is not present"),
    ],
)
def test_what_is_refused(host: State, function: str, name: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails(f"file.{function}", name, **{"source": "/etc/hostname", **arguments}) == comment


def test_another_name(host: State, source: Path) -> None:
    path = source.parent / "folder/new"
    predicted, first, second = host.converge("file.rename", str(path), source=str(source), makedirs=True)
    assert predicted["comment"] == f'File "{source}" is set to be moved to "{path}"'
    assert (first["comment"], first["changes"]) == (f'Moved "{source}" to "{path}"', {str(path): str(source)})
    assert second["comment"] == f'Source file "{source}" has already been moved out of place'
    assert (path.read_text(), source.exists()) == ("source", False)


def test_a_name_that_is_taken(host: State, source: Path) -> None:
    file, folder = source.parent / "file", source.parent / "folder"
    file.write_text("mine")
    result = host("file.rename", str(file), source=str(source))
    assert (result["result"], result["changes"]) == (True, {})
    assert result["comment"] == f'The target file "{file}" exists and will not be overwritten'
    host.converge("file.rename", str(file), source=str(source), force=True)
    (folder / "sub").mkdir(parents=True)
    host.converge("file.rename", str(folder), source=str(file), force=True)
    assert folder.read_text() == "source"
