from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


@pytest.fixture(scope="module", autouse=True)
def pillar(host: State) -> None:
    host.box.write({"pillar/top.sls": "base: {'*': [p]}", "pillar/p.sls": "{data: {k: v}, encoded: aGVsbG8K}"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"dataset": {"b": 1, "a": ["x", {"y": None}]}}, "a:\n- x\n- y: null\nb: 1\n"),
        ({"dataset": {"b": 1}, "serializer_opts": [{"default_flow_style": True}]}, "{b: 1}\n"),
        ({"dataset": {"b": "é"}}, 'b: "\\xE9"\n'),
        ({"dataset": {"b": "é"}, "encoding": "latin-1"}, "b: \udce9\n"),
        ({"dataset": {"b": 1, "a": ["é"]}, "formatter": "json"}, '{\n  "a": [\n    "é"\n  ],\n  "b": 1\n}\n'),
        ({"dataset": [1], "serializer": "JSON", "serializer_opts": {"indent": 0}}, "[\n1\n]\n"),
        ({"dataset": {"s": {"a": 1}}, "formatter": "configparser"}, "[s]\na = 1\n\n\n"),
        ({"dataset_pillar": "data"}, "k: v\n"),
    ],
)
def test_data(host: State, file: Path, arguments: Dict[str, Any], text: str) -> None:
    predicted, first, second = host.converge("file.serialize", str(file), **arguments)
    assert predicted["comment"] == f"Dataset will be serialized and stored into {file}"
    assert (first["comment"], first["changes"]) == (f"File {file} updated", {"diff": "New file"})
    assert second["comment"] == f"File {file} is in the correct state"
    assert file.read_bytes() == text.encode("utf-8", "surrogateescape")


def test_data_that_are_there_stay(host: State, file: Path) -> None:
    file.write_text('{"a": {"x": 1, "y": 2}, "z": 1}')
    data = {"a": {"x": 3}, "n": 1}
    options: Dict[str, Any] = {"formatter": "json", "merge_if_exists": True}
    predicted, first, second = host.converge("file.serialize", str(file), dataset=data, **options)
    diff = {"a": {"x": {"old": 1, "new": 3}}, "n": {"old": "<_null_>", "new": 1}}
    assert predicted["changes"] == first["changes"] == {"diff": diff}
    assert second["comment"] == f"The file {file} is in the correct state"
    assert json.loads(file.read_text()) == {"a": {"x": 3, "y": 2}, "n": 1, "z": 1}


def test_options_of_the_file(host: State, file: Path) -> None:
    deep = file / "deep"
    result = host("file.serialize", str(deep), dataset={"a": 1}, create=False)
    assert result["comment"] == f"File {deep} is not present and is not set for creation"
    host.converge("file.serialize", str(deep), dataset={"a": 1}, makedirs=True, mode="600")
    assert deep.stat().st_mode & 0o777 == 0o600
    _, first, _ = host.converge("file.serialize", str(deep), dataset={"a": 2}, show_changes=False, backup="minion")
    assert first["changes"] == {"diff": "<show_changes=False>"}
    assert host.box.call("file.list_backups", str(deep))


def test_a_check_accepts_or_refuses(host: State, file: Path) -> None:
    refused = host("file.serialize", str(file), dataset={"a": 1}, check_cmd="grep nosuch")
    assert (refused["result"], refused["comment"]) == (False, "check_cmd execution failed")
    assert not file.exists()
    host.converge("file.serialize", str(file), dataset={"a": 1}, check_cmd="grep -q a")


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({}, "Neither 'dataset' nor 'dataset_pillar' was defined"),
        ({"dataset": {"a": 1}, "dataset_pillar": "data"}, "Only one of 'dataset' and 'dataset_pillar' is permitted"),
        ({"dataset": [1], "formatter": "a", "serializer": "b"}, "Only one of serializer and formatter are allowed"),
        ({"dataset": [1], "formatter": "bogus"}, "The bogus serializer could not be found."),
        ({"dataset": [1], "formatter": "configparser"}, "Can't write the data as configparser: "),
        ({"dataset": {"a": 1}, "formatter": "json", "merge_if_exists": True}, "Failed to deserialize existing data: "),
        ({"dataset": {"a": 1}, "mode": "rw"}, "The mode 'rw' is not a number in octal, as 0644 is"),
    ],
)
def test_what_is_refused(host: State, file: Path, arguments: Dict[str, Any], comment: str) -> None:
    file.write_text("no json")
    assert host.fails("file.serialize", str(file), **arguments).startswith(comment)
    assert file.read_text() == "no json"


def test_no_name(host: State) -> None:
    assert host.fails("file.serialize", "", dataset=[1]) == "Must provide name to file.serialize"


@pytest.mark.parametrize(
    "arguments",
    [{"contents_pillar": "encoded"}, {"encoded_data": base64.b64encode(b"hello\n").decode(), "checksum": "sha256"}],
)
def test_decode(host: State, file: Path, arguments: Dict[str, Any]) -> None:
    predicted = host("file.decode", str(file), test=True, **arguments)
    assert (predicted["result"], predicted["comment"]) == (None, "File is set to be updated.")
    first = host("file.decode", str(file), **arguments)
    assert (first["result"], first["comment"], first["changes"]["old"]) == (True, "File was updated.", None)
    second = host("file.decode", str(file), **arguments)
    assert (second["comment"], second["changes"]) == ("File is in the correct state.", {})
    assert file.read_bytes() == b"hello\n"
    for given in ({}, {"contents_pillar": "nosuch"}, {"contents_pillar": "encoded", "encoded_data": "aGk="}):
        assert "CommandExecutionError" in host.fails("file.decode", str(file), **given)
