from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.git_lab import Repository
from tests.minion.states.calls import State


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "remote", {"file": "one\n"})
    made.tag("v1", message="the first")
    made.commit({"file": "two\n"}, "dev")
    return made


def at(folder: Path, rev: str = "HEAD") -> str:
    words = ["git", "-C", str(folder), "rev-parse", rev + "^{commit}"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def test_branch_tag_and_commit(host: State, remote: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    options: Dict[str, Any] = {"target": str(folder)}
    predicted, first, second = host.converge("git.detached", remote.url, rev="dev", **options)
    commit = at(remote.bare, "dev")
    assert predicted["comment"] == f"Repository {remote.url} would be cloned to {folder}"
    lines = [f"{remote.url} cloned to {folder}", f"Commit ID {commit} was checked out at {folder}"]
    assert first["comment"] == ". ".join(lines) + "." and first["changes"] == {"HEAD": {"old": None, "new": commit}}
    assert second["comment"] == "Already checked out at correct revision"
    tagged = at(remote.bare, "v1")
    predicted, first, _ = host.converge("git.detached", remote.url, rev="v1", **options)
    assert predicted["comment"] == f"Commit ID {tagged} would be checked out at {folder}"
    assert first["changes"] == {"HEAD": {"old": commit, "new": tagged}}
    host.converge("git.detached", remote.url, rev=commit[:8], **options)
    new = remote.commit({"file": "three\n"}, "dev")
    predicted, _, _ = host.converge("git.detached", remote.url, rev="dev", **options)
    assert predicted["comment"] == "Repository remote origin would be fetched"
    assert at(folder) == new and (folder / "file").read_text() == "three\n"


def test_uncommitted_changes(host: State, remote: Repository, tmp_path: Path) -> None:
    options: Dict[str, Any] = {"target": str(tmp_path / "clone")}
    host("git.detached", remote.url, rev="dev", **options)
    (tmp_path / "clone" / "file").write_text("mine\n")
    assert "overwritten by checkout" in host.fails("git.detached", remote.url, rev="v1", **options)
    result = host("git.detached", remote.url, rev="dev", hard_reset=True, test=True, **options)
    assert result["comment"] == f"Hard reset to HEAD would be performed on {tmp_path}/clone"
    result = host("git.detached", remote.url, rev="dev", hard_reset=True, **options)
    assert result["comment"].startswith("Repository was reset to HEAD before checking out revision")
    (tmp_path / "clone" / "file").write_text("mine\n")
    assert host("git.detached", remote.url, rev="v1", force_checkout=True, **options)["result"] is True
    assert (tmp_path / "clone" / "file").read_text() == "one\n"


def test_another_url(host: State, remote: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    host("git.detached", remote.url, rev="dev", target=str(folder), remote="other")
    result = host("git.detached", remote.url, rev="dev", target=str(folder), test=True)
    assert (result["result"], result["comment"]) == (None, f"Remote origin would be set to {remote.url}")
    result = host("git.detached", remote.url, rev="dev", target=str(folder))
    assert result["comment"].startswith(f"Remote origin updated from 'None' to '{remote.url}'")


def test_a_folder_with_something_else(host: State, remote: Repository, tmp_path: Path) -> None:
    folder = tmp_path / "clone"
    folder.mkdir()
    (folder / "mine").touch()
    options: Dict[str, Any] = {"target": str(folder), "rev": "dev"}
    assert "is not a git repository" in host.fails("git.detached", remote.url, **options)
    _, first, _ = host.converge("git.detached", remote.url, force_clone=True, **options)
    assert first["changes"]["forced clone"] is True and not (folder / "mine").exists()


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ({"rev": "nosuch"}, "Revision 'nosuch' does not exist"),
        ({"rev": "abcdef"}, "Revision 'abcdef' does not exist"),
        ({"rev": ""}, "'' is not a valid value for the 'rev' argument"),
        ({"target": "rel"}, "target 'rel' is not an absolute path"),
        ({"bogus": 1}, "The following keyword arguments are not valid: bogus=1"),
    ],
)
def test_what_is_refused(
    host: State, remote: Repository, tmp_path: Path, arguments: Dict[str, Any], comment: str
) -> None:
    options: Dict[str, Any] = {"target": str(tmp_path / "clone"), "rev": "dev"}
    host("git.detached", remote.url, **options)
    assert host.fails("git.detached", remote.url, **{**options, **arguments}) == comment
