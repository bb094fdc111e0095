from __future__ import annotations

import os
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing groups needs root")
NAME = "sltn-group"


@pytest.fixture(autouse=True)
def clean(state: State) -> Iterator[None]:
    def remove() -> None:
        if state.box.call("group.info", NAME):
            state.box.call("group.delete", NAME)

    remove()
    yield
    remove()


def test_a_new_group_with_members(state: State) -> None:
    predicted, first, second = state.converge("group.present", NAME, gid=64201, members=["root", "daemon"])
    assert predicted["comment"] == f"Group {NAME} set to be added"
    assert first["comment"] == f"New group {NAME} created"
    assert first["changes"] == {"name": NAME, "passwd": "x", "gid": 64201, "members": ["root", "daemon"]}
    assert second["comment"] == f"Group {NAME} is present and up to date"


@pytest.mark.parametrize(
    ("wanted", "told", "members"),
    [
        ({"addusers": ["bin"]}, "addusers: ['bin']", {"root", "daemon", "bin"}),
        ({"delusers": ["root"]}, "delusers: ['root']", {"daemon"}),
        ({"addusers": ["bin"], "delusers": ["root"]}, "addusers: ['bin']\ndelusers: ['root']", {"daemon", "bin"}),
        ({"members": ["bin"]}, "members: ['bin']", {"bin"}),
        ({"gid": 64202}, "gid: 64202", {"root", "daemon"}),
    ],
)
def test_an_existing_group_changes(state: State, wanted: Dict[str, Any], told: str, members: Any) -> None:
    state("group.present", NAME, gid=64201, members=["root", "daemon"])
    predicted, first, _ = state.converge("group.present", NAME, **wanted)
    comment = f"The following group attributes are set to be changed:\n{told}\n"
    assert predicted["comment"] == first["comment"] == comment
    assert first["changes"] == {"Final": "All changes applied successfully"}
    found = state.box.call("group.info", NAME)
    assert set(found["members"]) == members
    assert found["gid"] == wanted.get("gid", 64201)


def test_a_number_that_a_template_left_empty(state: State) -> None:
    assert state("group.present", NAME, gid="")["changes"]["gid"] > 0


def test_no_members(state: State) -> None:
    state("group.present", NAME, members=["root", "daemon"])
    state.converge("group.present", NAME, members=[])
    assert state.box.call("group.info", NAME)["members"] == []


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({"addusers": ["root"], "delusers": ["root"]}, "Same user(s) can not be added and deleted"),
        ({"addusers": ["root"], "members": ["root"]}, "Conflicting options"),
        ({"gid": "x"}, "Invalid gid"),
        ({"gid": 0}, f"Group {NAME} is not present but gid 0 is already taken by group root"),
    ],
)
def test_contradictions_are_failures(state: State, wanted: Dict[str, Any], why: str) -> None:
    assert why in state.fails("group.present", NAME, **wanted)
    assert state.box.call("group.info", NAME) == {}


def test_unknown_members_fail_and_are_named(state: State) -> None:
    state("group.present", NAME)
    result = state("group.present", NAME, addusers=["sltn-nobody"])
    assert result["result"] is False
    assert result["changes"] == {"Failed": {"addusers": ["sltn-nobody"]}}


def test_absent(state: State) -> None:
    state("group.present", NAME)
    predicted, first, second = state.converge("group.absent", NAME)
    assert predicted["comment"] == f"Group {NAME} is set for removal"
    assert (first["comment"], first["changes"]) == (f"Removed group {NAME}", {NAME: ""})
    assert second["comment"] == "Group not present"
