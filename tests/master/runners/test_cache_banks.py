"""Banks of the cache that operators keep data in."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.config import load
from master.runner import RunnerClient


@pytest.fixture
def client(tmp_path: Path) -> RunnerClient:
    return RunnerClient(load(str(tmp_path / "master"), {"root_dir": str(tmp_path)}).opts())


def test_what_is_stored_is_fetched_until_it_is_flushed(client: RunnerClient):
    assert client.cmd("cache.fetch", ["a/b", "k"]) == {}
    assert client.cmd("cache.list", ["a/b"]) == [] and client.cmd("cache.updated", ["a/b", "k"]) is None
    client.cmd("cache.store", ["a/b", "k", {"x": [1, "ü", None]}])
    client.cmd("cache.store", ["a/b", "l", 2])
    assert client.cmd("cache.fetch", ["a/b", "k"]) == {"x": [1, "ü", None]}
    assert client.cmd("cache.list", ["a/b"]) == ["k", "l"]
    assert client.cmd("cache.contains", ["a/b", "k"]) is True and client.cmd("cache.updated", ["a/b", "k"]) > 0
    assert client.cmd("cache.flush", ["a/b", "k"]) is True and client.cmd("cache.flush", ["a/b", "k"]) is False
    assert client.cmd("cache.list", ["a/b"]) == ["l"]
    assert client.cmd("cache.flush", ["a/b"]) is True and client.cmd("cache.list", ["a/b"]) == []


@pytest.mark.parametrize("bank", ["../by_minion/web1", "/etc", "a/../../b", "a\\b", ""])
def test_nothing_outside_of_the_operators_folder_is_reached(client: RunnerClient, tmp_path: Path, bank: str):
    before = sorted(tmp_path.rglob("*"))
    answer = client.cmd("cache.store", [bank, "key", 1])
    assert "not usable" in str(answer)
    assert sorted(path for path in tmp_path.rglob("*") if path.name == "key") == [p for p in before if p.name == "key"]
