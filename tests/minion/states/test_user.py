from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

from tests.minion.states.calls import State

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing users needs root")
NAME, GROUPS = "sltn-user", ["sltn-one", "sltn-two"]


@pytest.fixture(autouse=True)
def clean(state: State) -> Iterator[None]:
    def remove() -> None:
        if state.box.call("user.info", NAME):
            state.box.call("user.delete", NAME, force=True)
        for group in [*GROUPS, NAME]:
            if state.box.call("group.info", group):
                state.box.call("group.delete", group)

    remove()
    for group in GROUPS:
        state.box.call("group.add", group)
    yield
    remove()


@pytest.fixture
def made(state: State, tmp_path: Path) -> Dict[str, Any]:
    """The arguments of a user that exists."""
    wanted = {"uid": 64101, "home": str(tmp_path / "home"), "shell": "/bin/sh", "groups": [GROUPS[0]]}
    assert state("user.present", NAME, **wanted)["result"] is True
    return wanted


def info(state: State, *fields: str) -> Any:
    found = {**state.box.call("user.info", NAME), **state.box.call("shadow.info", NAME)}
    return tuple(found[field] for field in fields)


def test_a_new_user_is_as_described(state: State, tmp_path: Path) -> None:
    home = tmp_path / "home"
    predicted, first, second = state.converge(
        "user.present", NAME, uid=64101, home=str(home), shell="/bin/sh", groups=GROUPS[:1], optional_groups=["none"],
        fullname="Fünf", password="$6$salt$hash", mindays=1, maxdays=90, warndays=5, inactdays=3, expire=20000,
        date=19000,
    )  # fmt: skip
    assert predicted["comment"] == f"User {NAME} set to be added"
    assert first["comment"] == f"New user {NAME} created"
    assert second["comment"] == f"User {NAME} is present and up to date"
    assert first["changes"] == {
        "name": NAME, "uid": 64101, "gid": first["changes"]["gid"], "groups": [GROUPS[0], NAME], "home": str(home),
        "shell": "/bin/sh", "fullname": "Fünf", "roomnumber": "", "workphone": "", "homephone": "", "other": "",
        "passwd": "x", "password": "XXX-REDACTED-XXX", "mindays": 1, "maxdays": 90, "warndays": 5, "inactdays": 3,
        "expire": 20000, "date": 19000,
    }  # fmt: skip
    assert home.is_dir()
    assert info(state, "passwd", "min", "max", "warn", "inact", "expire", "lstchg") == (
        "$6$salt$hash", 1, 90, 5, 3, 20000, 19000,
    )  # fmt: skip


def test_test_mode_makes_no_user(state: State) -> None:
    state("user.present", NAME, test=True)
    assert state.box.call("user.info", NAME) == {}


def test_new_groups_replace_old_ones(state: State, made: Dict[str, Any]) -> None:
    predicted, first, _ = state.converge("user.present", NAME, **{**made, "groups": [GROUPS[1]]})
    assert predicted["comment"] == f"The following user attributes are set to be changed:\ngroups: ['{GROUPS[1]}']\n"
    assert first["changes"] == {"groups": [GROUPS[1], NAME]}
    _, first, _ = state.converge("user.present", NAME, groups=[GROUPS[0]], remove_groups=False)
    assert first["changes"] == {"groups": [*GROUPS, NAME]}
    assert state("user.present", NAME)["changes"] == {}, "groups that are not given stay"
    _, first, _ = state.converge("user.present", NAME, groups=[])
    assert info(state, "groups") == ([NAME],)


def test_a_missing_group_fails_but_is_only_told_of_in_test_mode(state: State, made: Dict[str, Any]) -> None:
    groups = [*made["groups"], "sltn-none"]
    comment = state.fails("user.present", NAME, **{**made, "groups": groups})
    assert comment == "The following group(s) are not present: sltn-none"
    assert state("user.present", NAME, test=True, shell="/bin/false", groups=groups)["comment"] == (
        "The following user attributes are set to be changed:\nshell: /bin/false\n"
        "groups (pending creation): sltn-none\n"
    )


def test_uid_and_gid_change_only_if_allowed(state: State, made: Dict[str, Any]) -> None:
    changed = {**made, "uid": 64102, "gid": GROUPS[1]}
    comment = state.fails("user.present", NAME, **changed)
    assert "Changing uid (64101 -> 64102) not permitted, set allow_uid_change to True" in comment
    assert f"-> {GROUPS[1]}) not permitted, set allow_gid_change to True" in comment
    state.converge("user.present", NAME, **changed, allow_uid_change=True, allow_gid_change=True)
    assert info(state, "uid") == (64102,)
    assert state.box.call("user.primary_group", NAME) == GROUPS[1]


def test_home_moves_with_its_content(state: State, made: Dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "home" / "note").write_text("kept")
    state.converge("user.present", NAME, **{**made, "home": str(tmp_path / "moved")}, persist_home=True)
    assert (tmp_path / "moved" / "note").read_text() == "kept"


def test_a_missing_home_folder_is_made_and_told(state: State, made: Dict[str, Any], tmp_path: Path) -> None:
    subprocess.run(["rm", "-r", tmp_path / "home"], check=True)
    predicted, first, _ = state.converge("user.present", NAME, **made)
    assert f"homeDoesNotExist: {tmp_path}/home\n" in predicted["comment"]
    assert first["changes"] == {"home": str(tmp_path / "home")}
    assert (tmp_path / "home").stat().st_uid == 64101


def test_ageing_is_told_even_if_the_password_stays(state: State, made: Dict[str, Any]) -> None:
    state("user.present", NAME, **made, password="$6$a$b")
    _, first, _ = state.converge("user.present", NAME, **made, password="$6$a$b", mindays=3)
    assert first["changes"] == {"min": 3}


def test_passwords_are_set_locked_emptied_and_never_shown(state: State, made: Dict[str, Any]) -> None:
    predicted, first, _ = state.converge("user.present", NAME, **made, password="$6$a$secret")
    assert "secret" not in str([predicted, first])
    assert first["changes"]["passwd"] == "XXX-REDACTED-XXX"
    kept = state("user.present", NAME, **made, password="$6$a$other", enforce_password=False)
    assert kept["changes"] == {}
    state.converge("user.present", NAME, **made, password_lock=True)
    assert info(state, "passwd") == ("!$6$a$secret",)
    state.converge("user.present", NAME, **made, password_lock=False)
    state.converge("user.present", NAME, **made, empty_password=True)
    assert info(state, "passwd") == ("",)


def test_the_hash_of_the_same_clear_password_stays(state: State, made: Dict[str, Any]) -> None:
    state.converge("user.present", NAME, **made, password="clear", hash_password=True)
    assert info(state, "passwd")[0].startswith("$6$")


def test_commas_are_refused_where_they_would_shift_the_comment(state: State) -> None:
    assert state.fails("user.present", NAME, fullname="a,b") == "Unsupported char ',' in a,b"


def test_what_the_system_refuses_fails(state: State) -> None:
    assert state.fails("user.present", "no name", createhome=False) == "Failed to create new user no name"


def test_absent_tells_which_groups_went_too(state: State, made: Dict[str, Any], tmp_path: Path) -> None:
    predicted, first, second = state.converge("user.absent", NAME, purge=True)
    assert predicted["comment"] == f"User {NAME} set for removal"
    assert first["changes"] == {NAME: "removed", f"{NAME} group": "removed"}
    assert second["comment"] == f"User {NAME} is not present"
    assert not (tmp_path / "home").exists()
