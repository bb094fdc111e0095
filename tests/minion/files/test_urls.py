"""`salt://` URLs, and paths that may not be asked for."""

from __future__ import annotations

from typing import List, Optional

import pytest

from minion.errors import MinionError
from minion.files import urls


@pytest.mark.parametrize(
    ("url", "path", "saltenv"),
    [
        ("salt://a/b.txt", "a/b.txt", None),
        ("salt:///a", "a", None),
        ("salt://a?saltenv=dev", "a", "dev"),
        ("salt://a?saltenv=", "a", None),
        ("https://host/a?saltenv=dev", "https://host/a?saltenv=dev", None),
    ],
)
def test_parse(url: str, path: str, saltenv: Optional[str]) -> None:
    assert urls.parse(url) == (path, saltenv)


def test_a_url_is_put_together_as_it_is_taken_apart() -> None:
    assert urls.create("a/b", "dev") == "salt://a/b?saltenv=dev"
    assert urls.split_env("salt://a/b?saltenv=dev") == ("salt://a/b", "dev")
    assert urls.split_env("/etc/passwd") == ("/etc/passwd", None)
    assert urls.create(r"a\b") == "salt://a/b"


def test_only_salt_urls_have_a_path() -> None:
    assert urls.path_of("salt://x/y") == "x/y"
    with pytest.raises(MinionError, match="Unsupported path: file:///x"):
        urls.path_of("file:///x")


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "..", "a/../b", "../a", "a/..", "a\0b", "a\\..\\b", "x" * 256, "a/" * 2049, ".", "/", "|../a"],
)
def test_refused_paths(path: str) -> None:
    assert urls.path_parts(path) is None


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a/b", ["a", "b"]),
        ("a//b/./c", ["a", "b", "c"]),
        ("...", ["..."]),
        ("a%2e%2e/b", ["a%2e%2e", "b"]),
        ("a?b", ["a"]),
        ("|a?b", ["a?b"]),
        ("-rf ~;$(x)", ["-rf ~;$(x)"]),
    ],
)
def test_accepted_paths(path: str, parts: List[str]) -> None:
    assert urls.path_parts(path) == parts


@pytest.mark.parametrize("name", ["base", "feature/x-1", "v1.2+3", "__env__"])
def test_environments(name: str) -> None:
    assert urls.is_saltenv(name)


@pytest.mark.parametrize("name", ["", "..", "a/../b", "/a", "a//b", "a b", "a\n", "-a", None, 5, "x" * 129])
def test_what_is_no_environment(name: object) -> None:
    assert not urls.is_saltenv(name)
