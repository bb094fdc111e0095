"""Editing files: by lines, by regular expressions, by marked blocks.

`file_edits.json` holds what a real Salt 3008 answers to calls, and what it leaves in the file; `again` is its answer to
the same call once more.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

EDITS: List[Dict[str, Any]] = json.loads(Path(__file__).with_name("file_edits.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: f"{edit['call']}-{len(edit['text'])}")
def test_as_salt_does_it(salt: Loader, tmp_path: Path, edit: Dict[str, Any]) -> None:
    path = tmp_path / "f"
    path.write_bytes(edit["text"].encode())
    function = salt[edit["call"]]
    if "error" in edit:
        with pytest.raises(CommandExecutionError) as raised:
            function(str(path), **edit["kwargs"])
        assert str(raised.value) == edit["error"]
    else:
        assert function(str(path), **edit["kwargs"]) == edit["answer"]
    assert path.read_bytes().decode() == edit["after"]
    if edit.get("again") is not None:
        assert function(str(path), **edit["kwargs"]) == edit["again"]


EDITORS = [
    ("file.line", {"content": "x", "mode": "ensure", "after": "b"}),
    ("file.replace", {"pattern": "b", "repl": "B"}),
    ("file.comment", {"regex": "b"}),
    ("file.blockreplace", {"content": "x\n", "append_if_not_found": True}),
]


@pytest.mark.parametrize(("name", "arguments"), EDITORS)
def test_what_is_no_utf8_stays_as_it_is(salt: Loader, tmp_path: Path, name: str, arguments: Dict[str, Any]) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"caf\xe9\nb\n")
    difference = salt[name](str(path), **arguments)
    assert path.read_bytes().startswith(b"caf\xe9\n") and path.read_bytes() != b"caf\xe9\nb\n"
    difference.encode()  # can be sent to the master


@pytest.mark.parametrize(("name", "arguments"), EDITORS)
def test_owner_and_mode_stay_and_nothing_is_left_beside(
    salt: Loader, tmp_path: Path, name: str, arguments: Dict[str, Any]
) -> None:
    folder = tmp_path / "d"
    folder.mkdir()
    path = folder / "f"
    path.write_text("a\nb\n")
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 1, 2)
    before = path.stat()
    salt[name](str(path), **arguments)
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert set(os.listdir(folder)) <= {"f", "f.bak"}


@pytest.mark.parametrize(("name", "arguments"), EDITORS)
def test_a_failing_write_loses_nothing(
    salt: Loader, tmp_path: Path, name: str, arguments: Dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_text("a\nb\n")
    function = salt[name]

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        function(str(path), **arguments)
    assert path.read_text() == "a\nb\n"


@pytest.mark.parametrize(("name", "arguments"), EDITORS)
def test_a_link_stays_a_link(salt: Loader, tmp_path: Path, name: str, arguments: Dict[str, Any]) -> None:
    path, link = tmp_path / "f", tmp_path / "link"
    path.write_text("a\nb\n")
    link.symlink_to("f")
    salt[name](str(link), **arguments)
    assert link.is_symlink() and path.read_text() != "a\nb\n"


def test_line_keeps_the_line_breaks_of_the_file(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"a\r\nb\r\n")
    salt["file.line"](str(path), content="x", mode="ensure", after="a")
    assert path.read_bytes() == b"a\r\nx\r\nb\r\n"


def test_line_only_says_what_it_would_do(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a\n")
    salt.dunders["__opts__"]["test"] = True
    assert "+x" in salt["file.line"](str(path), content="x", mode="ensure", after="a", backup=True)
    assert path.read_text() == "a\n" and not list(tmp_path.glob("f.*"))


def test_line_keeps_a_backup(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("a\n")
    assert salt["file.line"](str(path), content="x", mode="ensure", after="a", backup=True, show_changes=False) is True
    (backup,) = tmp_path.glob(f"f.{time.strftime('%Y')}-*")
    assert backup.read_text() == "a\n"


def test_a_missing_file(salt: Loader, tmp_path: Path) -> None:
    path = str(tmp_path / "missing")
    with pytest.raises(CommandExecutionError, match="does not exists or is not a file"):
        salt["file.line"](path, content="x", mode="ensure", after="a")
    assert salt["file.line"](path, content="x", mode="ensure", after="a", quiet=True) is False
    assert salt["file.replace"](path, "a", "b", ignore_if_missing=True) is False
    for call in ("file.replace", "file.comment", "file.blockreplace", "file.search"):
        with pytest.raises(SaltInvocationError, match=r"File not found: .*missing"):
            salt[call](path, "a", "b") if call == "file.replace" else salt[call](path, "a")


def test_binary_files_are_refused(salt: Loader, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\0\xff\1\2" * 50)
    for call in ("file.replace", "file.comment", "file.blockreplace"):
        with pytest.raises(SaltInvocationError, match="binary file"):
            salt[call](str(path), "a", "b")
