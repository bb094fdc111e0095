"""git_pillar: which branch is which environment, what remotes see of each other, what is kept on disk."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Tuple

import pytest

from minion.loaders import build_loaders
from minion.pillar.compiler import PillarCompiler
from minion.pillar.request import PillarRequest
from tests.git_lab import Repository
from tests.minion.pillar_lab import GRAINS, NoMaster, PillarLab

pytest.importorskip("pygit2")

TOP = "'{{ saltenv }}':\n  '*': [common]\n  web1: [{ignore_missing: True}, shared, a.b.nginx]\n"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Tuple[Repository, Repository]:
    """Repositories to make copies of."""
    root = tmp_path_factory.mktemp("git")
    first = Repository(root / "one", {"top.sls": TOP, "common.sls": "branch: master\nos: {{ grains.os }}\n"})
    imported = "{% import_yaml 'data.yaml' as d %}\nbranch: {{ d.name }}\n"
    first.commit({"common.sls": imported, "data.yaml": "name: dev"}, "dev")
    first.tag("v1", "master")
    files = {"top.sls": "base: {'*': [own]}", "own.sls": "own: 1", "shared.sls": "shared: 1", "nginx.sls": "nginx: 1"}
    return first, Repository(root / "other", files)


@pytest.fixture
def repo(templates: Any, tmp_path: Path) -> Repository:
    made: Repository = templates[0].copy(tmp_path / "pillar_repo")
    return made


@pytest.fixture
def other(templates: Any, tmp_path: Path) -> Repository:
    made: Repository = templates[1].copy(tmp_path / "other")
    return made


MASTER = {"branch": "master", "os": "Debian"}
DEV = {"branch": "dev"}


@pytest.mark.parametrize(
    ("remote", "parameters", "request_", "expected"),
    [
        ("master", None, {}, MASTER),
        ("dev", None, {}, DEV),
        ("dev", None, {"pillarenv": "dev"}, DEV),
        ("master", None, {"pillarenv": "dev"}, {}),
        ("master", [{"env": "dev"}], {"pillarenv": "dev"}, MASTER),
        ("v1", None, {}, MASTER),
        ("__env__", None, {}, MASTER),
        ("__env__", None, {"pillarenv": "dev"}, DEV),
        ("__env__", None, {"saltenv": "dev"}, DEV),
        ("__env__", [{"base": "dev"}], {}, DEV),
        ("__env__", None, {"pillarenv": "none"}, {}),
        ("__env__", [{"fallback": "dev"}], {"pillarenv": "none"}, DEV),
        ("__env__", [{"all_saltenvs": "master"}], {"pillarenv": "dev"}, MASTER),
        ("none", [{"fallback": "master"}], {}, MASTER),
        ("", None, {}, MASTER),
    ],
)
def test_branches_and_environments(
    pillars: PillarLab, repo: Repository, remote: str, parameters: Any, request_: Any, expected: Any
) -> None:
    text = f"{remote} {repo.url}".strip()
    assert pillars.compile([{"git": [{text: parameters} if parameters else text]}], **request_) == expected


def test_remotes_of_one_section_see_each_other(pillars: PillarLab, repo: Repository, other: Repository) -> None:
    both = [f"master {repo.url}", f"master {other.url}"]
    assert pillars.compile([{"git": both}]) == {**MASTER, "shared": 1, "own": 1}
    assert pillars.compile([{"git": both[:1]}, {"git": both[1:]}]) == {**MASTER, "own": 1}
    pillars.opts["git_pillar_includes"] = False
    assert pillars.compile([{"git": both}]) == {**MASTER, "own": 1}


def test_mountpoint_and_root(pillars: PillarLab, repo: Repository, other: Repository) -> None:
    mounted = {f"master {other.url}": [{"mountpoint": "a/b"}]}
    assert pillars.compile([{"git": [f"master {repo.url}", mounted]}]) == {**MASTER, "nginx": 1}
    other.commit({"deep/top.sls": "base: {'*': [x]}", "deep/x.sls": "x: 1"})
    assert pillars.compile([{"git": [{f"master {other.url}": [{"root": "deep"}]}]}]) == {"x": 1}


def test_after_pillar_roots_and_with_their_merging(pillars: PillarLab, repo: Repository) -> None:
    pillars.write("pillar/top.sls", "base: {'*': [a]}")
    pillars.write("pillar/a.sls", "branch: roots\nmore: 1")
    assert pillars.compile([{"git": [f"master {repo.url}"]}]) == {"branch": "master", "os": "Debian", "more": 1}


@pytest.mark.parametrize(
    ("remote", "problem"),
    [
        ("none URL", "has no branch, tag or commit none"),
        ({"master URL": [{"root": "none"}]}, "has no folder none"),
        ({"master URL": [{"colour": 1}]}, "can't have colour"),
        ("master file:///nowhere/at/all", "could not be fetched"),
        ("master https://u:topsecret@", "is no URL"),
    ],
)
def test_failures_are_told(pillars: PillarLab, repo: Repository, remote: Any, problem: str) -> None:
    given = json.loads(json.dumps(remote).replace("URL", repo.url))
    error = pillars.compile([{"git": [given]}])["_errors"][0]
    assert problem in error
    assert "topsecret" not in error


def test_errors_of_its_sls_files_are_told_beside_the_rest(
    pillars: PillarLab, repo: Repository, other: Repository
) -> None:
    repo.commit({"common.sls": "a: {{ 1 / 0 }}"})
    found = pillars.compile([{"git": [f"master {repo.url}", f"master {other.url}"]}])
    assert found["own"] == 1
    assert "Rendering SLS 'common' failed" in found["_errors"][0]


def test_templates_may_not_leave_the_repository(pillars: PillarLab, repo: Repository) -> None:
    pillars.write("pillar/outside.sls", "secret: 1")
    repo.commit({"common.sls": "-> ../../../pillar/outside.sls"}, "evil")
    assert "secret" not in pillars.compile([{"git": [{f"evil {repo.url}": [{"env": "base"}]}]}])


def lab_compiler(pillars: PillarLab, git: Any, **opts: Any) -> Any:
    chosen = {**pillars.opts, "ext_pillar": [{"git": git}], **opts}
    compiler = PillarCompiler(chosen, build_loaders(chosen, {}, {}, NoMaster()))
    return lambda: compiler.compile(PillarRequest("web1", GRAINS))


def test_a_host_that_is_its_own_master_fetches_once_in_each_run(pillars: PillarLab, repo: Repository) -> None:
    first = lab_compiler(pillars, [f"master {repo.url}"])
    assert first() == MASTER
    repo.commit({"common.sls": "changed: 1"})
    assert first() == MASTER
    assert lab_compiler(pillars, [f"master {repo.url}"])() == {"changed": 1}


def test_a_master_leaves_fetching_to_its_updates_unless_they_fail_to_come(pillars: PillarLab, repo: Repository) -> None:
    git, master = [f"master {repo.url}"], {"__role": "master", "git_pillar_update_interval": 60}
    assert lab_compiler(pillars, git, **master)() == MASTER  # the first time
    repo.commit({"common.sls": "changed: 1"})
    assert lab_compiler(pillars, git, **master)() == MASTER
    (tried,) = (pillars.root / "cache/git_pillar").glob("*/tried")
    long_ago = time.time() - 3600
    os.utime(tried, (long_ago, long_ago))
    assert lab_compiler(pillars, git, **master)() == {"changed": 1}


def test_an_old_copy_is_better_than_none(
    pillars: PillarLab, repo: Repository, caplog: pytest.LogCaptureFixture
) -> None:
    git = [f"master {repo.url}"]
    assert lab_compiler(pillars, git)() == MASTER
    repo.bare.rename(repo.bare.with_name("away"))
    assert lab_compiler(pillars, git)() == MASTER
    assert "can't be fetched" in caplog.text


def test_files_on_disk_are_private_and_old_ones_go(pillars: PillarLab, repo: Repository) -> None:
    pillars.compile([{"git": [f"master {repo.url}"]}])
    place = pillars.root / "cache/git_pillar/files"
    (folder,) = place.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "common.sls").stat().st_mode & 0o777 == 0o600
    two_days_ago = time.time() - 2 * 86400
    os.utime(folder, (two_days_ago, two_days_ago))
    repo.commit({"common.sls": "changed: 1"})
    assert pillars.compile([{"git": [f"master {repo.url}"]}]) == {"changed": 1}
    assert folder not in list(place.iterdir())


def test_on_demand(pillars: PillarLab, repo: Repository) -> None:
    ext = {"git": [f"master {repo.url}"]}
    assert pillars.compile(ext=ext) == {}
    pillars.opts["on_demand_ext_pillar"] = ["git"]
    assert pillars.compile(ext=ext) == MASTER


def test_without_the_library(pillars: PillarLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pygit2", None)
    error = pillars.compile([{"git": ["master https://example.com/a"]}])["_errors"][0]
    assert "pip install 'saltern[git]'" in error
