from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.loader import Loader

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to other users")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "f"
    path.write_text("x")
    path.chmod(0o644)
    return path


def owner(path: Path) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def test_set_mode(salt: Loader, path: Path) -> None:
    assert salt["file.set_mode"](str(path), "0600") == "0600"
    assert salt["file.set_mode"](str(path), 755) == "0755"
    assert salt["file.set_mode"](str(path), "0o640") == "0640"
    assert salt["file.set_mode"](str(path), "xyz") == "Invalid Mode xyz"
    with pytest.raises(CommandExecutionError, match="File not found"):
        salt["file.set_mode"](str(path) + "z", "0600")


def test_chown(salt: Loader, path: Path) -> None:
    assert salt["file.chown"](str(path), "daemon", "bin") is None and owner(path) == (1, 2)
    assert salt["file.chown"](str(path), "", "root") is None and owner(path) == (1, 0)
    assert salt["file.chgrp"](str(path), "bin") is None and owner(path) == (1, 2)
    complaint = salt["file.chown"](str(path), "no-such-user", "no-such-group")
    assert complaint == "User does not exist\nGroup does not exist\n" and owner(path) == (1, 2)
    assert salt["file.chown"](str(path) + "z", "root", "root") == "File not found"


def test_lchown_changes_the_link(salt: Loader, path: Path) -> None:
    link = path.with_name("link")
    link.symlink_to("f")
    assert salt["file.lchown"](str(link), "daemon", "bin") is None
    assert owner(link) == (1, 2) and owner(path) == (0, 0)
    assert salt["file.lchown"](str(link), "no-such-user", "bin") == "User does not exist\n"
    dangling = path.with_name("dangling")
    dangling.symlink_to("nowhere")
    assert salt["file.chown"](str(dangling), "daemon", "bin") is None and owner(dangling) == (1, 2)


def test_check_perms_changes_what_differs(salt: Loader, path: Path) -> None:
    ret, before = salt["file.check_perms"](str(path), None, "daemon", "bin", "4750")
    assert ret == {
        "name": str(path),
        "changes": {"user": "daemon", "group": "bin", "mode": "4750"},
        "comment": "",
        "result": True,
    }
    assert before == {
        "luser": "root",
        "lgroup": "root",
        "lmode": "0644",
        "cuser": "daemon",
        "cgroup": "bin",
        "cmode": "4750",
    }
    assert owner(path) == (1, 2) and path.stat().st_mode & 0o7777 == 0o4750
    ret, before = salt["file.check_perms"](str(path), None, 1, 2, "4750")
    assert ret["changes"] == {} and ret["result"] is True and before == {"luser": 1, "lgroup": 2, "lmode": "4750"}


def test_a_new_owner_does_not_take_the_setuid_bit_away(salt: Loader, path: Path) -> None:
    path.chmod(0o4755)
    salt["file.check_perms"](str(path), None, "daemon", None, None)
    assert path.stat().st_mode & 0o7777 == 0o4755


def test_check_perms_only_says_so_in_a_test(salt: Loader, path: Path) -> None:
    salt.dunders["__opts__"]["test"] = True
    ret, _ = salt["file.check_perms"](str(path), None, "daemon", "bin", "0600")
    assert ret["result"] is None and ret["changes"] == {"user": "daemon", "group": "bin", "mode": "0600"}
    assert owner(path) == (0, 0) and path.stat().st_mode & 0o7777 == 0o644


def test_check_perms_extends_a_result(salt: Loader, path: Path) -> None:
    given = {"name": "q", "changes": {"a": 1}, "comment": "before", "result": True}
    ret, _ = salt["file.check_perms"](str(path), given, "no-such-user", None, "0600")
    assert ret["result"] is False and ret["changes"] == {"a": 1, "mode": "0600"}
    assert ret["comment"] == "before; User does not exist\n; Failed to change user to no-such-user"


