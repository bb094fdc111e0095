from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterator

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="changing users needs root")
NAMES = ["sltn-plain", "sltn.dots_9", "sältern-ü", "sltn-machine$", "9sltn@dom"]
GROUPS = ["sltn-extra", "sltn-more", "sltn-same"]


@pytest.fixture
def clean(salt: Loader) -> Iterator[Loader]:
    def remove() -> None:
        for name in [*NAMES, "sltn-renamed"]:
            if salt["user.info"](name):
                salt["user.delete"](name, remove=True, force=True)
        for name in [*GROUPS, *NAMES]:
            if salt["group.info"](name):
                salt["group.delete"](name)

    remove()
    yield salt
    remove()


def test_info_has_salts_shape(salt: Loader) -> None:
    assert salt["user.info"]("root") == {
        "gid": 0,
        "groups": ["root"],
        "home": "/root",
        "name": "root",
        "passwd": "x",
        "shell": salt["user.info"]("root")["shell"],
        "uid": 0,
        "fullname": "root",
        "roomnumber": "",
        "workphone": "",
        "homephone": "",
        "other": "",
    }
    assert salt["user.info"]("no-such-user") == {}
    assert salt["user.list_groups"]("no-such-user") == []
    assert salt["user.primary_group"]("root") == "root"
    assert "root" in salt["user.list_users"]()
    assert salt["user.info"]("root") in salt["user.getent"]()


@root_only
@pytest.mark.parametrize("name", NAMES)
def test_odd_names_come_and_go(clean: Loader, name: str) -> None:
    assert clean["user.add"](name, createhome=False, fullname="Ünï Cöde", other="more, with comma") is True
    found = clean["user.info"](name)
    assert (found["fullname"], found["other"]) == ("Ünï Cöde", "more, with comma")
    assert clean["user.delete"](name) is True
    assert clean["user.info"](name) == {}


@root_only
@pytest.mark.parametrize("name", ["-rf", "--help", "", "has space", "col:on"])
def test_names_that_are_none_are_refused_and_never_taken_for_options(clean: Loader, name: str) -> None:
    before = Path("/etc/passwd").read_bytes()
    assert clean["user.add"](name, createhome=False) is False
    assert clean["user.delete"](name) is False
    assert Path("/etc/passwd").read_bytes() == before


@root_only
def test_add_with_everything(clean: Loader, tmp_path: Path) -> None:
    for group in GROUPS[:2]:
        clean["group.add"](group)
    assert clean["user.add"](
        "sltn-plain",
        uid=64123,
        gid="users",
        groups=GROUPS[:2],
        home=str(tmp_path / "home"),
        shell="/bin/false",
        fullname="Some One",
        roomnumber=17,
        homephone="+1",
    )
    assert clean["user.info"]("sltn-plain") == {
        "gid": 100,
        "groups": ["sltn-extra", "sltn-more", "users"],
        "home": str(tmp_path / "home"),
        "name": "sltn-plain",
        "passwd": "x",
        "shell": "/bin/false",
        "uid": 64123,
        "fullname": "Some One",
        "roomnumber": "17",
        "workphone": "",
        "homephone": "+1",
        "other": "",
    }
    assert (tmp_path / "home").is_dir()
    assert clean["user.add"]("sltn-dup", uid=64123) is False
    assert clean["user.delete"]("sltn-plain", remove=True) is True
    assert not (tmp_path / "home").exists()


@root_only
def test_a_missing_group_leaves_no_half_made_user(clean: Loader) -> None:
    assert clean["user.add"]("sltn-plain", groups="sltn-nowhere", createhome=False) is False
    assert clean["user.info"]("sltn-plain") == {}


@root_only
def test_usergroup(clean: Loader) -> None:
    clean["user.add"]("sltn-plain", usergroup=True, createhome=False)
    assert clean["user.primary_group"]("sltn-plain") == "sltn-plain"
    clean["user.delete"]("sltn-plain")
    clean["user.add"]("sltn-plain", usergroup=False, createhome=False)
    assert clean["user.primary_group"]("sltn-plain") == "users"
    clean["user.delete"]("sltn-plain")
    clean["group.add"]("sltn-plain")  # the group is there before the user
    assert clean["user.add"]("sltn-plain", groups=["sltn-plain"], createhome=False) is True
    assert clean["user.list_groups"]("sltn-plain") == ["sltn-plain"]


