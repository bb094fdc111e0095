"""What the master keeps of each minion, in real files."""

from __future__ import annotations

import datetime
import os
import stat
from pathlib import Path

import pytest

from master.errors import UnsafePath
from master.miniondata import MAX_MINE, MinionData
from transports.errors import NameRefused


@pytest.fixture
def data(tmp_path: Path) -> MinionData:
    return MinionData(str(tmp_path / "by_minion"), cached=3)


def test_everything_comes_back_as_it_was(data: MinionData) -> None:
    grains = {
        "os": "Debian",
        "nested": {"a": [1, None, {"b": 2.5}]},
        7: b"\xff\x00",
        "when": datetime.datetime(2024, 5, 1),
    }
    assert data.grains("web1") is None and data.pillar("web1") is None and data.mine("web1") == {}
    assert data.store_grains("web1", grains)
    assert data.store_pillar("web1", {"secret": "x", "set": {2, 1}})
    assert data.store_mine("web1", {"network.ip_addrs": ["10.0.0.1"]})
    assert data.grains("web1") == grains
    assert data.pillar("web1") == {"secret": "x", "set": [1, 2]}
    assert data.mine("web1") == {"network.ip_addrs": ["10.0.0.1"]}


def test_only_the_owner_may_read_it(data: MinionData, tmp_path: Path) -> None:
    data.store_pillar("web1", {"secret": "x"})
    folder = tmp_path / "by_minion" / "web1"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "pillar").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["pillar"]


def test_what_another_process_stores_is_seen(data: MinionData, tmp_path: Path) -> None:
    other = MinionData(str(tmp_path / "by_minion"))
    data.store_grains("web1", {"n": 1})
    assert data.grains("web1") == {"n": 1}
    other.store_grains("web1", {"n": 2})
    assert data.grains("web1") == {"n": 2}
    other.forget("web1")
    assert data.grains("web1") is None


def test_unchanged_files_are_not_read_again_and_memory_is_bounded(data: MinionData) -> None:
    for number in range(10):
        data.store_grains(f"m{number}", {"n": number})
        assert data.grains(f"m{number}") == {"n": number}
    assert repr(data).endswith("3 in memory>")
    assert data.grains("m9") is data.grains("m9")


def test_the_mine_is_updated_function_by_function(data: MinionData) -> None:
    data.store_mine("web1", {"a": 1, "b": 2})
    data.store_mine("web1", {"b": 3, "c": 4})
    assert data.mine("web1") == {"a": 1, "b": 3, "c": 4}
    assert data.delete_mine("web1", "a") and not data.delete_mine("web1", "a")
    assert data.mine("web1") == {"b": 3, "c": 4}
    data.store_mine("web1", {"d": 5}, replace=True)
    assert data.mine("web1") == {"d": 5}
    assert data.clear("web1", "mine") and not data.clear("web1", "mine")
    assert data.mine("web1") == {}


def test_a_mine_has_limits_and_what_was_there_stays(data: MinionData) -> None:
    assert data.store_mine("web1", {f"f{number}": number for number in range(64)})
    assert not data.store_mine("web1", {"one.more": 1})
    assert not data.store_mine("web1", {"f0": "x" * MAX_MINE})
    assert len(data.mine("web1")) == 64 and data.mine("web1")["f0"] == 0
    assert data.store_mine("web2", {"f": "x" * (MAX_MINE - 100)})


def test_grains_beyond_the_limit_are_not_kept(data: MinionData) -> None:
    data.store_grains("web1", {"os": "Debian"})
    assert not data.store_grains("web1", {"huge": "x" * 5_000_000})
    assert data.grains("web1") == {"os": "Debian"}


def test_a_forgotten_minion_leaves_nothing(data: MinionData, tmp_path: Path) -> None:
    data.store_grains("web1", {"os": "Debian"})
    data.store_grains("web2", {"os": "Arch"})
    pushed = tmp_path / "by_minion" / "web1" / "files" / "etc"
    pushed.mkdir(parents=True)
    (pushed / "link").symlink_to(tmp_path)
    (tmp_path / "outside").write_text("stays")
    data.forget("web1")
    data.forget("never-seen")
    assert list(data.ids()) == ["web2"]
    assert data.grains("web1") is None and (tmp_path / "outside").exists()


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".", "a\0b"])
def test_no_other_file_is_reached_by_a_name(data: MinionData, name: str) -> None:
    for act in (data.grains, data.forget, data.folder):
        with pytest.raises(NameRefused):
            act(name)
    with pytest.raises(NameRefused):
        data.store_mine(name, {})


@pytest.mark.parametrize("content", [b"", b"\xc1garbage", b"\x93\x01\x02\x03"])
def test_a_damaged_file_counts_as_missing(data: MinionData, tmp_path: Path, content: bytes) -> None:
    data.store_grains("web1", {"os": "Debian"})
    (tmp_path / "by_minion" / "web1" / "grains").write_bytes(content)
    assert data.grains("web1") is None
    assert data.store_grains("web1", {"os": "Arch"})
    assert data.grains("web1") == {"os": "Arch"}


def test_a_planted_link_is_neither_read_nor_followed(data: MinionData, tmp_path: Path) -> None:
    data.store_grains("web1", {"os": "Debian"})
    target = tmp_path / "target"
    target.write_bytes(b"\x81\xa2os\xa4evil")
    path = tmp_path / "by_minion" / "web1" / "grains"
    path.unlink()
    path.symlink_to(target)
    assert data.grains("web1") is None
    data.store_grains("web1", {"os": "Arch"})
    assert not path.is_symlink() and target.read_bytes() == b"\x81\xa2os\xa4evil"


def test_a_folder_that_is_a_link_is_refused(data: MinionData, tmp_path: Path) -> None:
    os.makedirs(tmp_path / "by_minion")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "by_minion" / "web1").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePath):
        data.store_grains("web1", {"os": "Debian"})
    assert list((tmp_path / "elsewhere").iterdir()) == []
