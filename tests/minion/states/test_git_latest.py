from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Callable, Dict

import pytest

from tests.git_lab import Repository, ssh_server
from tests.minion.states.calls import Result, State

Latest = Callable[..., Result]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("template") / "repo", {"file": "one\n"})
    made.tag("v1", message="the first")
    made.commit({"file": "two\n"})
    made.commit({"dev": "dev\n"}, "dev")
    return made


@pytest.fixture
def remote(template: Repository, tmp_path: Path) -> Repository:
    return template.copy(tmp_path / "remote")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clone"


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def latest(host: State, remote: Repository, folder: Path) -> Latest:
    def call(test: bool = False, **kwargs: Any) -> Result:
        return host("git.latest", remote.url, test=test, target=str(folder), **kwargs)

    return call


def head(repository: Repository, ref: str = "master") -> str:
    return git(repository.bare, "rev-parse", ref + "^{commit}")


def test_clone_and_update(host: State, remote: Repository, folder: Path) -> None:
    options: Dict[str, Any] = {"target": str(folder)}
    predicted, first, second = host.converge("git.latest", remote.url, **options)
    assert predicted["comment"] == f"Repository {remote.url} would be cloned to {folder}"
    assert predicted["changes"] == {"new": f"{remote.url} => {folder}"}
    assert first["comment"] == f"{remote.url} cloned to {folder}"
    assert first["changes"]["revision"] == {"old": None, "new": head(remote)}
    assert second["comment"] == f"Repository {folder} is up-to-date"
    old, new = head(remote)[:7], remote.commit({"file": "three\n"}, "master")[:7]
    predicted, first, _ = host.converge("git.latest", remote.url, **options)
    said = f"Remote 'origin' would be fetched. Repository would be updated from {old} to {new}."
    assert predicted["comment"] == said
    moved = f"Repository was fast-forwarded to remote HEAD ({new})"
    assert first["comment"] == f"{remote.url} was fetched, resulting in updated refs. {moved}."
    assert (folder / "file").read_text() == "three\n"


def test_branches_tags_and_commits(host: State, remote: Repository, folder: Path) -> None:
    options: Dict[str, Any] = {"target": str(folder)}
    host.converge("git.latest", remote.url, rev="dev", branch="dev", **options)
    assert git(folder, "rev-parse", "--abbrev-ref", "HEAD", "HEAD@{u}").split() == ["dev", "origin/dev"]
    predicted, first, _ = host.converge("git.latest", remote.url, rev="master", branch="work", **options)
    place = f"with origin/master ({head(remote)[:7]}) as a starting point"
    assert predicted["comment"].startswith(f"New branch 'work' would be checked out, {place}")
    assert first["comment"] == f"New branch 'work' was checked out, {place}"
    _, first, _ = host.converge("git.latest", remote.url, rev="dev", branch="dev", **options)
    assert first["comment"] == "'dev' was checked out"
    tagged = head(remote, "v1")
    _, first, _ = host.converge("git.latest", remote.url, rev="v1", branch="dev", force_reset=True, **options)
    assert first["comment"] == f"Repository was hard-reset to v1 ({tagged[:7]}). Tracking branch was unset."
    assert first["changes"]["forced update"] is True and git(folder, "rev-parse", "HEAD") == tagged
    host.converge("git.latest", remote.url, rev=head(remote)[:9].upper(), **options)
    assert git(folder, "rev-parse", "HEAD") == head(remote)