@root_only
def test_changes(clean: Loader, tmp_path: Path) -> None:
    for group in GROUPS[:2]:
        clean["group.add"](group)
    clean["user.add"]("sltn-plain", home=str(tmp_path / "old"), fullname="Before")
    (tmp_path / "old" / "keep").touch()
    wanted: dict[str, Any] = {
        "uid": 64321,
        "gid": clean["group.info"]("sltn-extra")["gid"],
        "shell": "/bin/sh",
        "fullname": "After",
        "roomnumber": "1",
        "workphone": "2",
        "homephone": "3",
        "other": "4",
    }
    for key, value in wanted.items():
        assert clean[f"user.ch{key}"]("sltn-plain", value) is True, key
    assert clean["user.chhome"]("sltn-plain", str(tmp_path / "new"), persist=True) is True
    assert (tmp_path / "new" / "keep").exists()
    found = clean["user.info"]("sltn-plain")
    assert {key: found[key] for key in wanted} == wanted
    assert clean["user.chgid"]("sltn-plain", "users") is True
    assert clean["user.chfullname"]("sltn-plain", None) is True
    assert clean["user.info"]("sltn-plain")["fullname"] == ""
    assert clean["user.chuid"]("sltn-plain", 0) is False  # taken


@root_only
def test_groups_of_a_user(clean: Loader) -> None:
    for group in GROUPS[:2]:
        clean["group.add"](group)
    clean["user.add"]("sltn-plain", gid="users", createhome=False)
    assert clean["user.chgroups"]("sltn-plain", "sltn-extra") is True
    assert clean["user.chgroups"]("sltn-plain", ["sltn-more"], append=True) is True
    assert clean["user.list_groups"]("sltn-plain") == ["sltn-extra", "sltn-more", "users"]
    assert clean["user.chgroups"]("sltn-plain", ["sltn-more"]) is True
    assert clean["user.list_groups"]("sltn-plain") == ["sltn-more", "users"]
    assert clean["user.chgroups"]("sltn-plain", []) is True
    assert clean["user.list_groups"]("sltn-plain") == ["users"]
    assert clean["user.chgroups"]("sltn-plain", ["sltn-nowhere"]) is False


@root_only
def test_of_groups_that_share_a_number_only_those_count_that_name_the_user(clean: Loader) -> None:
    clean["group.add"]("sltn-extra", gid=64999)
    clean["group.add"]("sltn-same", gid=64999, non_unique=True)
    clean["user.add"]("sltn-plain", gid="users", groups=["sltn-same"], createhome=False)
    assert clean["user.list_groups"]("sltn-plain") == ["sltn-same", "users"]


@root_only
def test_rename(clean: Loader) -> None:
    clean["user.add"]("sltn-plain", createhome=False)
    with pytest.raises(CommandExecutionError, match="User 'root' already exists"):
        clean["user.rename"]("sltn-plain", "root")
    assert clean["user.rename"]("sltn-plain", "sltn-renamed") is True
    assert clean["user.info"]("sltn-plain") == {}
    assert clean["user.info"]("sltn-renamed")["name"] == "sltn-renamed"


@pytest.mark.parametrize("function", ["chuid", "chgid", "chshell", "chhome", "chgroups", "chfullname", "rename"])
def test_changing_nobody_says_so(salt: Loader, function: str) -> None:
    with pytest.raises(CommandExecutionError, match="User 'no-such-user' does not exist"):
        salt[f"user.{function}"]("no-such-user", "1")


def test_below_another_root(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/passwd").write_text("a:x:5:6:A B,,7:/home/a:/bin/sh\nbroken:x\n+::::::\n# no:x:1:1::/:/bin/x\n")
    (tmp_path / "etc/group").write_text("g:x:6:\nh:x:7:b,a\nhalf\n")
    found = salt["user.info"]("a", root=str(tmp_path))
    assert (found["uid"], found["gid"], found["groups"], found["workphone"]) == (5, 6, ["g", "h"], "7")
    assert salt["user.list_users"](root=str(tmp_path)) == ["a"]
    assert salt["user.info"]("root", root=str(tmp_path)) == {}


@root_only
def test_changes_below_another_root(salt: Loader, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    for file in ("passwd", "shadow", "group", "gshadow"):
        (tmp_path / "etc" / file).touch()
    assert salt["group.add"]("g", gid=6, root=str(tmp_path)) is True
    assert salt["user.add"]("a", uid=5, gid=6, createhome=False, root=str(tmp_path)) is True
    assert salt["user.chshell"]("a", "/bin/x", root=str(tmp_path)) is True
    assert salt["user.info"]("a", root=str(tmp_path))["shell"] == "/bin/x"
    assert salt["user.delete"]("a", root=str(tmp_path)) is True
    assert (tmp_path / "etc/passwd").read_text() == ""
