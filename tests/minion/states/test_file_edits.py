from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

TEXT = "Port 22\n#Port 23\n# Listen 1\n  foo bar\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"pattern": "^Port (\\d+)", "repl": "P \\1"}, TEXT.replace("Port 22", "P 22")),
        ({"pattern": "PORT", "repl": "X", "flags": ["IGNORECASE"], "count": 2}, TEXT.replace("Port", "X")),
        ({"pattern": 22, "repl": 33}, TEXT.replace("22", "33")),
        ({"pattern": "^new=.*", "repl": "new=1", "append_if_not_found": True}, TEXT + "new=1\n"),
        ({"pattern": "^new=.*", "repl": "new=1", "prepend_if_not_found": True}, "new=1\n" + TEXT),
        ({"pattern": "bar", "repl": r"a\n", "backslash_literal": True}, TEXT.replace("bar", r"a\n")),
    ],
)
def test_replace(host: State, file: Path, arguments: Dict[str, Any], expected: str) -> None:
    predicted, first, second = host.converge("file.replace", str(file), **arguments)
    assert (predicted["comment"], first["comment"]) == ("Changes would have been made", "Changes were made")
    assert predicted["changes"] == first["changes"]
    assert second["comment"] == "No changes needed to be made"
    assert file.read_text() == expected
    assert file.with_name("file.bak").read_text() == TEXT


def test_nothing_to_replace_in_no_file(host: State, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert host.fails("file.replace", missing, pattern="a", repl="b") == f"{missing}: file not found"
    result = host("file.replace", missing, pattern="a", repl="b", ignore_if_missing=True)
    assert (result["result"], result["comment"]) == (True, "No changes needed to be made")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"mode": "ensure", "content": "new", "after": "Port 22"}, TEXT.replace("Port 22\n", "Port 22\nnew\n")),
        ({"mode": "INSERT", "content": "new", "location": "start"}, "new\n" + TEXT),
        ({"mode": "insert", "content": "new", "before": "foo"}, TEXT.replace("  foo", "  new\n  foo")),
        ({"mode": "replace", "content": "# Listen 2", "match": "Listen"}, TEXT.replace("Listen 1", "Listen 2")),
        ({"mode": "delete", "match": "foo bar"}, TEXT.replace("  foo bar\n", "")),
    ],
)
def test_line(host: State, file: Path, arguments: Dict[str, Any], expected: str) -> None:
    predicted = host("file.line", str(file), test=True, **arguments)
    assert (predicted["result"], predicted["comment"], file.read_text()) == (None, "Changes would be made", TEXT)
    first = host("file.line", str(file), **arguments)
    assert (first["comment"], first["changes"]) == ("Changes were made", predicted["changes"])
    assert file.read_text() == expected


def test_a_line_stays(host: State, file: Path) -> None:
    result = host("file.line", str(file), mode="ensure", content="#Port 23", after="Port 22")
    assert (result["result"], result["comment"]) == (True, "No changes needed to be made")


def test_a_line_in_a_new_file(host: State, tmp_path: Path) -> None:
    path = tmp_path / "new"
    assert host.fails("file.line", str(path), mode="insert", content="x", location="end") == f"{path}: file not found"
    options: Dict[str, Any] = {"mode": "insert", "content": "x", "location": "end", "create": True, "file_mode": "600"}
    assert host("file.line", str(path), **options)["result"] is True
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("x", 0o600)


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"content": "x"}, "Mode was not defined. How to process the file?"),
        ({"mode": "ensure"}, "Content can only be empty if mode is ['delete']"),
        ({"mode": "bogus", "content": "x"}, 'Unknown mode: "bogus"'),
    ],
)
def test_a_line_that_is_asked_for_wrongly(host: State, file: Path, arguments: Dict[str, Any], comment: str) -> None:
    assert comment in host.fails("file.line", str(file), **arguments)


def test_comment(host: State, file: Path) -> None:
    predicted = host("file.comment", str(file), test=True, regex="^Port 22")
    assert (predicted["result"], predicted["changes"]) == (None, {str(file): "updated"})
    assert predicted["comment"] == f"File {file} is set to be updated"
    first = host("file.comment", str(file), regex="^Port 22")
    assert (first["result"], first["comment"]) == (True, "Commented lines successfully")
    assert "-Port 22\n+#Port 22\n" in first["changes"]["diff"]
    second = host("file.comment", str(file), regex="^Port 22")
    assert (second["result"], second["comment"], second["changes"]) == (True, "Pattern already commented", {})
    assert file.read_text() == "#" + TEXT


def test_uncomment(host: State, file: Path) -> None:
    assert host("file.uncomment", str(file), test=True, regex="Listen 1")["result"] is None
    first = host("file.uncomment", str(file), regex="Listen 1", backup=False)
    assert (first["result"], first["comment"]) == (True, "Uncommented lines successfully")
    second = host("file.uncomment", str(file), regex="^Port 22")
    assert (second["result"], second["comment"], second["changes"]) == (True, "Pattern already uncommented", {})
    assert not file.with_name("file.bak").exists()


def test_nothing_to_comment(host: State, file: Path) -> None:
    assert host.fails("file.comment", str(file), regex="^nosuch$") == "nosuch: Pattern not found"
    assert host.fails("file.uncomment", str(file), regex="^nosuch$") == "^nosuch$: Pattern not found"
    result = host("file.comment", str(file), regex="nosuch", ignore_missing=True)
    assert (result["result"], result["comment"]) == (True, "Pattern not found and ignore_missing set to True")
    for function in ("comment", "uncomment"):
        assert host.fails(f"file.{function}", "rel", regex="x") == "Specified file rel is not an absolute path"
