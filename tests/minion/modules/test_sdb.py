from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from tests.minion.box import Box

OWN = """
KEPT = {}
def get(key, profile=None):
    return KEPT.get(profile['prefix'] + key)
def set(key, value, profile=None):
    KEPT[profile['prefix'] + key] = value
    return True
def delete(key, profile=None):
    return KEPT.pop(profile['prefix'] + key, None) is not None
"""


@pytest.fixture
def salt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SDB_TEST", "from the environment")
    profiles = {
        "osenv": {"driver": "env"},
        "own": {"driver": "keeper", "prefix": "x-"},
        "files": {"driver": "yaml", "files": [str(tmp_path / name) for name in ("a.yaml", "b.yaml", "nosuch.yaml")]},
    }
    box = Box(tmp_path, profiles)
    box.write(
        {
            "a.yaml": "top: {one: 1, two: 2}",
            "b.yaml": "top: {two: 3}\nlist: [{deep: x}]",
            "host/var/cache/salt/minion/extmods/sdb/keeper.py": OWN,
        }
    )
    return box.loaders().modules


def test_values(salt: Any) -> None:
    assert salt["sdb.get"]("sdb://osenv/SDB_TEST") == "from the environment"
    assert salt["sdb.get"]("sdb://files/top") == {"one": 1, "two": 3}
    assert salt["sdb.get"]("sdb://files/top:two") == 3 and salt["sdb.get"]("sdb://files/list:0:deep") == "x"
    assert salt["sdb.get"]("sdb://files/nosuch") is None


def test_options_may_be_such_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDB_TEST", "secret")
    box = Box(tmp_path, {"osenv": {"driver": "env"}, "my_password": "sdb://osenv/SDB_TEST"})
    assert box.loaders().modules["config.get"]("my_password") == "secret"


def test_a_source_of_your_own(salt: Any) -> None:
    made = salt["sdb.get_or_set_hash"]("sdb://own/it", 20, "ab")
    assert len(made) == 20 and set(made) <= {"a", "b"}
    assert salt["sdb.get_or_set_hash"]("sdb://own/it") == salt["sdb.get"]("sdb://own/it") == made
    assert salt["sdb.set"]("sdb://own/it", 5) is True and salt["sdb.get"]("sdb://own/it") == 5
    assert salt["sdb.delete"]("sdb://own/it") is True and salt["sdb.get"]("sdb://own/it") is None


@pytest.mark.parametrize("uri", ["text", "sdb://osenv", "sdb://osenv/", "sdb://nosuch/x", 5])
def test_what_means_nothing(salt: Any, uri: Any) -> None:
    assert salt["sdb.get"](uri) == uri
    assert not salt["sdb.set"](uri, 1) and not salt["sdb.delete"](uri) and not salt["sdb.get_or_set_hash"](uri)
    with pytest.raises(SaltInvocationError, match="SDB"):
        salt["sdb.get"](uri, strict=True)


def test_files_are_not_written(salt: Any) -> None:
    with pytest.raises(CommandExecutionError, match="edit the files"):
        salt["sdb.set"]("sdb://files/top", 1)
