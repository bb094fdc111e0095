from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import msgpack
import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader


def test_values_stay(salt: Loader) -> None:
    assert salt["data.load"]() == {}
    assert salt["data.update"]("a", [1, None]) is True
    assert salt["data.update"]("b", {"c": "d"}) is True
    assert salt["data.items"]() == {"a": [1, None], "b": {"c": "d"}}
    assert salt["data.keys"]() == ["a", "b"]
    assert salt["data.values"]() == [[1, None], {"c": "d"}]
    assert salt["data.has_key"]("a") and not salt["data.has_key"]("z")


def test_get(salt: Loader) -> None:
    salt["data.dump"]({"a": 1, "b": 2})
    assert salt["data.get"]("a") == 1
    assert salt["data.get"]("z") is None
    assert salt["data.get"]("z", 9) == 9
    assert salt["data.get"](["a", "z"]) == [1]
    assert salt["data.get"](["a", "z"], 9) == [1, 9]


def test_cas_and_pop(salt: Loader) -> None:
    salt["data.update"]("a", 1)
    assert salt["data.cas"]("a", 2, 0) is False
    assert salt["data.cas"]("z", 2, None) is False
    assert salt["data.cas"]("a", 2, 1) is True
    assert salt["data.pop"]("a") == 2
    assert salt["data.pop"]("a", "gone") == "gone"
    assert salt["data.load"]() == {}


def test_dump_and_clear(salt: Loader, tmp_path: Path) -> None:
    assert salt["data.dump"]("{'a': 1}") is True
    assert salt["data.dump"]("[1]") is False
    with pytest.raises(SaltInvocationError, match=r"data\.dump takes a mapping"):
        salt["data.dump"]("nonsense(")
    assert salt["data.load"]() == {"a": 1}
    assert salt["data.clear"]() is True
    assert salt["data.clear"]() is True
    assert salt["data.load"]() == {}
    with pytest.raises(CommandExecutionError, match="can't be written"):
        salt["data.update"]("a", object())


def test_the_file_is_salts_and_private(salt: Loader, tmp_path: Path) -> None:
    store = tmp_path / "cache" / "datastore"
    store.write_bytes(msgpack.packb({"from": "salt"}))
    assert salt["data.get"]("from") == "salt"
    salt["data.update"]("a", 1)
    assert store.stat().st_mode & 0o777 == 0o600
    assert msgpack.unpackb(store.read_bytes()) == {"from": "salt", "a": 1}


def test_a_broken_store_is_not_overwritten(salt: Loader, tmp_path: Path) -> None:
    store = tmp_path / "cache" / "datastore"
    for broken in (b"\xc1", msgpack.packb([1])):
        store.write_bytes(broken)
        with pytest.raises(CommandExecutionError, match="datastore"):
            salt["data.update"]("a", 1)
        assert store.read_bytes() == broken


def _add(salt: Loader, name: str) -> None:
    for number in range(20):
        salt["data.update"](f"{name}{number}", number)


def test_jobs_that_change_it_at_the_same_time_lose_nothing(salt: Loader) -> None:
    salt["data.load"]()
    workers = [multiprocessing.get_context("fork").Process(target=_add, args=(salt, name)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == os.EX_OK
    assert len(salt["data.keys"]()) == 80
