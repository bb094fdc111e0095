"""Owners, permissions, attributes and SELinux contexts of files."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import mode_bits, normalize_mode

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"


def set_mode(path: str, mode: Any) -> str:
    """Sets the permissions of a file and returns them.

    Args:
        path: the file.
        mode: the permissions, in octal.

    CLI Example:

    .. code-block:: bash

        salt '*' file.set_mode /etc/passwd 0644
    """
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        raise CommandExecutionError(f"{path}: File not found")
    try:
        os.chmod(path, mode_bits(mode))
    except (OSError, ValueError):
        return "Invalid Mode " + (str(mode).lstrip("0Oo") or "0")
    return str(__salt__["file.get_mode"](path))


def chown(path: str, user: Any, group: Any) -> Optional[str]:
    """Gives a file to a user and a group. Returns nothing, or what is wrong.

    Args:
        path: the file. Of a link, what it leads to; or the link, if it leads nowhere.
        user: name or number; empty to leave it.
        group: name or number; empty to leave it.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chown /etc/passwd root root
    """
    path = os.path.expanduser(path)
    uid, gid, complaint = _owner_ids(user, group)
    if not os.path.exists(path):
        if not os.path.islink(path):
            complaint += "File not found"
        elif not complaint:
            os.lchown(path, uid, gid)
            return None
    if complaint:
        return complaint
    os.chown(path, uid, gid)
    return None


def lchown(path: str, user: Any, group: Any) -> Optional[str]:
    """Gives a file, or a link and not what it leads to, to a user and a group. Returns nothing, or what is wrong.

    CLI Example:

    .. code-block:: bash

        salt '*' file.lchown /path/to/link root root
    """
    uid, gid, complaint = _owner_ids(user, group)
    if complaint:
        return complaint
    os.lchown(os.path.expanduser(path), uid, gid)
    return None


def _owner_ids(user: Any, group: Any) -> Tuple[int, int, str]:
    """Numbers of user and group (-1 to leave it), and what is wrong with them."""
    uid, gid, complaint = __salt__["file.user_to_uid"](user), __salt__["file.group_to_gid"](group), ""
    if uid == "":
        complaint += "User does not exist\n" if user else ""
        uid = -1
    if gid == "":
        complaint += "Group does not exist\n" if group else ""
        gid = -1
    return uid, gid, complaint


def chgrp(path: str, group: Any) -> Optional[str]:
    """Gives a file to a group. Returns nothing, or what is wrong.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chgrp /etc/passwd root
    """
    return chown(path, "", group)


def chattr(*files: str, **kwargs: Any) -> bool:
    """Changes attributes of files, see chattr(1).

    Args:
        files: the files.
        operator: `add` or `remove`.
        attributes: one or more of acdijstuADST.
        flags: one or more of RVf, options of chattr.
        version: a version number to give to the files.

    CLI Example:

    .. code-block:: bash

        salt '*' file.chattr foo1.txt foo2.txt operator=add attributes=ai
        salt '*' file.chattr foo3.txt operator=remove attributes=i version=2
    """
    operator, attributes = kwargs.get("operator"), kwargs.get("attributes")
    if operator not in ("add", "remove"):
        raise SaltInvocationError("Need an operator: 'add' or 'remove' to modify attributes.")
    if attributes is None:
        raise SaltInvocationError("Need attributes: [aAcCdDeijPsStTu]")
    command = ["chattr", ("+" if operator == "add" else "-") + attributes]
    if kwargs.get("flags") is not None:
        command.append(f"-{kwargs['flags']}")
    if kwargs.get("version") is not None:
        command += ["-v", str(kwargs["version"])]
    return not __salt__["cmd.run"]([*command, *files], python_shell=False)


def restorecon(path: str, recursive: bool = False) -> bool:
    """Resets the SELinux context of a path to the default.

    CLI Example:

    .. code-block:: bash

        salt '*' file.restorecon /home/user/.ssh/authorized_keys
    """
    flags = "-FR" if recursive else "-F"
    return not __salt__["cmd.retcode"](["restorecon", flags, path], python_shell=False)


def set_selinux_context(
    path: str,
    user: Optional[str] = None,
    role: Optional[str] = None,
    type: Optional[str] = None,
    range: Optional[str] = None,
    persist: bool = False,
) -> Any:
    """Sets parts of the SELinux context of a path. Returns the new context, or False.

    Args:
        path: the path.
        user, role, type, range: the parts to set.
        persist: keep it when the system is relabelled.

    CLI Example:

    .. code-block:: bash

        salt '*' file.set_selinux_context path <user> <role> <type> <range>
    """
    if not any((user, role, type, range)):
        return False
    if persist:
        policy = __salt__["selinux.fcontext_add_policy"](path, sel_type=type, sel_user=user, sel_level=range)
        if policy.get("retcode") != 0:
            raise CommandExecutionError(f"Problem setting fcontext: {policy}")
    command = ["chcon"]
    for flag, value in (("-u", user), ("-r", role), ("-t", type), ("-l", range)):
        if value:
            command += [flag, value]
    if __salt__["cmd.retcode"]([*command, path], python_shell=False):
        return False
    return __salt__["file.get_selinux_context"](path)


class _Attributes(NamedTuple):
    added: str
    removed: str


def _compare_attributes(path: str, attrs: str) -> _Attributes:
    """What must be added to a file's attributes, and removed; nothing if lsattr is not installed."""
    known = __salt__["file.lsattr"](path)
    if known is None:
        return _Attributes("", "")
    wanted, present = set(attrs), set(known.get(path, ""))
    wanted |= present & {"e"}  # extents can't be unset
    return _Attributes("".join(sorted(wanted - present)), "".join(sorted(present - wanted)))


