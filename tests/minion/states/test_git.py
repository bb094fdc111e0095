from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from tests.git_lab import Repository
from tests.minion.states.calls import State


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository(tmp_path_factory.mktemp("remote"), {"file": "one\n"})
    made.commit({"dev": "dev\n"}, "dev")
    return made


@pytest.fixture
def repo(tmp_path: Path) -> str:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "repo")], check=True)
    return str(tmp_path / "repo")


def settings(repo: str, key: str) -> Any:
    done = subprocess.run(["git", "-C", repo, "config", "--get-all", key], capture_output=True, text=True)
    return done.stdout.split()


@pytest.mark.parametrize("bare", [True, False])
def test_present(host: State, tmp_path: Path, bare: bool) -> None:
    folder, kind = tmp_path / "new", "bare " if bare else ""
    predicted, first, second = host.converge("git.present", str(folder), bare=bare)
    assert (predicted["comment"], predicted["changes"]) == (
        f"New {kind}repository would be created",
        {"new": str(folder)},
    )
    assert first["comment"] == f"Initialized {kind}repository in {folder}" and second["comment"] == ""
    assert (folder / ("HEAD" if bare else ".git/HEAD")).is_file()


def test_present_where_something_else_is(host: State, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    assert "exists, is non-empty, and is not a git repository" in host.fails("git.present", str(tmp_path))
    predicted, first, _ = host.converge("git.present", str(tmp_path), force=True)
    assert predicted["comment"].startswith(f"Target directory {tmp_path} exists. Since force=True, the contents")
    assert first["changes"] == {"new": str(tmp_path), "forced init": True} and not (tmp_path / "mine").exists()


def test_present_where_none_can_be(host: State, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "cannot mkdir" in host.fails("git.present", str(tmp_path / "file" / "x"))


def test_cloned(host: State, remote: Repository, tmp_path: Path) -> None:
    options: Dict[str, Any] = {"target": str(tmp_path / "clone")}
    predicted, first, second = host.converge("git.cloned", remote.url, **options)
    assert predicted["comment"] == f"{remote.url} would be cloned to {tmp_path}/clone"
    assert first["comment"] == f"{remote.url} cloned to {tmp_path}/clone"
    assert second["comment"] == f"Repository already exists at {tmp_path}/clone"
    predicted, first, second = host.converge("git.cloned", remote.url, branch="dev", **options)
    assert predicted["comment"] == "Branch would be changed to 'dev'"
    assert (first["comment"], first["changes"]) == (
        "Branch changed to 'dev'",
        {"branch": {"old": "master", "new": "dev"}},
    )
    assert second["comment"].endswith("/clone and is checked out to branch 'dev'")
    host.converge("git.cloned", remote.url, branch="master", **options)
    assert host.fails("git.cloned", remote.url, branch="no", **options).startswith("Failed to change branch to 'no': ")


def test_cloned_fails(host: State, remote: Repository, tmp_path: Path) -> None:
    assert host.fails("git.cloned", remote.url, target="rel") == "'target' path must be absolute"
    assert host.fails("git.cloned", remote.url, target=str(tmp_path / "x"), branch="") == "Invalid 'branch' argument"
    assert host.fails("git.cloned", remote.url, target=str(tmp_path / "x"), branch="no").startswith("Clone failed: ")
    assert "not a git repository" in host.fails("git.cloned", remote.url, target=str(tmp_path))


def test_a_setting(host: State, repo: str) -> None:
    predicted, first, second = host.converge("git.config_set", "a.b", value=5, repo=repo)
    assert predicted["comment"] == "'a.b' would be added as '5'"
    assert (first["comment"], first["changes"]) == ("'a.b' was added as '5'", {"a.b": {"old": None, "new": ["5"]}})
    assert second["comment"] == "'a.b' is already set to '5'"
    _, first, _ = host.converge("git.config_set", "a.b", multivar=["x", 6], repo=repo)
    assert first["comment"] == "'a.b' was set to ['x', '6']" and settings(repo, "a.b") == ["x", "6"]


def test_a_setting_of_a_user(host: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    options: Dict[str, Any] = {"global": True}
    _, first, _ = host.converge("git.config_set", "user.name", value="me", **options)
    assert first["comment"] == "Global key 'user.name' was added as 'me'"
    host.converge("git.config_unset", "user.name", **options)
    assert "name" not in (tmp_path / "gitconfig").read_text()


def test_settings_that_shall_go(host: State, repo: str) -> None:
    for value in ("one", "two", "three"):
        subprocess.run(["git", "-C", repo, "config", "--add", "a.b", value], check=True)
    subprocess.run(["git", "-C", repo, "config", "--add", "a.c", "one"], check=True)
    assert host.fails("git.config_unset", "a.b", repo=repo) == (
        "Multivar(s) matched by the key expression (set 'all' to True to force removal): a.b (one, two, three)"
    )
    _, first, _ = host.converge("git.config_unset", "a.b", repo=repo, value_regex="two")
    assert (first["comment"], first["changes"]) == ("Value(s) successfully unset", {"a.b": ["two"]})
    predicted, first, second = host.converge("git.config_unset", r"a\..+", repo=repo, all=True)
    assert predicted["comment"] == "2 key(s) would have value(s) unset"
    assert first["changes"] == {"a.b": ["one", "three"], "a.c": ["one"]}
    assert second["comment"] == "No matching keys are set" and settings(repo, "a.b") == []


_NO_FOLDER = "Specified cwd '/nosuch' either not absolute or does not exist"


@pytest.mark.parametrize(
    ("fun", "arguments", "comment"),
    [
        ("config_set", {"value": "x"}, "Non-global config options require the 'repo' argument to be set"),
        ("config_set", {"value": "x", "multivar": ["y"]}, "Only one of 'value' and 'multivar' is permitted"),
        ("config_set", {"value": "x", "bogus": 1}, "The following keyword arguments are not valid: bogus=1"),
        ("config_unset", {"bogus": 1}, "The following keyword arguments are not valid: bogus=1"),
        ("config_set", {"value": "x", "repo": "/nosuch"}, _NO_FOLDER),
        ("config_unset", {"repo": "/nosuch"}, _NO_FOLDER),
        ("config_unset", {}, "Non-global config options require the 'repo' argument to be set"),
    ],
)
def test_what_is_refused(host: State, fun: str, arguments: Dict[str, Any], comment: str) -> None:
    assert host.fails(f"git.{fun}", "a.b", **arguments) == comment


def test_a_key_that_is_none(host: State, repo: str) -> None:
    assert host.fails("git.config_set", "nodot", value="x", repo=repo).startswith("Failed to set 'nodot' to 'x': ")