def test_uncommitted_changes(latest: Latest, remote: Repository, folder: Path) -> None:
    latest()
    (folder / "file").write_text("mine\n")
    kept = "is up-to-date, but with uncommitted changes. Set 'force_reset' to True to purge uncommitted changes."
    for reset in (False, "remote-changes"):
        result = latest(force_reset=reset)
        assert (result["result"], result["comment"]) == (True, f"Repository {folder} {kept}")
    remote.commit({"other": "x"}, "master")
    for test in (True, False):
        result = latest(test)
        assert result["result"] is False and "but there are uncommitted changes." in result["comment"]
    assert (folder / "file").read_text() == "mine\n"
    result = latest(force_reset="remote-changes")
    assert "Uncommitted changes were discarded. Repository was fast-forwarded to" in result["comment"]
    (folder / "file").write_text("mine\n")
    assert latest(True, force_reset=True)["changes"] == {"forced update": True}
    assert latest(force_reset=True)["changes"] == {"forced update": True}
    assert (folder / "file").read_text() == "two\n" and (folder / "other").exists()


def rewrite(remote: Repository) -> str:
    """Another commit in the place of the newest one of master; its id."""
    work = remote.bare.parent / "work"
    git(work, "checkout", "-q", "master")
    git(work, "-c", "user.name=me", "-c", "user.email=me@example.com", "commit", "-q", "--amend", "-m", "another")
    git(work, "push", "-q", "-f", str(remote.bare), "master")
    return head(remote)


def test_a_rewritten_branch(latest: Latest, remote: Repository, folder: Path) -> None:
    latest()
    mine, other = git(folder, "rev-parse", "HEAD"), rewrite(remote)
    result = latest()
    assert result["result"] is False and result["comment"].startswith("Fetch failed. Set 'force_fetch' to True")
    result = latest(force_fetch=True)
    assert result["result"] is False and "this is not a fast-forward merge" in result["comment"]
    assert git(folder, "rev-parse", "HEAD") == mine
    changed = {"revision": {"old": mine, "new": other}}
    assert latest(True, force_reset=True)["changes"] == changed
    result = latest(force_reset=True)
    assert result["result"] is True and result["changes"] == {**changed, "forced update": True}


def test_update_head(latest: Latest, remote: Repository, folder: Path) -> None:
    latest()
    old, new = git(folder, "rev-parse", "HEAD"), remote.commit({"file": "three\n"}, "master")
    for test in (True, False):
        result = latest(test, update_head=False)
        assert (result["result"], result["changes"]) == (True, {}) and "update_head=False" in result["comment"]
    assert git(folder, "rev-parse", "HEAD", "origin/master").split() == [old, new]


def test_tags_come_and_go(latest: Latest, remote: Repository, folder: Path) -> None:
    latest()
    git(folder, "tag", "mine")
    remote.tag("v2")
    predicted = latest(True)
    assert predicted["result"] is None and predicted["changes"] == {"new_tags": ["v2"], "deleted_tags": ["mine"]}
    assert latest()["changes"] == {"new_tags": ["v2"], "deleted_tags": ["mine"]}
    assert git(folder, "tag").split() == ["v1", "v2"]
    assert latest()["changes"] == latest(fetch_tags=False)["changes"] == {}


@pytest.mark.parametrize("kind", ["bare", "mirror"])
def test_bare(host: State, remote: Repository, folder: Path, kind: str) -> None:
    options: Dict[str, Any] = {"target": str(folder), kind: True}
    host.converge("git.latest", remote.url, **options)
    new = remote.commit({"file": "three\n"}, "master")
    _, first, _ = host.converge("git.latest", remote.url, **options)
    assert first["comment"] == f"Bare repository at {folder} was fetched, resulting in updated refs"
    assert git(folder, "rev-parse", "master") == new


def test_another_url(latest: Latest, remote: Repository, folder: Path) -> None:
    latest()
    git(folder, "remote", "set-url", "origin", "file:///nosuch")
    predicted, done = latest(True), latest()
    what = f"changed from file:///nosuch to {remote.url}"
    assert predicted["comment"].endswith(f"Changes that would be made: Remote 'origin' would be {what}")
    assert done["comment"].endswith(f"Changes made: Remote 'origin' {what}") and done["result"] is True
    assert git(folder, "remote", "get-url", "origin") == remote.url


