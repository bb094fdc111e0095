"""Bringing files: once, whole, to where they belong."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List

import pytest

from minion.errors import CommandExecutionError, MinionError
from minion.files.client import FileClient, check_include_exclude
from minion.local import LocalMaster


class CountingMaster:
    """Notes what is asked of the real one."""

    def __init__(self, opts: Dict[str, Any]) -> None:
        self._master = LocalMaster(opts, {})
        self.asked: List[str] = []
        self.spoil = 0  # so many pieces arrive changed

    def request(self, cmd: str, **load: Any) -> Any:
        self.asked.append(cmd)
        reply = self._master.request(cmd, **load)
        if cmd == "_serve_file" and self.spoil and reply["data"]:
            self.spoil -= 1
            return {**reply, "data": b"spoiled"}
        return reply


@pytest.fixture
def opts(tmp_path: Path) -> Dict[str, Any]:
    for name, data in {"a.txt": b"alpha", "web/init.sls": b"web", "web/b": b"b", "web/s/c": b"c"}.items():
        path = tmp_path / "srv" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "srv/web/none").mkdir()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/a.txt").write_text("dev alpha")
    return {
        "id": "box",
        "cachedir": str(tmp_path / "cache"),
        "file_roots": {"base": [str(tmp_path / "srv")], "dev": [str(tmp_path / "dev")]},
        "file_buffer_size": 1000,
    }


@pytest.fixture
def master(opts: Dict[str, Any]) -> CountingMaster:
    return CountingMaster(opts)


@pytest.fixture
def client(opts: Dict[str, Any], master: CountingMaster) -> FileClient:
    return FileClient(opts, master)


def test_a_file_is_brought_once(client: FileClient, master: CountingMaster, tmp_path: Path) -> None:
    path = client.cache_file("salt://a.txt")
    assert path == str(tmp_path / "cache/files/base/a.txt")
    assert Path(path).read_bytes() == b"alpha"
    assert os.stat(path).st_mode & 0o077 == 0
    assert os.stat(os.path.dirname(path)).st_mode & 0o077 == 0
    master.asked.clear()
    assert client.cache_file("salt://a.txt") == path
    assert master.asked == ["_file_hash"], "what is there already is not sent again"
    (tmp_path / "srv/a.txt").write_bytes(b"beta")
    assert Path(client.cache_file("salt://a.txt")).read_bytes() == b"beta"


def test_environments_are_apart(client: FileClient) -> None:
    assert Path(client.cache_file("salt://a.txt?saltenv=dev")).read_text() == "dev alpha"
    assert Path(client.cache_file("salt://a.txt", "dev")).read_text() == "dev alpha"
    assert client.cache_file("salt://web/b", "dev") == ""
    assert client.envs() == ["base", "dev"]


@pytest.mark.parametrize("level", [None, 9])
def test_large_files(client: FileClient, tmp_path: Path, level: Any) -> None:
    data = os.urandom(5000) + bytes(5000)
    (tmp_path / "srv/big").write_bytes(data)
    assert Path(client.get_file("salt://big", gzip=level)).read_bytes() == data


def test_an_empty_file_is_a_file(client: FileClient, tmp_path: Path) -> None:
    (tmp_path / "srv/empty").touch()
    assert Path(client.cache_file("salt://empty")).read_bytes() == b""
    assert client.cache_file("salt://nosuch") == ""


def test_what_arrives_damaged_is_fetched_again(client: FileClient, master: CountingMaster) -> None:
    master.spoil = 2
    assert Path(client.cache_file("salt://a.txt")).read_bytes() == b"alpha"
    assert not [name for name in os.listdir(client.cache.folder + "/files/base") if name != "a.txt"]


def test_to_a_place_of_its_own(client: FileClient, tmp_path: Path) -> None:
    dest = tmp_path / "dest/x"
    assert client.get_file("salt://a.txt", str(dest)) == ""
    assert client.get_file("salt://a.txt", str(dest), makedirs=True) == str(dest)
    assert client.get_file("salt://a.txt", str(tmp_path / "dest")) == str(tmp_path / "dest/a.txt")
    os.chmod(dest, 0o751)
    (tmp_path / "srv/a.txt").write_bytes(b"new")
    client.get_file("salt://a.txt", str(dest))
    assert (dest.read_bytes(), os.stat(dest).st_mode & 0o777) == (b"new", 0o751)
    with pytest.raises(MinionError, match="Unsupported path"):
        client.get_file("/etc/passwd")


def test_a_planted_link_is_replaced_not_followed(client: FileClient, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    place = tmp_path / "cache/files/base/a.txt"
    place.parent.mkdir(parents=True)
    place.symlink_to(victim)
    client.cache_file("salt://a.txt")
    assert victim.read_text() == "precious"
    assert (place.is_symlink(), place.read_text()) == (False, "alpha")


def test_a_file_becomes_a_folder_and_back(client: FileClient, tmp_path: Path) -> None:
    client.cache_file("salt://a.txt")
    (tmp_path / "srv/a.txt").unlink()
    (tmp_path / "srv/a.txt").mkdir()
    (tmp_path / "srv/a.txt/x").write_text("x")
    assert Path(client.cache_file("salt://a.txt/x")).read_text() == "x"
    (tmp_path / "srv/a.txt/x").unlink()
    (tmp_path / "srv/a.txt").rmdir()
    (tmp_path / "srv/a.txt").write_text("file again")
    assert Path(client.cache_file("salt://a.txt")).read_text() == "file again"


def test_while_it_is_steady_nothing_is_asked_twice(client: FileClient, master: CountingMaster, tmp_path: Path) -> None:
    with client.steady():
        client.cache_file("salt://a.txt")
        (tmp_path / "srv/a.txt").write_bytes(b"beta")
        master.asked.clear()
        with client.steady():
            assert Path(client.cache_file("salt://a.txt")).read_bytes() == b"alpha"
        assert client.cache_file("salt://a.txt")
        assert master.asked == []
    assert Path(client.cache_file("salt://a.txt")).read_bytes() == b"beta"


def test_sls_files(client: FileClient, tmp_path: Path) -> None:
    assert client.get_state("web", "base") == {
        "source": "salt://web/init.sls",
        "dest": str(tmp_path / "cache/files/base/web/init.sls"),
    }
    assert client.get_state("nosuch", "base") == {}
    assert client.list_states() == ["web"]


def test_folders(client: FileClient, tmp_path: Path) -> None:
    names = [os.path.relpath(path, tmp_path / "cache/files/base") for path in client.cache_dir("salt://web")]
    assert sorted(names) == ["web/b", "web/init.sls", "web/s/c"]
    assert len(client.cache_dir("salt://web", include_pat="*/b")) == 1
    assert len(client.cache_dir("salt://web", exclude_pat="E@/s/")) == 2
    assert str(tmp_path / "cache/files/base/web/none") in client.cache_dir("salt://web", include_empty=True)
    dest = tmp_path / "dest"
    got = client.get_dir("salt://web", str(dest))
    assert [os.path.relpath(path, dest) for path in got] == ["web/b", "web/init.sls", "web/none", "web/s/c"]
    assert (dest / "web/s/c").read_bytes() == b"c"
    assert (dest / "web/none").is_dir()


def test_hashes(client: FileClient, tmp_path: Path) -> None:
    served: Any = client.hash_file("salt://a.txt")
    local = client.hash_file(str(tmp_path / "srv/a.txt"))
    assert served == local
    assert served["hash_type"] == "sha256"
    assert client.hash_file("salt://none") == ""
    assert client.hash_file("/nonexistent") == {}
    assert client.hash_and_stat_file("salt://a.txt")[1] == client.hash_and_stat_file(str(tmp_path / "srv/a.txt"))[1]
    assert client.hash_and_stat_file("salt://none") == ("", None)


def test_any_url(client: FileClient, tmp_path: Path) -> None:
    path = str(tmp_path / "srv/a.txt")
    assert client.get_url(path, "") == path
    assert client.get_url(f"file://{path}", "") == path
    assert client.get_url(path, None) == b"alpha"
    assert client.get_url("salt://a.txt", None) == b"alpha"
    with pytest.raises(CommandExecutionError, match="not absolute"):
        client.get_url("relative/path", "")
    with pytest.raises(CommandExecutionError, match="s3://: this scheme is not supported"):
        client.get_url("s3://bucket/x", "")


def test_what_is_cached(client: FileClient, tmp_path: Path) -> None:
    assert client.is_cached("salt://a.txt") == ""
    path = client.cache_file("salt://a.txt")
    assert client.is_cached("salt://a.txt") == path == client.cache_dest("salt://a.txt")
    own = tmp_path / "own"
    own.write_text("own")
    copy = client.cache_local_file(str(own))
    assert copy == str(tmp_path / f"cache/localfiles/{str(own).lstrip('/')}")
    assert client.file_local_list() == sorted([path, copy])


def test_patterns() -> None:
    assert check_include_exclude("a/b.txt", "*.txt")
    assert not check_include_exclude("a/b.txt", "*.conf")
    assert check_include_exclude("a/b.txt", "E@b\\.")
    assert not check_include_exclude("a/b.txt", "*.txt", "a/*")
