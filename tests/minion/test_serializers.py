"""Data to text and back."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

from minion.errors import CommandExecutionError
from minion.serializers import deserialize, is_known, serialize

DATA: Any = {"a": 1, "b": ["x", "ü"], "c": {"d": True}}


@pytest.mark.parametrize("name", ["json", "yaml", "msgpack", "python", "plist"])
def test_there_and_back(name: str) -> None:
    text = serialize(name, DATA)
    assert deserialize(name, text) == DATA
    stream = io.StringIO(text) if isinstance(text, str) else io.BytesIO(text)
    assert deserialize(name, stream) == DATA


def test_toml() -> None:
    pytest.importorskip("tomli_w" if sys.version_info >= (3, 11) else "toml")
    assert deserialize("toml", serialize("toml", DATA)) == DATA


def test_texts() -> None:
    assert serialize("json", {"b": 1, "a": [1]}) == '{"b": 1, "a": [1]}'
    assert serialize("json", {"a": 1}, indent=1) == '{\n "a": 1\n}'
    assert serialize("yaml", {"b": 1, "a": [1]}, default_flow_style=False) == "a:\n- 1\nb: 1"
    assert serialize("python", {"a": [1]}) == "{'a': [1]}"
    ini = serialize("configparser", {"sec": {"k": "v", "n": 1}})
    assert ini == "[sec]\nk = v\nn = 1\n\n"
    assert deserialize("configparser", ini) == {"sec": {"k": "v", "n": "1"}}
    assert deserialize("keyvalue", serialize("keyvalue", {"k": "v"})) == {"k": "v"}


@pytest.mark.parametrize(
    ("name", "text"),
    [("json", "{"), ("yaml", "a: ["), ("python", "__import__('os')"), ("msgpack", b"\xc1"), ("configparser", "x")],
)
def test_what_can_not_be_read(name: str, text: Any) -> None:
    with pytest.raises(CommandExecutionError):
        deserialize(name, text)


def test_what_can_not_be_written() -> None:
    with pytest.raises(CommandExecutionError, match="Can't write the data as json"):
        serialize("json", {"a": object()})
    with pytest.raises(CommandExecutionError, match="Serializer 'nosuch' not found"):
        serialize("nosuch", {})
    assert is_known("yaml")
    assert not is_known("nosuch")
