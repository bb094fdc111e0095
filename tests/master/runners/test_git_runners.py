"""fileserver, git_pillar, saltutil and pillar runners with files and pillars from git."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.config import MasterSettings
from master.miniondata import MinionData
from master.runner import Run, RunnerClient
from tests.git_lab import Repository

pytest.importorskip("pygit2")

Cmd = Callable[..., Any]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo", {"top.sls": "git", "g/b.sls": "b", "link": "-> top.sls"})
    made.commit({"_pillar/mine.py": "def ext_pillar(minion_id, pillar):\n    return {'mine': minion_id}\n"})
    made.commit({"d": "d"}, "dev")
    return made


@pytest.fixture
def options(repo: Repository, tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/top.sls").write_text("disk")
    pillar = Repository(tmp_path / "pillar_repo", {"top.sls": "base: {'*': [p]}", "p.sls": "p: {{ grains.os }}"})
    return {
        **MasterSettings().opts(),
        "id": "the_master",
        "cachedir": str(tmp_path / "cache"),
        "pki_dir": str(tmp_path / "pki"),
        "sock_dir": str(tmp_path / "run"),
        "extension_modules": str(tmp_path / "cache/extmods"),
        "fileserver_backend": ["roots", "git"],
        "file_roots": {"base": [str(tmp_path / "srv")]},
        "pillar_roots": {},
        "gitfs_remotes": [repo.url],
        "ext_pillar": [{"git": [f"master {pillar.url}"]}],
    }


@pytest.fixture
def run(options: dict[str, Any]) -> Callable[..., Run]:
    def call(fun: str, *args: Any, **kwargs: Any) -> Run:
        with RunnerClient(options) as client:
            return client.run(fun, args, kwargs)

    return call


@pytest.fixture
def cmd(run: Callable[..., Run]) -> Cmd:
    def call(fun: str, *args: Any, **kwargs: Any) -> Any:
        made = run(fun, *args, **kwargs)
        assert made.success, made.value
        return made.value

    return call


def test_update_and_lists(cmd: Cmd, repo: Repository) -> None:
    assert cmd("fileserver.envs") == ["base"]
    assert cmd("fileserver.update") is True
    assert cmd("fileserver.envs") == ["base", "dev"]
    assert cmd("fileserver.envs", sources=True) == {"roots": ["base"], "gitfs": ["base", "dev"]}
    assert cmd("fileserver.envs", backend="-gitfs") == ["base"]
    assert cmd("fileserver.file_list", backend="roots") == ["top.sls"]
    assert cmd("fileserver.file_list") == ["_pillar/mine.py", "g/b.sls", "link", "top.sls"]
    assert "d" in cmd("fileserver.file_list", saltenv="dev", backend="git")
    assert cmd("fileserver.dir_list", backend="git") == ["_pillar", "g"]
    assert cmd("fileserver.empty_dir_list", backend="git") == []
    assert cmd("fileserver.symlink_list") == {"link": "top.sls"}
    assert cmd("fileserver.clear_file_list_cache", backend="git") == {"gitfs": ["base", "dev"]}
    repo.commit({"new": "n"})
    cmd("fileserver.update", backend="git", remotes="https://other")
    assert "new" not in cmd("fileserver.file_list")
    cmd("fileserver.update", backend="git", remotes=repo.url)
    assert "new" in cmd("fileserver.file_list")


def test_an_update_that_fails_is_a_failure(run: Callable[..., Run], options: dict[str, Any]) -> None:
    options["gitfs_remotes"] = ["https://u:topsecret@127.0.0.1:1/a.git"]
    failed = run("fileserver.update")
    assert failed.retcode == 1
    assert "https://127.0.0.1:1/a.git can't be fetched" in failed.value
    assert "topsecret" not in failed.value


def test_locks(cmd: Cmd, repo: Repository) -> None:
    cmd("fileserver.update")
    assert cmd("fileserver.lock", remote="*nothing*") == "No locks were set"
    assert cmd("fileserver.lock") == {"locked": [f"Set update lock for gitfs remote '{repo.url}'"]}
    repo.commit({"new": "n"})
    cmd("fileserver.update")
    assert "new" not in cmd("fileserver.file_list")
    assert cmd("fileserver.clear_lock") == {"cleared": [f"Removed update lock for gitfs remote '{repo.url}'"]}
    assert cmd("fileserver.clear_lock") == cmd("cache.clear_git_lock", "gitfs") == "No locks were removed"
    cmd("fileserver.update")
    assert "new" in cmd("fileserver.file_list")


def test_clear_cache(cmd: Cmd) -> None:
    cmd("fileserver.update")
    assert cmd("fileserver.clear_cache") == {"cleared": ["The gitfs fileserver cache was successfully cleared"]}
    assert cmd("fileserver.clear_cache") == "No cache was cleared"
    assert cmd("fileserver.file_list") == ["top.sls"]


def test_unknown_backend(run: Callable[..., Run]) -> None:
    assert "no file server backend 's3fs': enabled are roots, gitfs" in run("fileserver.envs", backend="s3fs").value


def test_modules_from_git_are_synced_and_used(cmd: Cmd, options: dict[str, Any]) -> None:
    cmd("fileserver.update")
    assert cmd("saltutil.sync_pillar") == ["pillar.mine"]
    assert cmd("saltutil.sync_pillar") == []
    MinionData(options["cachedir"] + "/by_minion").store_grains("web1", {"os": "Debian"})
    options["ext_pillar"].append({"mine": []})
    assert cmd("pillar.show_pillar", "web1") == {"p": "Debian", "mine": "web1"}


def test_git_pillar(cmd: Cmd, run: Callable[..., Run], options: dict[str, Any]) -> None:
    (remote,) = options["ext_pillar"][0]["git"]
    assert cmd("git_pillar.update") == {remote: True}
    assert cmd("git_pillar.update", branch="master") == {remote: None}
    assert "not found in ext_pillar config" in run("git_pillar.update", branch="dev").value
    options["ext_pillar"] = [{"git": ["master file:///no/where"]}]
    assert cmd("git_pillar.update") == {"master file:///no/where": False}
    assert "_errors" in cmd("pillar.show_pillar", "web1")
    options["ext_pillar"] = []
    assert "No git_pillar remotes are configured" in run("git_pillar.update").value
