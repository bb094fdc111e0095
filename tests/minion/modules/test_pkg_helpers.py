"""Versions, targets and lists of packages."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import List, Optional

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader
from minion.modules import _pkg

# older, newer
DEB = [
    ("1.0", "1.0.1"),
    ("1.0~rc1", "1.0"),
    ("1.0~~", "1.0~"),
    ("1.0-1", "1.0-2"),
    ("9", "10"),
    ("2.0", "1:1.0"),
    ("1.0a", "1.0b"),
    ("1.0a", "1.0+"),
    ("5.2.15-2+b8", "5.2.15-10"),
    ("1.2-3-4", "1.2-3-5"),
    ("1.0-1~bpo12+1", "1.0-1"),
    ("0", "0.0.1"),
    ("1.0.Z", "1.0.a"),
]
RPM = [
    ("1.0", "1.0.1"),
    ("1.0~rc1", "1.0"),
    ("1.0", "1.0^git1"),
    ("1.0^git1", "1.0.1"),
    ("1.0-1.el9", "1.0-2.el9"),
    ("2.0", "1:1.0"),
    ("1.0a", "1.0.1"),
    ("a", "1"),
    ("1.9", "1.10"),
    ("1.0-9", "1.0-10"),
    ("1.a", "1.b"),
]
SAME = [("1.0", "1.0"), ("1.00", "1.0"), ("0:1.0-1", "1.0-1")]


@pytest.mark.parametrize(("older", "newer"), DEB)
def test_deb_order(older: str, newer: str) -> None:
    assert (_pkg.compare_deb(older, newer), _pkg.compare_deb(newer, older)) == (-1, 1)


@pytest.mark.skipif(not shutil.which("dpkg"), reason="needs dpkg")
@pytest.mark.parametrize(("older", "newer"), DEB)
def test_deb_order_is_that_of_dpkg(older: str, newer: str) -> None:
    assert subprocess.run(["dpkg", "--compare-versions", older, "lt", newer], check=False).returncode == 0


@pytest.mark.parametrize(("older", "newer"), RPM)
def test_rpm_order(older: str, newer: str) -> None:
    assert (_pkg.compare_rpm(older, newer), _pkg.compare_rpm(newer, older)) == (-1, 1)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_same_versions(one: str, other: str) -> None:
    assert _pkg.compare_deb(one, other) == 0
    assert _pkg.compare_rpm(one, other) == 0


def test_epoch_can_be_ignored_and_rpm_needs_no_release() -> None:
    assert _pkg.compare_deb("1:1.0", "2:1.0", ignore_epoch=True) == 0
    assert _pkg.compare_rpm("1:1.0", "2:1.0", ignore_epoch=True) == 0
    assert _pkg.compare_rpm("1.0", "1.0-5") == 0


def test_satisfies() -> None:
    assert _pkg.satisfies(_pkg.compare_deb, "1.2", ">=", "1.2")
    assert not _pkg.satisfies(_pkg.compare_deb, "1.1", ">=", "1.2")
    assert _pkg.satisfies(_pkg.compare_deb, "1.1", "!=", "1.2")
    assert not _pkg.satisfies(_pkg.compare_deb, "1.1", "~", "1.2")
    assert not _pkg.satisfies(lambda *a, **k: None, "1", "==", "1")


@pytest.mark.parametrize(
    ("desired", "expected"),
    [(">=2.0", "3.0"), ("<2", "1.5"), ("< 1.5", "1.0"), ("2.0", "2.0"), ("1.*", "1.5"), (">9", None), ("=2.0", "2.0")],
)
def test_match_version(desired: str, expected: Optional[str]) -> None:
    assert _pkg.match_version(desired, ["3.0", "2.0", "1.5", "1.0"], _pkg.compare_deb) == expected


def test_match_wildcard() -> None:
    assert _pkg.match_wildcard(["vim", "vim-tiny", "zsh"], ["vim*", "nano"]) == ["vim", "vim-tiny", "nano"]


def test_named() -> None:
    assert _pkg.named("a", None) == ["a"]
    assert _pkg.named(None, ["a", {"b": "1"}]) == ["a", "b"]
    assert _pkg.named(None, None, [{"c": "/c.deb"}]) == ["c"]
    with pytest.raises(SaltInvocationError):
        _pkg.named(None, None)


def test_finish() -> None:
    assert _pkg.finish("x", {"a": "1"}, {"a": "2"}, []) == {"a": {"old": "1", "new": "2"}}
    with pytest.raises(CommandExecutionError, match="Problem encountered x") as caught:
        _pkg.finish("x", {}, {"a": "2"}, ["bad"])
    assert caught.value.info == {"errors": ["bad"], "changes": {"a": {"old": "", "new": "2"}}}


def test_refresh_mark(tmp_path: Path) -> None:
    opts = {"cachedir": str(tmp_path)}
    assert not _pkg.refresh_wanted(opts)
    assert _pkg.refresh_wanted(opts, True)
    _pkg.write_refresh_mark(opts)
    assert _pkg.refresh_wanted(opts)
    assert not _pkg.refresh_wanted(opts, False)
    _pkg.clear_refresh_mark(opts)
    _pkg.clear_refresh_mark(opts)
    assert os.listdir(tmp_path) == []


# pkg_resource


@pytest.fixture
def salt(salt: Loader) -> Loader:
    salt.dunders["__grains__"]["osarch"] = "amd64"
    return salt


def test_parse_targets(salt: Loader, tmp_path: Path) -> None:
    parse = salt["pkg_resource.parse_targets"]
    assert parse("a:amd64,b") == ({"a": None, "b": None}, "repository")
    assert parse("a:amd64", normalize=False) == ({"a:amd64": None}, "repository")
    assert parse("a", version="1") == ({"a": "1"}, "repository")
    assert parse(pkgs=["a", {"b": 1.5}]) == ({"a": None, "b": "1.5"}, "repository")
    assert parse(sources=[{"a": str(tmp_path / "a.deb")}]) == ([str(tmp_path / "a.deb")], "file")
    assert parse() == (None, None)
    assert parse(pkgs=["a"], sources=[{"b": "/b"}]) == (None, None)
    with pytest.raises(SaltInvocationError, match="duplicated"):
        parse(pkgs=["a", "a:amd64"])
    with pytest.raises(SaltInvocationError, match="not absolute"):
        parse(sources=[{"a": "a.deb"}])


def test_version_compare_uses_the_order_of_the_system(salt: Loader) -> None:
    assert salt["pkg_resource.version_compare"]("1.0~rc1", "<", "1.0")
    assert salt["pkg_resource.version_compare"]("1:1", "==", "2:1", ignore_epoch=True)


def test_lists_of_versions(salt: Loader) -> None:
    pkgs: dict[str, List[str]] = {}
    salt["pkg_resource.add_pkg"](pkgs, "vim", "2")
    salt["pkg_resource.add_pkg"](pkgs, "vim", "1")
    salt["pkg_resource.add_pkg"](pkgs, "vim", "1")
    salt["pkg_resource.sort_pkglist"](pkgs)
    assert pkgs == {"vim": ["1", "2"]}
    salt["pkg_resource.stringify"](pkgs)
    assert pkgs == {"vim": "1,2"}


def test_format_pkg_list(salt: Loader) -> None:
    entry = {"epoch": "1", "version": "2", "release": "3", "arch": "x86_64", "install_date": "now"}
    packages = {"vim": [entry, dict(entry, epoch="", release="")]}
    format_list = salt["pkg_resource.format_pkg_list"]
    assert format_list(packages, False, None) == {"vim": "1:2-3,2"}
    assert format_list(packages, True, None) == {"vim": ["1:2-3", "2"]}
    assert format_list(packages, True, ["epoch"])["vim"][0] == {"epoch": "1", "version": "2", "arch": "x86_64"}
    assert format_list(packages, True, "all")["vim"][0] == entry
