from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

TEXT = "one\ntwo three\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text(TEXT)
    return path


@pytest.fixture(autouse=True, scope="module")
def served(host: State) -> None:
    host.box.write({"srv/who.j2": "hello {{ who }}\n", "srv/second": "second\n", "srv/empty": ""})


@pytest.mark.parametrize(
    ("arguments", "added"),
    [
        ({"text": "new"}, "new\n"),
        ({"text": ["one", "new1", "new2\nnew3"]}, "new1\nnew2\nnew3\n"),
        ({"text": "two  three", "ignore_whitespace": False}, "two  three\n"),
        ({"text": 'it\'s "quoted  words"'}, 'it\'s "quoted  words"\n'),
        ({"text": 42}, "42\n"),
        ({"source": "salt://who.j2", "context": {"who": "you"}, "defaults": {"who": "me"}}, "hello you\n"),
        ({"sources": ["salt://who.j2", "salt://second"], "defaults": {"who": "me"}}, "hello me\nsecond\n"),
    ],
)
def test_text_comes_to_the_end(host: State, file: Path, arguments: Dict[str, Any], added: str) -> None:
    predicted, first, second = host.converge("file.append", str(file), **arguments)
    assert predicted["comment"] == f"File {file} is set to be updated"
    assert first["comment"] == f"Appended {len(added.splitlines())} lines"
    assert predicted["changes"] == first["changes"]
    assert second["comment"] == f"File {file} is in correct state"
    assert file.read_text() == TEXT + added


@pytest.mark.parametrize("text", ["two   three", "one\ntwo three", " one ", ["one", "two three"]])
def test_text_is_there(host: State, file: Path, text: Any) -> None:
    for function in ("append", "prepend"):
        for test in (True, False):
            result = host(f"file.{function}", str(file), text=text, test=test)
            assert (result["result"], result["changes"]) == (True, {})
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"text": ["one", "new1", "new2\nnew3"]}, "new1\nnew2\nnew3\n" + TEXT),
        ({"text": "two three", "header": True}, "two three\n" + TEXT),
        ({"source": "salt://who.j2", "context": {"who": "you"}}, "hello you\n" + TEXT),
    ],
)
def test_text_comes_to_the_beginning(host: State, file: Path, arguments: Dict[str, Any], expected: str) -> None:
    predicted, first, second = host.converge("file.prepend", str(file), **arguments)
    assert predicted["comment"] == f"File {file} is set to be updated"
    assert predicted["changes"] == first["changes"]
    assert second["comment"] == f"File {file} is in correct state"
    assert file.read_text() == expected


@pytest.mark.parametrize("function", ["append", "prepend"])
def test_a_new_file(host: State, tmp_path: Path, function: str) -> None:
    path = tmp_path / "folder/new"
    failed = host(f"file.{function}", str(path), text="x")
    assert (failed["result"], failed["comment"]) == (False, f"{path}: file not found")
    predicted = host(f"file.{function}", str(path), test=True, text="x", makedirs=True)
    assert (predicted["result"], predicted["comment"]) == (None, f"File {path} is set to be created")
    assert host(f"file.{function}", str(path), text="x", makedirs=True)["result"] is True
    assert path.read_text() == "x\n"


@pytest.mark.parametrize("function", ["append", "prepend"])
@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({}, "No text found to "),
        ({"source": "salt://nosuch"}, "Failed to load template file salt://nosuch"),
        ({"source": "salt://empty"}, "Failed to read rendered template file "),
        ({"source": "salt://who.j2", "sources": ["x"]}, "source and sources are mutually exclusive"),
    ],
)
def test_what_is_refused(host: State, file: Path, function: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails(f"file.{function}", str(file), **arguments).startswith(comment)
    assert file.read_text() == TEXT


def test_a_binary_file(host: State, tmp_path: Path) -> None:
    path = tmp_path / "binary"
    path.write_bytes(b"\0\1")
    assert host.fails("file.append", str(path), text="x") == f"{path} holds no text"


def test_changes_are_not_shown(host: State, file: Path) -> None:
    for function in ("append", "prepend"):
        _, first, _ = host.converge(f"file.{function}", str(file), text=function, show_changes=False)
        assert first["changes"] == {"diff": "<show_changes=False>"}
