"""Returns on disk until the master has them, within limits."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion.spool import Spool, put
from transports.errors import CodecError


def load(jid: str, value: Any = True) -> dict[str, Any]:
    return {"jid": jid, "id": "box", "fun": "test.ping", "fun_args": [], "return": value, "retcode": 0, "success": True}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(tmp_path / "returns" / "m")


def test_oldest_first_until_delivered(folder: str):
    spool = Spool(folder, keep=100)
    for jid in "213":
        put(folder, load(jid))
    assert [parcel.jid for parcel in spool.waiting()] == ["2", "1", "3"]
    first = spool.waiting()[0]
    assert spool.read(first) == load("2")
    spool.delivered(first)
    spool.delivered(first)
    assert [parcel.jid for parcel in spool.waiting()] == ["1", "3"]


def test_outlives_its_reader(folder: str):
    put(folder, load("1", {"deep": [1, None, "ü"]}))
    spool = Spool(folder, keep=100)
    assert spool.read(spool.waiting()[0])["return"] == {"deep": [1, None, "ü"]}


def test_knows_whose_returns_it_has(folder: str):
    spool = Spool(folder, keep=100)
    put(folder, load("20260101000000000001"))
    assert spool.has("20260101000000000001")
    assert not spool.has("2026010100000000000") and not spool.has("20260101000000000002")


def test_files_are_private(folder: str):
    path = put(folder, load("1"))
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.stat(folder).st_mode & 0o777 == 0o700


def test_too_old_is_dropped(folder: str):
    now = [1000.0]
    spool = Spool(folder, keep=60, now=lambda: now[0])
    put(folder, load("old"), now=lambda: 900.0)
    put(folder, load("new"), now=lambda: 990.0)
    assert [parcel.jid for parcel in spool.waiting()] == ["new"]
    now[0] = 1100.0
    assert spool.waiting() == [] and os.listdir(folder) == []


def test_too_many_bytes_drop_the_oldest(folder: str):
    spool = Spool(folder, keep=1e9, max_bytes=5000)
    for number in range(10):
        put(folder, load(str(number), "x" * 1000))
    kept = [parcel.jid for parcel in spool.waiting()]
    assert kept == ["6", "7", "8", "9"]


def test_damaged_file_is_dropped_and_the_others_go_on(folder: str):
    spool = Spool(folder, keep=100)
    path = put(folder, load("1"))
    put(folder, load("2"))
    Path(path).write_bytes(b"\xc1")
    assert [spool.read(parcel) for parcel in spool.waiting()] == [None, load("2")]
    assert len(os.listdir(folder)) == 1


def test_what_is_no_return_is_left_alone_or_dropped(folder: str):
    spool = Spool(folder, keep=100)
    (Path(folder) / "README").write_text("hello")
    assert spool.waiting() == []
    path = put(folder, load("1"))
    Path(path).write_bytes(b"\x80")
    assert spool.read(spool.waiting()[0]) is None


def test_file_that_is_gone_is_no_error(folder: str):
    spool = Spool(folder, keep=100)
    path = put(folder, load("1"))
    parcel = spool.waiting()[0]
    os.unlink(path)
    assert spool.read(parcel) is None


def test_leftovers_of_a_crash_are_swept_when_they_are_old(folder: str):
    spool = Spool(folder, keep=100)
    fresh, old = Path(folder) / ".1-2-3.ret", Path(folder) / ".0-2-3.ret"
    for path in (fresh, old):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert spool.waiting() == []
    assert fresh.exists() and not old.exists()


def test_what_cannot_travel_is_refused_and_leaves_nothing(folder: str):
    with pytest.raises(CodecError):
        put(folder, load("1", object()))
    assert not os.path.exists(folder) or os.listdir(folder) == []


def test_full_disk_leaves_nothing_behind(folder: str):
    spool = Spool(folder, keep=100)
    with pytest.raises(OSError):
        put("/dev/full/x", load("1"))
    assert spool.waiting() == []


def test_planted_link_is_not_followed(folder: str, tmp_path: Path):
    Spool(folder, keep=100)
    victim = tmp_path / "victim"
    victim.write_text("precious")
    name = f".{int(5e6):017d}-1-{os.getpid()}.ret"
    (Path(folder) / name).symlink_to(victim)
    with pytest.raises(OSError):
        put(folder, load("1"), now=lambda: 5.0)
    assert victim.read_text() == "precious"
