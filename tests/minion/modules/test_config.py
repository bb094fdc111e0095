from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from minion.loader import Loader
from tests.minion.conftest import make_modules

OPTS: Dict[str, Any] = {
    "here": "opts",
    "both": {"a": 1, "deep": {"x": 1}},
    "list": [1],
    "ldap.server": "mine",
    "host.a": 1,
    "word": "opts",
}
GRAINS = {"both": {"a": 2, "b": 2}, "grain": "g", "word": "grains"}
PILLAR: Dict[str, Any] = {
    "both": {"a": 3, "c": 3, "deep": {"y": 2}},
    "list": [2],
    "role": "web",
    "word": "pillar",
    "master": {"both": {"d": 4}, "list": [3], "far": "master", "ldap.uri": "u", "host.b": 2, "word": "master"},
}


@pytest.fixture
def salt(tmp_path: Path) -> Loader:
    modules = make_modules(tmp_path, **OPTS)
    modules.dunders["__grains__"].update(GRAINS)
    modules.dunders["__pillar__"].update(PILLAR)
    return modules


@pytest.mark.parametrize(
    ("key", "options", "expected"),
    [
        ("here", {}, "opts"),
        ("grain", {}, "g"),
        ("role", {}, "web"),
        ("far", {}, "master"),
        ("both:a", {}, 1),
        ("both:b", {}, 2),
        ("both:c", {}, 3),
        ("both:d", {}, 4),
        ("both.c", {"delimiter": "."}, 3),
        ("list:0", {}, 1),
        ("ldap.server", {}, "mine"),
        ("ldap.uri", {}, "u"),
        ("ldap.port", {}, "389"),
        ("virt:tunnel", {}, False),
        ("nowhere", {}, ""),
        ("nowhere", {"default": 7}, 7),
        ("word", {}, "opts"),
        ("word", {"omit_opts": True}, "grains"),
        ("word", {"omit_opts": True, "omit_grains": True}, "pillar"),
        ("word", {"omit_opts": True, "omit_grains": True, "omit_pillar": True}, "master"),
        ("far", {"omit_master": True}, ""),
        ("both", {"merge": "recurse"}, {"a": 1, "b": 2, "c": 3, "d": 4, "deep": {"x": 1, "y": 2}}),
        ("both", {"merge": "overwrite"}, {"a": 1, "deep": {"x": 1}}),
        ("both:d", {"merge": "nonsense"}, 4),
        ("nowhere", {"merge": "recurse", "default": 1}, 1),
    ],
)
def test_get(salt: Loader, key: str, options: Dict[str, Any], expected: Any) -> None:
    assert salt["config.get"](key, **options) == expected


def test_merging_changes_nothing(salt: Loader) -> None:
    salt["config.get"]("both", merge="recurse")
    salt["config.merge"]("both")
    assert salt.dunders["__pillar__"]["both"] == PILLAR["both"]
    assert salt["config.option"]("virt")["tunnel"] is False


def test_option(salt: Loader) -> None:
    option = salt["config.option"]
    assert option("here") == "opts"
    assert option("both:a") == ""
    assert option("far") == "master"
    assert option("test.foo") == "unconfigured"
    assert option("nowhere", default=0) == 0
    assert option("here", omit_all=True) == ""
    found = option("ldap.*", wildcard=True)
    assert (found["ldap.server"], found["ldap.uri"], found["ldap.port"]) == ("mine", "u", "389")
    assert option("ldap.server", wildcard=True, omit_all=True) == {"ldap.server": "localhost"}
    assert option("nowhere*", wildcard=True) == {}


def test_merge(salt: Loader) -> None:
    merge = salt["config.merge"]
    assert merge("both") == {"a": 1, "c": 3, "d": 4, "deep": {"x": 1}}
    assert merge("list") == [1, 3, 2]
    assert merge("list", omit_opts=True) == [3, 2]
    assert merge("word") == "opts"
    assert merge("ldap.port") == "389"
    assert merge("nowhere", default=5) == 5


def test_small_ones(salt: Loader) -> None:
    assert salt["config.dot_vals"]("host") == {"host.a": 1, "host.b": 2}
    assert salt["config.manage_mode"](644) == "0644"
    assert salt["config.valid_fileproto"]("salt://x") is True
    assert salt["config.valid_fileproto"]("/x") is False
    assert salt["config.backup_mode"]() == ""
    assert salt["config.backup_mode"]("minion") == "minion"


def test_items_hide_the_pillar(salt: Loader) -> None:
    salt.dunders["__opts__"]["pillar"] = {"password": "s3cret", "empty": ""}
    items = salt["config.items"]()
    assert items["here"] == "opts"
    assert items["pillar"] == {"password": "**********", "empty": ""}


def test_values_from_sdb(tmp_path: Path) -> None:
    modules = tmp_path / "own"
    modules.mkdir()
    (modules / "sdb.py").write_text("def get(uri):\n    return uri.upper()\n")
    salt = make_modules(tmp_path, token="sdb://vault/token")
    salt.folders.insert(0, str(modules))
    salt.refresh()
    assert salt["config.get"]("token") == "SDB://VAULT/TOKEN"
