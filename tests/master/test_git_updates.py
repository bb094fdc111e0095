"""Updates of git repositories by the master: which, when, and what is told of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from master import git_updates
from master.config import MasterSettings
from master.git_updates import GitUpdates, mirrors
from minion.errors import CommandExecutionError, ConfigError
from tests.git_lab import Repository

pytest.importorskip("pygit2")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo", {"a": "one"})


def options(tmp_path: Path, **opts: Any) -> dict[str, Any]:
    return {**MasterSettings().opts(), "cachedir": str(tmp_path / "cache"), "fileserver_backend": ["git"], **opts}


def test_which_repositories(tmp_path: Path) -> None:
    pillar = [{"cmd_yaml": "true"}, {"git": ["master https://h/p", {"dev https://h/p": [{"env": "x"}]}]}, {"git": None}]
    opts = options(tmp_path, gitfs_remotes=["https://h/a", "https://h/b"], ext_pillar=pillar)
    found = [(role, mirror.remote.url, mirror.remote.branch) for role, mirror in mirrors(opts)]
    assert found == [
        ("gitfs", "https://h/a", ""),
        ("gitfs", "https://h/b", ""),
        ("git_pillar", "https://h/p", "master"),
        ("git_pillar", "https://h/p", "dev"),
    ]
    assert [role for role, _ in mirrors({**opts, "fileserver_backend": ["roots"]})] == ["git_pillar", "git_pillar"]
    with pytest.raises(ConfigError, match="can't have colour"):
        git_updates.check({**opts, "gitfs_remotes": [{"https://h/a": [{"colour": 1}]}]})


def test_each_at_its_interval(repo: Repository, tmp_path: Path) -> None:
    now, told = [1000.0], []
    remotes = [{repo.url: [{"update_interval": 60}]}]
    ext_pillar = [{"git": [f"master {repo.url}", f"dev {repo.url}"]}]
    opts = options(tmp_path, gitfs_remotes=remotes, ext_pillar=ext_pillar, git_pillar_update_interval=300)
    updates = GitUpdates(opts, lambda role, changed: told.append((role, changed)), lambda: now[0])
    assert updates.update_due() == 1060
    assert told == [("gitfs", True), ("git_pillar", True)]  # two branches of one repository are one copy
    now[0] = 1059
    assert updates.update_due() == 1060
    assert len(told) == 2
    repo.commit({"a": "two"})
    now[0] = 1060
    assert updates.update_due() == 1120
    assert told[2:] == [("gitfs", True)]
    now[0] = 1300
    assert updates.update_due() == 1360
    assert told[3:] == [("gitfs", False), ("git_pillar", True)]


def test_a_failure_is_logged_once_and_holds_up_nobody(
    repo: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now, told = [0.0], []
    missing = f"file://{tmp_path}/later/bare.git"
    opts = options(tmp_path, gitfs_remotes=[missing, repo.url])
    updates = GitUpdates(opts, lambda role, changed: told.append(changed), lambda: now[0])
    for _ in range(3):
        updates.update_due()
        now[0] += 60
    assert told == [True, False, False]
    assert caplog.text.count("can't be fetched") == 1
    Repository(tmp_path / "later", {"b": "b"})
    updates.update_due()
    assert "can be fetched again" in caplog.text
    assert told[3:] == [True, False]


def test_copies_of_what_is_no_longer_named_are_removed(repo: Repository, tmp_path: Path) -> None:
    opts = options(tmp_path, gitfs_remotes=[repo.url], ext_pillar=[{"git": [f"master {repo.url}"]}])
    GitUpdates(opts).update_due()
    (tmp_path / "cache/git_pillar/files").mkdir()
    GitUpdates(opts).remove_old()
    assert len(list((tmp_path / "cache").glob("git*/*/fetched"))) == 2
    GitUpdates({**opts, "gitfs_remotes": []}).remove_old()
    assert [path.parent.parent.name for path in (tmp_path / "cache").glob("git*/*/fetched")] == ["git_pillar"]
    assert (tmp_path / "cache/git_pillar/files").is_dir()


def test_runs_until_it_is_told_to_end(repo: Repository, tmp_path: Path) -> None:
    ended = threading.Event()
    opts = options(tmp_path, gitfs_remotes=[repo.url])
    GitUpdates(opts, lambda role, changed: ended.set()).run(ended)
    assert list((tmp_path / "cache/gitfs").glob("*/fetched"))
    GitUpdates(options(tmp_path)).run(threading.Event())  # nothing to do: it does not wait for ever


def test_fetch_all_tells_all_failures(repo: Repository, tmp_path: Path) -> None:
    opts = options(tmp_path, gitfs_remotes=["file:///no/a", repo.url, "file:///no/b"])
    found = [mirror for _, mirror in mirrors(opts)]
    with pytest.raises(CommandExecutionError, match=r"no/a can't be fetched.*no/b can't be fetched"):
        git_updates.fetch_all(found)
    assert found[1].repository is not None