def check_perms(
    name: str,
    ret: Optional[Dict[str, Any]],
    user: Any,
    group: Any,
    mode: Any,
    attrs: Optional[str] = None,
    follow_symlinks: bool = False,
    seuser: Optional[str] = None,
    serole: Optional[str] = None,
    setype: Optional[str] = None,
    serange: Optional[str] = None,
) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """Gives a file owner, permissions, attributes and SELinux context; with `test` it only says what would change.

    Args:
        name: the file.
        ret: the result of a state, to be extended; if empty, a new one is made.
        user, group, mode: what the file shall have; empty to leave it.
        attrs: attributes that it shall have, see chattr(1).
        follow_symlinks: of a link, change what it leads to.
        seuser, serole, setype, serange: parts of the SELinux context.

    Returns the result (with `changes`, `comment` and `result`), and what owner and permissions were before.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_perms /etc/sudoers '{}' root root 400 attrs=ai
    """
    name = os.path.expanduser(name)
    check = _Check(name, ret, follow_symlinks)
    before = check.own(user, group)
    if mode is not None and not check.is_foreign_link:
        check.permit(str(normalize_mode(mode)), before)
    if attrs is not None and not check.is_foreign_link and not os.path.isdir(name):
        check.set_attributes(attrs)
    context = {"User": seuser, "Role": serole, "Type": setype, "Range": serange}
    if any(context.values()):
        check.label({part: value for part, value in context.items() if value})
    return check.conclude(), before


