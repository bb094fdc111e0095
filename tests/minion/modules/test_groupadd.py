from __future__ import annotations

import os
from typing import Iterator

import pytest

from minion.loader import Loader

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="changing groups needs root")
NAMES = ["sltng-plain", "sltng.dots", "sltng-other", "sältng"]


@pytest.fixture
def clean(salt: Loader) -> Iterator[Loader]:
    def remove() -> None:
        for user in ("sltng-u1", "sltng-u2"):
            if salt["user.info"](user):
                salt["user.delete"](user)
        for name in NAMES:
            if salt["group.info"](name):
                salt["group.delete"](name)

    remove()
    yield salt
    remove()


def test_info_has_salts_shape(salt: Loader) -> None:
    assert salt["group.info"]("root") == {"name": "root", "passwd": "x", "gid": 0, "members": []}
    assert salt["group.info"]("no-such-group") == {}
    assert salt["group.info"]("root") in salt["group.getent"]()


@root_only
@pytest.mark.parametrize("name", NAMES)
def test_groups_come_and_go(clean: Loader, name: str) -> None:
    assert clean["group.add"](name, gid=64444) is True
    assert clean["group.add"](name) is False
    assert clean["group.info"](name)["gid"] == 64444
    assert clean["group.delete"](name) is True
    assert clean["group.delete"](name) is False


@root_only
@pytest.mark.parametrize("name", ["-r", "", "a b", "a:b"])
def test_names_that_are_none_are_refused(clean: Loader, name: str) -> None:
    assert clean["group.add"](name) is False


@root_only
def test_numbers(clean: Loader) -> None:
    clean["group.add"]("sltng-plain", gid=64444)
    assert clean["group.add"]("sltng-other", gid=64444) is False
    assert clean["group.add"]("sltng-other", gid=64444, non_unique=True) is True
    assert clean["group.chgid"]("sltng-plain", 0) is False
    assert clean["group.chgid"]("sltng-plain", 64445) is True
    assert clean["group.info"]("sltng-plain")["gid"] == 64445
    assert clean["group.chgid"]("sltng-plain", 64444, non_unique=True) is True
    assert clean["group.chgid"]("no-such-group", 1) is False
    assert clean["group.add"]("sltng.dots", system=True) is True
    assert clean["group.info"]("sltng.dots")["gid"] < 1000


@root_only
def test_members(clean: Loader) -> None:
    clean["group.add"]("sltng-plain")
    for user in ("sltng-u1", "sltng-u2"):
        clean["user.add"](user, createhome=False, gid="users")

    def members() -> list[str]:
        found: list[str] = clean["group.info"]("sltng-plain")["members"]
        return found

    assert clean["group.adduser"]("sltng-plain", "sltng-u1") is True
    assert clean["group.adduser"]("sltng-plain", "no-such-user") is False
    assert members() == ["sltng-u1"]
    assert clean["group.members"]("sltng-plain", ["sltng-u1", "sltng-u2"]) is True
    assert members() == ["sltng-u1", "sltng-u2"]
    assert clean["group.deluser"]("sltng-plain", "sltng-u1") is True
    assert clean["group.deluser"]("sltng-plain", "sltng-u1") is True
    assert clean["group.deluser"]("no-such-group", "sltng-u1") is True
    assert members() == ["sltng-u2"]
    assert clean["group.members"]("sltng-plain", "") is True
    assert members() == []