@pytest.mark.parametrize("follow", [True, False])
def test_check_perms_of_a_link(salt: Loader, path: Path, follow: bool) -> None:
    link = path.with_name("link")
    link.symlink_to("f")
    ret, _ = salt["file.check_perms"](str(link), None, "daemon", None, "0600", follow_symlinks=follow)
    changed, other = (path, link) if follow else (link, path)
    assert owner(changed) == (1, 0) and owner(other) == (0, 0)
    assert path.stat().st_mode & 0o7777 == (0o600 if follow else 0o644)
    assert ret["changes"] == ({"user": "daemon", "mode": "0600"} if follow else {"user": "daemon"})


def test_root_may_be_given_as_a_number(salt: Loader, path: Path) -> None:
    os.chown(path, 1, 2)
    ret, _ = salt["file.check_perms"](str(path), None, 0, 0, None)
    assert ret["changes"] == {"user": 0, "group": 0} and owner(path) == (0, 0)


class _Attributes:
    """A file system with attributes: `lsattr` and `chattr` as far as `check_perms` uses them."""

    def __init__(self) -> None:
        self.present = ["e"]

    def lsattr(self, path: str) -> dict[str, list[str]]:
        return {path: self.present}

    def run(self, command: list[str], **options: Any) -> str:
        assert command[0] == "chattr" and len(command) == 3
        for attribute in command[1][1:]:
            self.present.append(attribute) if command[1][0] == "+" else self.present.remove(attribute)
        return ""


def test_attributes(salt: Loader, path: Path) -> None:
    system = _Attributes()
    salt._found["file.lsattr"], salt._found["cmd.run"] = system.lsattr, system.run
    ret, _ = salt["file.check_perms"](str(path), None, None, None, None, attrs="ai")
    assert ret["changes"] == {"attrs": {"old": "e", "new": "ai"}} and sorted(system.present) == ["a", "e", "i"]
    ret, _ = salt["file.check_perms"](str(path), None, None, None, None, attrs="i")
    assert sorted(system.present) == ["e", "i"]
    ret, _ = salt["file.check_perms"](str(path), None, None, None, None, attrs="i")
    assert ret["changes"] == {}


def test_chattr_is_called_rightly_or_not_at_all(salt: Loader) -> None:
    with pytest.raises(SaltInvocationError, match="Need an operator"):
        salt["file.chattr"]("/tmp/x", attributes="i")
    with pytest.raises(SaltInvocationError, match="Need attributes"):
        salt["file.chattr"]("/tmp/x", operator="add")


class _Labels:
    """A system with SELinux, as far as `check_perms` uses it."""

    def __init__(self) -> None:
        self.context = "system_u:object_r:etc_t:s0:c0.c3"

    def get(self, path: str) -> str:
        return self.context

    def chcon(self, command: list[str], **options: Any) -> int:
        assert command[0] == "chcon"
        user, role, _, level = self.context.split(":", 3)
        self.context = f"{user}:{role}:{command[command.index('-t') + 1]}:{level}"
        return 0


def test_selinux_context(salt: Loader, path: Path) -> None:
    system = _Labels()
    salt._found["file.get_selinux_context"], salt._found["cmd.retcode"] = system.get, system.chcon
    salt._found["selinux.fcontext_add_policy"] = lambda *args, **options: {"retcode": 0}
    ret, _ = salt["file.check_perms"](str(path), None, None, None, None, setype="usr_t")
    assert ret["changes"] == {"selinux": {"Old": "Type: etc_t", "New": "Type: usr_t"}} and ret["result"] is True
    assert system.context == "system_u:object_r:usr_t:s0:c0.c3"
    ret, _ = salt["file.check_perms"](str(path), None, None, None, None, seuser="staff_u")
    assert ret["result"] is False and "Unable to update seuser context" in ret["comment"]
    assert salt["file.set_selinux_context"](str(path)) is False
