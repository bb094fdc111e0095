"""The file server over git repositories: environments, files, links, lists, and what it refuses."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest

from minion.config import MinionSettings
from minion.files import backends
from minion.files.gitfs import GitFS, update
from tests.git_lab import Repository

pytest.importorskip("pygit2")

FILES = {
    "top.sls": "base: {}",
    "web/init.sls": "web",
    "web/files/a.conf": "a",
    "run.sh": "#!/bin/sh\n",
    "web/link.conf": "-> files/a.conf",
    "weblink": "-> web",
    "web/up": "-> ../top.sls",
    "web/outside": "-> ../../../etc/passwd",
    "absolute": "-> /etc/passwd",
    "lost": "-> nowhere",
    "round": "-> round2",
    "round2": "-> round",
    "web/loop": "-> ..",
}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("git") / "one", FILES)


@pytest.fixture
def repo(template: Repository, tmp_path: Path) -> Repository:
    return template.copy(tmp_path / "one")


def gitfs(tmp_path: Path, *remotes: Any, **opts: Any) -> GitFS:
    """A file server that has fetched."""
    served = GitFS({**MinionSettings().opts(), "cachedir": str(tmp_path / "cache"), "gitfs_remotes": remotes, **opts})
    update(served.mirrors)
    return served


def content(served: Any, path: str, saltenv: str = "base") -> Any:
    return served.serve(path, saltenv, 0)["data"]


def test_branches_tags_and_commits_are_environments(repo: Repository, tmp_path: Path) -> None:
    commit = repo.commit({"top.sls": "dev", "new": "n"}, "dev")
    repo.commit({"f": "f"}, "feature/x")
    repo.tag("v1", "master")
    repo.tag("v2", "dev", message="annotated")
    served = gitfs(tmp_path, repo.url)
    assert served.envs() == ["base", "dev", "feature/x", "v1", "v2"]
    assert content(served, "top.sls") == b"base: {}"
    for saltenv in ("dev", "v2", "feature/x", commit, commit[:10]):
        assert content(served, "top.sls", saltenv) == b"dev"
    assert content(served, "f", "feature/x") == b"f"
    assert content(served, "f") == b""
    for saltenv in ("master", "nosuch", "0123456", "dev~0", "HEAD", "../x", "refs/heads/dev", ""):
        assert content(served, "top.sls", saltenv) == b""
        assert served.file_list(saltenv) == []


def test_find_hash_and_serve(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, repo.url, file_buffer_size=4)
    assert served.find("web//init.sls", "base") == {
        "path": "base:web/init.sls", "rel": "web/init.sls", "stat": [0o100644], "back": "gitfs",
    }  # fmt: skip
    assert served.hash_and_stat("run.sh", "base")[1] == [0o100755]
    digest = hashlib.sha256(b"base: {}").hexdigest()
    assert served.hash("top.sls", "base") == {"hsum": digest, "hash_type": "sha256"}
    pieces = [served.serve("top.sls", "base", at)["data"] for at in (0, 4, 8)]
    assert pieces == [b"base", b": {}", b""]
    assert served.serve("top.sls", "base", 0) == {"data": b"base", "dest": "top.sls"}
    assert served.serve("top.sls", "base", 8) == {"data": b"", "dest": "top.sls"}
    zipped = served.serve("top.sls", "base", 0, 6)
    assert (gzip.decompress(zipped["data"]), zipped["gzip"]) == (b"base", 6)
    assert gitfs(tmp_path, repo.url, hash_type="md5").hash("top.sls", "base")["hash_type"] == "md5"


def test_what_there_is_not(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, repo.url)
    refused = ["", "/", "../top.sls", "web/../top.sls", "/top.sls", "top.sls/x", "web\\init.sls", "a\0b", ".git/config"]
    for path in [*refused, "nope", "web", "weblink", "web/outside", "absolute", "lost", "round", "web/loop"]:
        assert served.find(path, "base") == {"path": "", "rel": ""}, path
        assert served.hash_and_stat(path, "base") == ("", None), path
        assert served.serve(path, "base", 0) == {"data": b"", "dest": ""}, path


def test_links_that_stay_below_the_root(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, repo.url)
    assert content(served, "web/link.conf") == b"a"
    assert content(served, "weblink/files/a.conf") == b"a"
    assert content(served, "weblink/link.conf") == b"a"
    assert content(served, "web/up") == content(served, "web/loop/top.sls") == b"base: {}"
    rooted = gitfs(tmp_path, {repo.url: [{"root": "web"}]})
    assert content(rooted, "link.conf") == b"a"
    assert content(rooted, "up") == b""  # it leads out of the folder that is served
    unfollowed = gitfs(tmp_path, repo.url, fileserver_followsymlinks=False)
    assert content(unfollowed, "web/link.conf") == content(unfollowed, "weblink/init.sls") == b""


def test_lists(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, repo.url)
    real = ["run.sh", "top.sls", "web/files/a.conf", "web/init.sls", "web/link.conf", "web/up"]
    linked = ["weblink/files/a.conf", "weblink/init.sls", "weblink/link.conf", "weblink/up"]
    nowhere = ["lost", "round", "round2"]
    assert served.file_list("base") == sorted([*real, *linked, *nowhere])
    assert served.dir_list("base") == ["web", "web/files", "web/loop", "weblink", "weblink/files", "weblink/loop"]
    assert served.file_list_emptydirs("base") == []
    links = served.symlink_list("base", "web/")  # a prefix is none of folders but of letters, as with roots
    assert links == {"web/link.conf": "files/a.conf", "web/loop": "..", "web/up": "../top.sls"} | {
        "weblink": "web", "weblink/link.conf": "files/a.conf", "weblink/loop": "..", "weblink/up": "../top.sls",
    }  # fmt: skip
    assert served.file_list("base", "web/files") == ["web/files/a.conf"]
    hidden = gitfs(tmp_path, repo.url, fileserver_ignoresymlinks=True)
    assert "web/link.conf" not in hidden.file_list("base")
    assert hidden.symlink_list("base") == {}


def test_ignored_files(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, repo.url, file_ignore_glob=["*.conf"], file_ignore_regex=["^run"])
    assert content(served, "web/files/a.conf") == content(served, "run.sh") == b""
    assert not [path for path in served.file_list("base") if path.endswith(".conf") or path == "run.sh"]


def test_roots_and_mountpoints(repo: Repository, tmp_path: Path) -> None:
    served = gitfs(tmp_path, {repo.url: [{"root": "web/files"}, {"mountpoint": "salt://deep/er"}]})
    assert served.file_list("base") == ["deep/er/a.conf"]
    assert served.dir_list("base") == ["deep", "deep/er"]
    assert content(served, "deep/er/a.conf") == b"a"
    assert content(served, "a.conf") == content(served, "deep/erx/a.conf") == content(served, "deep/er") == b""
    assert gitfs(tmp_path, {repo.url: [{"root": "nope"}]}).file_list("base") == []


def test_remotes_in_order(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "two", {"top.sls": "other", "only": "o"})
    served = gitfs(tmp_path, repo.url, other.url)
    assert (content(served, "top.sls"), content(served, "only")) == (b"base: {}", b"o")
    assert content(gitfs(tmp_path, other.url, repo.url), "top.sls") == b"other"


def test_whitelist_and_fallback(repo: Repository, tmp_path: Path) -> None:
    commit = repo.commit({"secret": "s"}, "private")
    served = gitfs(tmp_path, repo.url, gitfs_saltenv_whitelist=["base"])
    assert served.envs() == ["base"]
    assert content(served, "secret", "private") == content(served, "secret", commit) == b""
    fallen = gitfs(tmp_path, {repo.url: [{"fallback": "private"}]})
    assert content(fallen, "secret", "any/thing") == b"s"
    assert content(fallen, "secret") == b""


def test_updates_are_seen_at_once_by_other_processes(repo: Repository, tmp_path: Path) -> None:
    writer, reader = gitfs(tmp_path, repo.url), gitfs(tmp_path, repo.url)
    repo.commit({"d": "d"}, "dev")
    assert update(writer.mirrors) is True
    assert content(reader, "d", "dev") == b"d"
    repo.commit({"top.sls": "changed", "web/init.sls": None})
    update(writer.mirrors)
    assert content(reader, "top.sls") == b"changed"
    assert "web/init.sls" not in reader.file_list("base")
    repo.delete("dev")
    update(writer.mirrors)
    assert reader.envs() == ["base"]
    assert content(reader, "d", "dev") == b""
    assert update(writer.mirrors) is False


def test_nothing_was_fetched_yet(repo: Repository, tmp_path: Path) -> None:
    opts = {**MinionSettings().opts(), "cachedir": str(tmp_path / "cache"), "gitfs_remotes": [repo.url]}
    assert GitFS(opts).envs() == []
    assert content(GitFS(opts), "top.sls") == b""
    assert content(GitFS(opts, fetch=True), "top.sls") == b"base: {}"


def test_a_remote_that_fails_does_not_keep_others_from_being_served(
    repo: Repository, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = gitfs(tmp_path, f"file://{tmp_path}/nowhere", repo.url)
    assert content(served, "top.sls") == b"base: {}"
    assert f"file://{tmp_path}/nowhere can't be fetched" in caplog.text


def test_behind_roots(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv/top.sls").write_text("from the disk")
    (tmp_path / "srv/empty").mkdir()
    opts = {
        **MinionSettings().opts(),
        "cachedir": str(tmp_path / "cache"),
        "gitfs_remotes": [repo.url],
        "file_roots": {"base": [str(tmp_path / "srv")], "local": [str(tmp_path / "srv")]},
    }
    both = backends.build({**opts, "fileserver_backend": ["roots", "git"]}, fetch=True)
    assert content(both, "top.sls") == b"from the disk"
    assert content(both, "web/init.sls") == b"web"
    assert both.hash("top.sls", "base")["hsum"] == hashlib.sha256(b"from the disk").hexdigest()
    assert both.find("top.sls", "base")["back"] == "roots"
    assert both.find("run.sh", "base")["back"] == "gitfs"
    assert both.find("nope", "base") == {"path": "", "rel": ""}
    assert both.envs() == ["base", "local"]
    assert {"top.sls", "run.sh"} <= set(both.file_list("base"))
    assert both.file_list_emptydirs("base") == ["empty"]
    assert both.symlink_list("base", "weblink") == {"weblink": "web"} | {
        f"weblink/{name}": target
        for name, target in (("link.conf", "files/a.conf"), ("loop", ".."), ("up", "../top.sls"))
    }
    reverse = backends.build({**opts, "fileserver_backend": ["gitfs", "roots"]}, fetch=True)
    assert content(reverse, "top.sls") == b"base: {}"
    assert content(reverse, "top.sls", "local") == b"from the disk"


def test_unknown_backend_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    served = backends.build({"fileserver_backend": ["s3fs", "roots"], "file_roots": {"base": [str(tmp_path)]}})
    assert served.envs() == ["base"]
    assert "no file server backend s3fs" in caplog.text


def test_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pygit2", None)
    opts = {**MinionSettings().opts(), "cachedir": str(tmp_path), "fileserver_backend": ["git", "roots"]}
    served = backends.build({**opts, "file_roots": {"base": []}, "gitfs_remotes": ["https://example.com/a"]})
    assert served.envs() == ["base"]
    assert "pip install 'saltern[git]'" in caplog.text
