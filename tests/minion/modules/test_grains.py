"""The grains module: reading, and a grains file that is really written."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest
import yaml

from minion.errors import CommandExecutionError, SaltException
from minion.loader import Loader


@pytest.fixture
def salt(salt: Loader, tmp_path: Path) -> Loader:
    salt.dunders["__opts__"].update(conf_file=str(tmp_path / "minion"), local=True)
    grains: Dict[str, Any] = salt.dunders["__grains__"]
    grains.update({"a": {"b": {"c": 1}, "list": ["x", {"y": 2}]}, "roles": ["web"], "serialnumber": "12345678"})
    return salt


def kept(tmp_path: Path) -> Any:
    return yaml.safe_load((tmp_path / "grains").read_text())


def test_get(salt: Loader) -> None:
    assert salt["grains.get"]("os") == "Debian"
    assert salt["grains.get"]("a:b:c") == 1
    assert salt["grains.get"]("a|b|c", delimiter="|") == 1
    assert salt["grains.get"]("a:list:0") == "x"
    assert salt["grains.get"]("nothing") == ""
    assert salt["grains.get"]("nothing", None) is None
    assert salt["grains.fetch"]("a", ordered=False) == {"b": {"c": 1}, "list": ["x", {"y": 2}]}


def test_items(salt: Loader) -> None:
    assert salt["grains.items"]()["id"] == "box"
    masked = salt["grains.items"](sanitize=True)
    assert (masked["id"], masked["serialnumber"]) == ("MINION.DOMAINNAME", "123456XX")
    assert salt["grains.get"]("id") == "box"


def test_item(salt: Loader) -> None:
    assert salt["grains.item"]("os", "a:b:c", "nothing") == {"os": "Debian", "a:b:c": 1, "nothing": ""}
    assert salt["grains.item"]("id", "none", sanitize="True", default=0) == {"id": "MINION.DOMAINNAME", "none": 0}


def test_questions(salt: Loader) -> None:
    assert salt["grains.has_value"]("a:b")
    assert not salt["grains.has_value"]("a:nothing")
    assert salt["grains.equals"]("osmajorrelease", "12")
    assert not salt["grains.equals"]("osmajorrelease", "11")
    assert "roles" in salt["grains.ls"]()


def test_filter_by(salt: Loader) -> None:
    table = {"Debian": {"pkg": "apache2", "srv": "a"}, "RedHat": {"pkg": "httpd"}, "common": {"x": 1, "srv": "c"}}
    assert salt["grains.filter_by"](table) == {"pkg": "apache2", "srv": "a"}
    assert salt["grains.filter_by"](table, base="common") == {"x": 1, "srv": "a", "pkg": "apache2"}
    assert salt["grains.filter_by"](table, merge={"srv": "m"})["srv"] == "m"
    assert salt["grains.filter_by"](table, "none", default="RedHat") == {"pkg": "httpd"}
    assert salt["grains.filter_by"]({"w?b": "yes", "default": "no"}, "roles") == "yes"


def test_setval_is_kept_and_seen_at_once(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "grains").write_text("old: 1\n")
    assert salt["grains.setval"]("new", {"x": "é"}) == {"new": {"x": "é"}}
    assert kept(tmp_path) == {"old": 1, "new": {"x": "é"}}
    assert salt["grains.get"]("new:x") == "é"


def test_setvals_may_remove(salt: Loader, tmp_path: Path) -> None:
    salt["grains.setvals"]({"x": 1, "y": 2})
    salt["grains.setvals"]({"x": None})
    assert kept(tmp_path) == {"x": None, "y": 2}
    salt["grains.setvals"]({"x": None}, destructive=True)
    assert kept(tmp_path) == {"y": 2}
    with pytest.raises(SaltException):
        salt["grains.setvals"](["x"])


def test_a_broken_file_is_not_overwritten(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "grains").write_text("roles: [web\n")
    assert salt["grains.setval"]("x", 1).startswith("Unable to read existing grains file")
    answer = salt["grains.set"]("x", 1)
    assert answer["result"] is False
    assert (tmp_path / "grains").read_text() == "roles: [web\n"


def test_without_a_place_to_keep_it(salt: Loader) -> None:
    del salt.dunders["__opts__"]["conf_file"]
    with pytest.raises(CommandExecutionError, match="conf_file"):
        salt["grains.setval"]("x", 1)


def test_a_refresh_is_asked_for(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "mods").mkdir()
    (tmp_path / "mods" / "saltutil.py").write_text(
        "asked = []\ndef refresh_grains(**kwargs):\n    asked.append(kwargs)\ndef calls():\n    return asked\n"
    )
    salt.dunders["__opts__"]["local"] = False
    salt.folders.insert(0, str(tmp_path / "mods"))
    salt.refresh()
    salt["grains.setval"]("x", 1, refresh_pillar=False)
    assert salt["saltutil.calls"]() == [{"refresh_pillar": False}]


def test_append_and_remove(salt: Loader, tmp_path: Path) -> None:
    assert salt["grains.append"]("roles", "db") == {"roles": ["web", "db"]}
    assert salt["grains.append"]("roles", "db") == "The val db was already in the list roles"
    assert salt["grains.append"]("os", "x") == "The key os is not a valid list"
    assert salt["grains.append"]("os", "x", convert=True) == {"os": ["Debian", "x"]}
    assert salt["grains.append"]("deep:er:list", ["p", "q"]) == {"deep": {"er": {"list": ["p", "q"]}}}
    assert salt["grains.remove"]("deep:er:list", "p") == {"deep": {"er": {"list": ["q"]}}}
    assert salt["grains.remove"]("roles", "nothing") == "The val nothing was not in the list roles"
    assert salt["grains.remove"]("os_family", "x") == "The key os_family is not a valid list"
    assert kept(tmp_path) == {"roles": ["web", "db"], "os": ["Debian", "x"], "deep": {"er": {"list": ["q"]}}}


def test_set(salt: Loader, tmp_path: Path) -> None:
    assert salt["grains.set"]("a:b:d", 2) == {
        "comment": "",
        "changes": {"a": {"b": {"c": 1, "d": 2}, "list": ["x", {"y": 2}]}},
        "result": True,
    }
    assert salt["grains.set"]("a:b:d", 2)["comment"] == "Grain is already set"
    assert salt["grains.set"]("a:b", 1)["comment"] == (
        "The key 'a:b' exists but is a dict or a list. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("a:b:c", [1])["comment"] == (
        "The key 'a:b:c' exists and the given value is a dict or a list. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("os:x", 1)["comment"] == (
        "The key 'os' value is 'Debian', which is different from the provided key 'x'. Use 'force=True' to overwrite."
    )
    assert salt["grains.set"]("a:b", 1, force=True)["changes"]["a"]["b"] == 1
    assert salt["grains.set"]("os:Debian", 1)["changes"] == {"os": {"Debian": 1}}
    assert salt["grains.set"]("p|q", 1, delimiter="|")["changes"] == {"p": {"q": 1}}


def test_set_in_a_list(salt: Loader) -> None:
    assert salt["grains.set"]("a:list:x", 1)["changes"]["a"]["list"] == [{"x": 1}, {"y": 2}]
    assert salt["grains.set"]("a:list:y", 3)["changes"]["a"]["list"] == [{"x": 1}, {"y": 3}]
    assert salt["grains.set"]("a:list:z", 4)["changes"]["a"]["list"] == [{"x": 1}, {"y": 3}, {"z": 4}]


def test_delete(salt: Loader, tmp_path: Path) -> None:
    assert salt["grains.delval"]("a:b:c")["changes"]["a"]["b"] == {"c": None}
    assert salt["grains.delkey"]("a:b:c")["changes"]["a"]["b"] == {}
    assert salt["grains.delkey"]("a")["result"] is False
    assert salt["grains.delkey"]("a", force=True) == {"comment": "", "changes": {"a": None}, "result": True}
    assert not salt["grains.has_value"]("a")
    assert kept(tmp_path) == {}
