from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State

TEXT = "key1=v1\n# key2=v2\nkey3 = v3\nkey1=dup\nKEY4=X\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"key": "key1", "value": "new"}, TEXT.replace("v1", "new").replace("key1=dup\n", "")),
        ({"key": "key1", "value": "new", "count": 2}, TEXT.replace("v1", "new").replace("dup", "new")),
        ({"key": "key2", "value": "v2", "uncomment": "# "}, TEXT.replace("# key2", "key2")),
        ({"key_values": {"key3": 5}, "separator": " = "}, TEXT.replace("v3", "5")),
        ({"key": "key4", "value": "y", "key_ignore_case": True}, TEXT.replace("KEY4=X", "KEY4=y")),
        ({"key": "new", "value": "1", "append_if_not_found": True}, TEXT + "new=1\n"),
        ({"key_values": {"a": 1, "b": 2}, "prepend_if_not_found": True}, "b=2\na=1\n" + TEXT),
        ({"key_values": {"key1": "v1"}, "count": -1, "prune": True}, "key1=v1\nkey1=v1\n"),
    ],
)
def test_keys_get_values(host: State, file: Path, arguments: Dict[str, Any], expected: str) -> None:
    predicted, first, second = host.converge("file.keyvalue", str(file), **arguments)
    assert predicted["comment"].startswith(f"File {file} is set to be changed (")
    assert predicted["changes"] == first["changes"]
    assert second["comment"] == ""
    assert file.read_text() == expected


def test_what_is_told(host: State, file: Path) -> None:
    predicted, first, _ = host.converge("file.keyvalue", str(file), key="key3", value=5, separator=" = ")
    diff = "- key3 = v3\n+ key3 = 5 (from int type)\n"
    assert first["changes"] == {"diff": diff}
    assert first["comment"] == "Changed 1, deleted 0 lines"
    assert predicted["comment"] == (
        f"File {file} is set to be changed (1 lines modified, 0 deleted)\n"
        "Predicted diff:\n\r\t\t- key3 = v3\n\r\t\t+ key3 = 5 (from int type)\n"
    )
    first = host("file.keyvalue", str(file), key="key3", value="6", separator=" = ", show_changes=False)
    assert (first["result"], first["changes"]) == (True, {})


def test_a_value_in_other_letters(host: State, file: Path) -> None:
    options: Dict[str, Any] = {"key_ignore_case": True, "value_ignore_case": True}
    assert host("file.keyvalue", str(file), key="key4", value="x", **options)["changes"] == {}


def test_the_last_line_has_no_end(host: State, file: Path) -> None:
    file.write_text("a=1")
    host.converge("file.keyvalue", str(file), key="b", value="2", append_if_not_found=True)
    assert file.read_text() == "a=1\nb=2\n"


def test_a_new_file(host: State, tmp_path: Path) -> None:
    path = tmp_path / "new"
    assert host.fails("file.keyvalue", str(path), key="a", value="1") == f"unable to open {path}"
    result = host("file.keyvalue", str(path), key="a", value="1", ignore_if_missing=True)
    assert (result["result"], result["comment"]) == (True, f"unable to open {path}")
    host.converge("file.keyvalue", str(path), key="a", value="1", create_if_missing=True)
    assert path.read_text() == "a=1\n"


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"key": "a"}, "file.keyvalue key and value not supplied and key_values is empty"),
        ({"key_values": ["a"]}, "file.keyvalue key and value not supplied and key_values is not a dictionary"),
        (
            {"key": "a", "value": "b", "key_values": {"c": 1}},
            "file.keyvalue can not combine key_values with key and value",
        ),
    ],
)
def test_what_is_refused(host: State, file: Path, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails("file.keyvalue", str(file), **arguments) == comment
    assert host.fails("file.keyvalue", "", **arguments) == "Must provide name to file.keyvalue"
