"""Repositories as the configuration describes them."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from minion.config import MinionSettings
from minion.errors import ConfigError
from minion.files.git_remotes import Remote, parse

URL = "https://git.example.com/salt.git"


def remotes(*given: Any, role: str = "gitfs", **opts: Any) -> List[Remote]:
    return parse({**MinionSettings().opts(), **opts}, role, list(given))


def test_global_options_and_those_of_one_remote() -> None:
    first, second = remotes(
        URL, {URL: [{"base": "main"}, {"root": "/states/"}, {"mountpoint": "salt://a/b/"}]}, gitfs_base="trunk"
    )
    assert (first.base, first.root, first.mountpoint) == ("trunk", "", "")
    assert (second.base, second.root, second.mountpoint) == ("main", "states", "a/b")
    assert first.folder == second.folder  # they share a copy


def test_numbers_are_names_of_branches() -> None:
    (remote,) = remotes({URL: {"base": 3.0, "fallback": 2019}})
    assert (remote.base, remote.fallback) == ("3.0", "2019")


@pytest.mark.parametrize(
    ("url", "plain", "user", "password"),
    [
        ("https://me:p%40ss@git.example.com/a.git", "https://git.example.com/a.git", "me", "p@ss"),
        ("https://token@git.example.com:8443/a.git", "https://git.example.com:8443/a.git", "token", ""),
        ("ssh://git:secret@git.example.com/a.git", "ssh://git@git.example.com/a.git", "", ""),
        ("git@git.example.com:a.git", "git@git.example.com:a.git", "", ""),
        ("/srv/git/a.git", "/srv/git/a.git", "", ""),
    ],
)
def test_users_and_passwords_are_no_part_of_urls(url: str, plain: str, user: str, password: str) -> None:
    if user and not password:
        with pytest.raises(ConfigError, match="only one of user and password") as refused:
            remotes(url)
        assert "token" not in str(refused.value)
        return
    (remote,) = remotes(url)
    assert (remote.url, remote.access.user, remote.access.password) == (plain, user, password)
    assert "p@ss" not in repr(remote) + repr(remote.access)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("not a url", "is no URL"),
        ("ftp://example.com/a", "is no URL"),
        (7, "a remote is a URL"),
        ({URL: None}, "no parameters below"),
        ({URL: [{"colour": "red"}]}, "can't have colour; it may have base,"),
        ({"https://u:topsecret@h/a": [{"colour": "red"}]}, "https://h/a can't have colour"),
        ({URL: [{"ref_types": "branch,twig"}]}, "may have the ref_types branch"),
        ({"http://h/a": [{"user": "u"}, {"password": "topsecret"}]}, "in the clear"),
        ({URL: [{"user": "u"}]}, "only one of user and password"),
    ],
)
def test_what_is_wrong_is_told_without_secrets(given: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        remotes(given)
    assert problem in str(refused.value)
    assert "topsecret" not in str(refused.value)


def test_password_over_http_if_it_is_wished() -> None:
    (remote,) = remotes({"http://h/a": [{"user": "u"}, {"password": "p"}, {"insecure_auth": True}]})
    assert remote.access.password == "p"


REFS = [("branch", "master"), ("branch", "dev"), ("branch", "feature/x"), ("tag", "v1")]


@pytest.mark.parametrize(
    ("parameters", "opts", "envs", "refs"),
    [
        ({}, {}, ["base", "dev", "feature/x", "v1"], {"base": "master", "dev": "dev"}),
        ({"base": "dev"}, {}, ["base", "feature/x", "master", "v1"], {"base": "dev", "master": "master"}),
        ({"ref_types": ["branch"]}, {}, ["base", "dev", "feature/x"], {}),
        ({"saltenv_whitelist": ["base", "v[0-9]"]}, {}, ["base", "v1"], {}),
        ({"saltenv_blacklist": ["feature/.*"]}, {}, ["base", "dev", "v1"], {}),
        ({"disable_saltenv_mapping": True}, {}, ["base"], {"dev": None, "base": "master"}),
        (
            {"disable_saltenv_mapping": True},
            {"gitfs_saltenv": [{"prod": [{"ref": "v1"}]}]},
            ["base", "prod"],
            {"prod": "v1", "v1": None},
        ),
        (
            {"saltenv": [{"qa": [{"ref": "dev"}]}, {"base": [{"ref": "v1"}]}]},
            {},
            ["base", "feature/x", "master", "qa"],
            {"base": "v1", "qa": "dev", "master": "master"},
        ),
        ({"all_saltenvs": "dev"}, {}, ["base", "dev", "feature/x", "v1"], {"base": "dev", "v1": "dev"}),
    ],
)
def test_environments(parameters: Any, opts: Any, envs: List[str], refs: Dict[str, Any]) -> None:
    (remote,) = remotes({URL: parameters or {"depth": 0}}, **opts)
    assert remote.envs(REFS) == envs
    assert {saltenv: remote.ref(saltenv) for saltenv in refs} == refs


def test_settings_of_single_environments() -> None:
    (remote,) = remotes(
        {URL: [{"root": "r"}, {"saltenv": [{"qa": [{"mountpoint": "salt://m/"}]}]}]},
        gitfs_saltenv=[{"qa": [{"root": "q"}, {"mountpoint": "other"}]}],
    )
    assert (remote.root_of("base"), remote.root_of("qa")) == ("r", "q")
    assert (remote.mountpoint_of("base"), remote.mountpoint_of("qa")) == ("", "m")


@pytest.mark.parametrize(
    ("text", "branch", "url"),
    [(f"dev {URL}", "dev", URL), (URL, "main", URL), ("__env__ git@h:a.git", "__env__", "git@h:a.git")],
)
def test_pillars_name_their_branch(text: str, branch: str, url: str) -> None:
    (remote,) = remotes(text, role="git_pillar", git_pillar_branch="main")
    assert (remote.branch, remote.url) == (branch, url)


def test_base_of_a_pillar_only_if_the_branch_depends_on_the_minion() -> None:
    with pytest.raises(ConfigError, match="only if its branch is __env__"):
        remotes({f"dev {URL}": [{"base": "x"}]}, role="git_pillar")
    assert remotes({f"__env__ {URL}": [{"base": "x"}]}, role="git_pillar")[0].base == "x"