def test_a_folder_with_something_else(latest: Latest, remote: Repository, folder: Path) -> None:
    folder.mkdir()
    (folder / "mine").touch()
    result = latest()
    assert result["result"] is False and "exists, is non-empty and is not a git repository" in result["comment"]
    assert latest(True, force_clone=True)["changes"]["forced clone"] is True and (folder / "mine").exists()
    assert latest(force_clone=True)["result"] is True and not (folder / "mine").exists()


def test_only_some_commits(latest: Latest, folder: Path) -> None:
    assert latest(depth=1)["comment"].startswith("When 'depth' is used, 'rev' must be set")
    assert latest(depth=1, rev="master")["result"] is True
    assert git(folder, "rev-list", "--count", "HEAD") == "1"


def test_submodules(latest: Latest, remote: Repository, folder: Path, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner", {"inside": "x"})
    work = remote.bare.parent / "work"
    git(work, "checkout", "-q", "master")
    git(work, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.url, "sub")
    remote.commit({"file": "with submodule\n"}, "master")
    result = latest(submodules=True)
    assert result["result"] is False and result["comment"].startswith("Failed to update submodules: ")
    assert "file" in result["comment"] and "Changes already made: " in result["comment"]


def test_over_ssh_with_a_key(host: State, remote: Repository, folder: Path) -> None:
    known = Path("~root/.ssh/known_hosts").expanduser()
    before = known.read_bytes() if known.exists() else None
    with ssh_server() as (port, keys):
        subprocess.run(["ssh-keygen", "-q", "-p", "-P", "opensesame", "-N", "", "-f", str(keys / "id")], check=True)
        url, options = f"ssh://root@127.0.0.1:{port}{remote.bare}", {"target": str(folder)}
        try:
            host.converge("git.latest", url, identity=[str(keys / "stranger"), str(keys / "id")], **options)
            comment = host.fails("git.latest", url, identity=str(keys / "stranger"), **options)
        finally:
            known.unlink() if before is None else known.write_bytes(before)
    assert comment.startswith("Failed to check remote refs: Unable to authenticate using identity file:")


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"force": True}, "The following keyword arguments are not valid: force=True"),
        ({"remote": ""}, "'remote' argument is required"),
        ({"rev": ""}, "'' is not a valid value for the 'rev' argument"),
        ({"rev": "nosuch"}, "No revision matching 'nosuch' exists in the remote repository"),
        ({"rev": "dev", "bare": True}, "'rev' is not compatible with the 'mirror' and 'bare' arguments"),
        ({"force_reset": "maybe"}, "'force_reset' must be one of True, False, or 'remote-changes'"),
        ({"identity": "rel"}, "identity 'rel' is not an absolute path"),
        ({"identity": {}}, "identity must be either a list or a string"),
        ({"target": "rel"}, "target 'rel' is not an absolute path"),
        ({"target": "/etc/passwd"}, "Target '/etc/passwd' exists and is a regular file, cannot proceed"),
        ({"https_user": "u", "https_pass": "p"}, "Basic Auth only supported for HTTPS"),
    ],
)
def test_what_is_refused(
    host: State, remote: Repository, folder: Path, arguments: Dict[str, Any], comment: str
) -> None:
    for test in (True, False):
        assert host.fails("git.latest", remote.url, **{"target": str(folder), "test": test, **arguments}) == comment
    assert not folder.exists()


def test_no_repository(host: State, folder: Path, tmp_path: Path) -> None:
    comment = host.fails("git.latest", f"file://{tmp_path}/nosuch", target=str(folder))
    assert comment.startswith("Failed to check remote refs: fatal: ") and not folder.exists()


def test_an_empty_repository(host: State, remote: Repository, folder: Path, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "empty")], check=True)
    assert host("git.latest", f"file://{tmp_path}/empty", target=str(folder))["result"] is True
    assert host("git.latest", remote.url, target=str(folder))["result"] is True
    comment = host.fails("git.latest", f"file://{tmp_path}/empty", target=str(folder))
    assert comment == "Remote repository is empty, cannot update from a non-empty to an empty repository"