class _Check:
    """One run of `check_perms`."""

    def __init__(self, name: str, ret: Optional[Dict[str, Any]], follow_symlinks: bool) -> None:
        self.name, self.follow = name, follow_symlinks
        self.test = bool(__opts__.get("test"))
        self.ret = ret or {"name": name, "changes": {}, "comment": "", "result": True}
        self.comments: List[str] = []
        self.is_foreign_link = os.path.islink(name) and not follow_symlinks
        self.current = self.stats()

    def stats(self) -> Dict[str, Any]:
        found: Dict[str, Any] = __salt__["file.stats"](self.name, follow_symlinks=self.follow)
        return found

    def fail(self, comment: str) -> None:
        self.ret["result"] = False
        self.comments.append(comment)

    def own(self, user: Any, group: Any) -> Dict[str, Any]:
        """Changes the owner, and looks whether it has changed.

        Returns what was (`luser`, `lgroup`, `lmode`) and what was to change (`cuser`, `cgroup`).
        """
        current = self.current
        before = {
            "luser": current["uid"] if isinstance(user, int) else current["user"],
            "lgroup": current["gid"] if isinstance(group, int) else current["group"],
            "lmode": current["mode"],
        }
        if user not in (None, "", current["user"], current["uid"]):
            before["cuser"] = user
        if group not in (None, "", current["group"], current["gid"]):
            before["cgroup"] = group
        wanted = {kind: before[f"c{kind}"] for kind in ("user", "group") if f"c{kind}" in before}
        if wanted and not self.test:
            self._chown(user, group)
        now = self.stats() if wanted and not self.test else current
        for kind, value in wanted.items():
            if self.test or value in (now[kind], now[f"{kind[0]}id"]):
                self.ret["changes"][kind] = value
            else:
                self.fail(f"Failed to change {kind} to {value}")
        return before

    def _chown(self, user: Any, group: Any) -> None:
        try:
            complaint = (lchown if self.is_foreign_link else chown)(self.name, "" if user is None else user, group)
        except OSError:
            self.ret["result"] = False  # the caller sees that the owner is still the old one
            return
        if complaint:
            self.fail(complaint)
        elif not os.path.islink(self.name):
            set_mode(self.name, self.current["mode"])  # chown(2) clears the setuid and setgid bits

    def permit(self, mode: str, before: Dict[str, Any]) -> None:
        """Changes the permissions, and looks whether they have changed."""
        if mode == self.current["mode"]:
            return
        if not self.test:
            before["cmode"] = mode
            set_mode(self.name, mode)
            if self.stats()["mode"] != mode:
                self.fail(f"Failed to change mode to {mode}")
                return
        self.ret["changes"]["mode"] = mode

    def set_attributes(self, attrs: str) -> None:
        difference = _compare_attributes(self.name, attrs)
        if not any(difference):
            return
        old, new = "".join(__salt__["file.lsattr"](self.name)[self.name]), attrs
        if not self.test:
            if difference.added:
                chattr(self.name, operator="add", attributes=difference.added)
            if difference.removed:
                chattr(self.name, operator="remove", attributes=difference.removed)
            if any(_compare_attributes(self.name, attrs)):
                self.fail(f"Failed to change attributes to {attrs}")
                new = "".join(__salt__["file.lsattr"](self.name)[self.name])
        if old != new:
            self.ret["changes"]["attrs"] = {"old": old, "new": new}

    def label(self, wanted: Dict[str, Optional[str]]) -> None:
        """Changes the SELinux context."""
        current = _context_parts(__salt__["file.get_selinux_context"](self.name))
        if not current:
            self.fail("Failed to get selinux attributes")
            return
        missing = {part: value for part, value in wanted.items() if value != current[part]}
        if not missing:
            return
        changes = {
            "Old": " ".join(f"{part}: {current[part]}" for part in missing),
            "New": " ".join(f"{part}: {value}" for part, value in missing.items()),
        }
        if self.test:
            self.comments.append(f"File {self.name} selinux context to be updated")
            self.ret["changes"]["selinux"] = changes
            return
        arguments = {part.lower(): value for part, value in {"Type": current["Type"], **missing}.items()}
        now = _context_parts(set_selinux_context(self.name, persist=True, **arguments))
        if not now:
            self.fail("Failed to set selinux attributes")
            return
        self.comments.append(f"The file {self.name} is set to be changed")
        for part, value in missing.items():
            if now[part] != value:
                self.fail(f"Unable to update se{part.lower()} context")
        self.ret["changes"]["selinux"] = changes

    def conclude(self) -> Dict[str, Any]:
        before = self.ret["comment"]
        if isinstance(before, str):
            self.ret["comment"] = "; ".join(([before] if before else []) + self.comments)
        else:
            self.ret["comment"] = [*before, *self.comments]
        if self.test and self.ret["changes"]:
            self.ret["result"] = None
        return self.ret


def _context_parts(context: Any) -> Dict[str, str]:
    """The parts of an SELinux context; empty if it is none."""
    parts = str(context).split(":", 3)
    return dict(zip(("User", "Role", "Type", "Range"), parts)) if len(parts) == 4 else {}
