"""Manage users with useradd, usermod and userdel."""

from __future__ import annotations

import pwd
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import CommandExecutionError
from minion.modules import _accounts, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "user"

_GECOS = ("fullname", "roomnumber", "workphone", "homephone", "other")

Names = Union[str, List[str]]


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "useradd and usermod are known on Linux only"


def add(
    name: str,
    uid: Optional[int] = None,
    gid: Union[int, str, None] = None,
    groups: Optional[Names] = None,
    home: Optional[str] = None,
    shell: Optional[str] = None,
    unique: bool = True,
    system: bool = False,
    fullname: str = "",
    roomnumber: str = "",
    workphone: str = "",
    homephone: str = "",
    other: str = "",
    createhome: bool = True,
    loginclass: Optional[str] = None,
    nologinit: bool = False,
    root: Optional[str] = None,
    usergroup: Optional[bool] = None,
    local: bool = False,
) -> bool:
    """Adds a user. All of it succeeds, or nothing is changed and the answer is False.

    Args:
        name: login name.
        uid: number of the user; the next free one if not given.
        gid: name or number of the primary group.
        groups: further groups, as a list or separated by commas; they must exist.
        home: home folder.
        shell: login shell.
        unique: refuse a uid that is taken.
        system: a system account (low uid, no ageing).
        fullname, roomnumber, workphone, homephone, other: the parts of the comment field.
        createhome: make the home folder.
        loginclass: login classes are OpenBSD's; of no effect here.
        nologinit: don't add the user to the lastlog and faillog databases.
        root: change the files below this folder, by chroot.
        usergroup: make a group of the same name the primary one; False: don't; None: as the system does by default.
        local: use luseradd, for local accounts on systems that have central ones.

    CLI Example:

    .. code-block:: bash

        salt '*' user.add name <uid> <gid> <groups> <home> <shell>
    """
    command = ["luseradd" if local else "useradd", *_root_option(None if local else root)]
    for option, value in (("-s", shell), ("-u", uid), ("-g", gid), ("-d", home)):
        if value is not None and value != "":
            command += [option, str(value)]
    command += _group_options(name, gid, _names(groups), usergroup, local)
    comment = _gecos(dict(zip(_GECOS, (fullname, roomnumber, workphone, homephone, other))))
    if comment:
        command += ["-c", comment]
    if not createhome:
        command.append("-M")
    elif not local:
        command.append("-m")
    command += [flag for flag, wanted in (("-l", nologinit), ("-o", not unique), ("-r", system)) if wanted]
    added = _tools.succeeds(__salt__, [*command, "--", str(name)])
    if added and local and groups:  # luseradd knows no further groups
        return chgroups(name, groups)
    return added


def _group_options(name: str, gid: Any, groups: List[str], usergroup: Optional[bool], local: bool) -> List[str]:
    options = ["-G", ",".join(groups)] if groups and not local else []
    if gid in (None, ""):
        if usergroup and not local:
            return [*options, "-U"]
        if name in groups and _user_groups_are_usual():
            return [*options, "-g", name]  # the group is there already: useradd would refuse to make it
    if usergroup is False:
        options.append("-n" if local else "-N")
    return options


def _user_groups_are_usual() -> bool:
    try:
        with open("/etc/login.defs", encoding="utf-8", errors="replace") as definitions:
            return any(line.split()[:2] == ["USERGROUPS_ENAB", "yes"] for line in definitions)
    except FileNotFoundError:
        return False


def delete(
    name: str, remove: bool = False, force: bool = False, root: Optional[str] = None, local: bool = False
) -> bool:
    """Removes a user.

    Args:
        name: login name.
        remove: remove home folder and mail spool too.
        force: also when the user is logged in, and files that others own.
        root: change the files below this folder, by chroot.
        local: use luserdel.

    CLI Example:

    .. code-block:: bash

        salt '*' user.delete name remove=True force=True
    """
    command = ["luserdel" if local else "userdel", *_root_option(None if local else root)]
    command += [flag for flag, wanted in (("-r", remove), ("-f", force and not local)) if wanted]
    return _tools.succeeds(__salt__, [*command, "--", str(name)])


def getent(refresh: bool = False, root: Optional[str] = None) -> List[Dict[str, Any]]:
    """Information on all users, as `user.info` gives it.

    Args:
        refresh: accepted for compatibility: the answer is always fresh.
        root: read the files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' user.getent
    """
    local = _accounts.local_groups(root or "/")
    return [_describe(account, root, local) for account in _accounts.users(root)]


def info(name: str, root: Optional[str] = None) -> Dict[str, Any]:
    """Information on one user; empty if there is none of that name.

    Args:
        name: login name.
        root: read the files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' user.info root
    """
    account = _accounts.user(name, root)
    return _describe(account, root) if account else {}


def _describe(account: pwd.struct_passwd, root: Optional[str], local: Any = None) -> Dict[str, Any]:
    return {
        "gid": account.pw_gid,
        "groups": _accounts.groups_of(account, root, local),
        "home": account.pw_dir,
        "name": account.pw_name,
        "passwd": account.pw_passwd,
        "shell": account.pw_shell,
        "uid": account.pw_uid,
        **_parse_gecos(account.pw_gecos),
    }


def _parse_gecos(comment: str) -> Dict[str, str]:
    parts = comment.split(",", len(_GECOS) - 1)
    return dict(zip(_GECOS, parts + [""] * len(_GECOS)))


def _gecos(parts: Dict[str, Any]) -> str:
    texts = ["" if parts[key] is None else str(parts[key]) for key in _GECOS]
    return ",".join(texts).rstrip(",")


def chuid(name: str, uid: int, root: Optional[str] = None) -> bool:
    """Changes the number of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chuid foo 4376
    """
    return _change(name, "uid", int(uid), ["-u", str(uid)], root)


def chgid(name: str, gid: Union[int, str], root: Optional[str] = None) -> bool:
    """Changes the primary group of a user, given by number or name.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chgid foo 4376
    """
    group = None if str(gid).isdigit() else _accounts.group(gid, root)
    number = int(gid) if str(gid).isdigit() else (group.gr_gid if group else None)
    return _change(name, "gid", number, ["-g", str(gid)], root)


def chshell(name: str, shell: str, root: Optional[str] = None) -> bool:
    """Changes the login shell of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chshell foo /bin/zsh
    """
    return _change(name, "shell", shell, ["-s", shell], root)


def chhome(name: str, home: str, persist: bool = False, root: Optional[str] = None) -> bool:
    """Changes the home folder of a user.

    Args:
        name: login name.
        home: the new folder.
        persist: move the content of the old one there.
        root: change the files below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chhome foo /home/users/foo True
    """
    return _change(name, "home", home, [*(["-m"] if persist else []), "-d", home], root)


def chgroups(name: str, groups: Names, append: bool = False, root: Optional[str] = None) -> bool:
    """Sets the further groups of a user.

    Args:
        name: login name.
        groups: a list, or names separated by commas.
        append: keep those the user has already; otherwise these replace them.
        root: change the files below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chgroups foo wheel,root
        salt '*' user.chgroups foo wheel,root append=True
    """
    account = _existing(name, root)
    wanted = set(_names(groups))
    current = set(_accounts.groups_of(account, root))
    primary = {_primary_group_name(account, root)}
    if wanted <= current if append else wanted | primary == current:
        return True
    mode = ["-a"] if append else []
    command = ["usermod", *_root_option(root), *mode, "-G", ",".join(sorted(wanted)), "--", str(name)]
    return _tools.succeeds(__salt__, command)


def chfullname(name: str, fullname: Optional[str], root: Optional[str] = None) -> bool:
    """Changes the full name of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chfullname foo "Foo Bar"
    """
    return _change_gecos(name, "fullname", fullname, root)


def chroomnumber(name: str, roomnumber: Optional[str], root: Optional[str] = None) -> bool:
    """Changes the room number of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chroomnumber foo 123
    """
    return _change_gecos(name, "roomnumber", roomnumber, root)


def chworkphone(name: str, workphone: Optional[str], root: Optional[str] = None) -> bool:
    """Changes the work phone of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chworkphone foo 7735550123
    """
    return _change_gecos(name, "workphone", workphone, root)


def chhomephone(name: str, homephone: Optional[str], root: Optional[str] = None) -> bool:
    """Changes the home phone of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chhomephone foo 7735551234
    """
    return _change_gecos(name, "homephone", homephone, root)


def chother(name: str, other: Optional[str], root: Optional[str] = None) -> bool:
    """Changes the last part of a user's comment field.

    CLI Example:

    .. code-block:: bash

        salt '*' user.chother foobar
    """
    return _change_gecos(name, "other", other, root)


def primary_group(name: str) -> str:
    """The name of a user's primary group.

    CLI Example:

    .. code-block:: bash

        salt '*' user.primary_group saltadmin
    """
    account = _existing(name, None)
    return _primary_group_name(account, None)


def list_groups(name: str) -> List[str]:
    """Names of the groups of a user, the primary one included; none if there is no such user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.list_groups foo
    """
    account = _accounts.user(name)
    return _accounts.groups_of(account) if account else []


def list_users(root: Optional[str] = None) -> List[str]:
    """Names of all users.

    CLI Example:

    .. code-block:: bash

        salt '*' user.list_users
    """
    return sorted(account.pw_name for account in _accounts.users(root))


def rename(name: str, new_name: str, root: Optional[str] = None) -> bool:
    """Changes the login name of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' user.rename name new_name
    """
    if _accounts.user(new_name, root):
        raise CommandExecutionError(f"User '{new_name}' already exists")
    _existing(name, root)
    return _tools.succeeds(__salt__, ["usermod", *_root_option(root), "-l", str(new_name), "--", str(name)])


def _existing(name: str, root: Optional[str]) -> pwd.struct_passwd:
    account = _accounts.user(name, root)
    if account is None:
        raise CommandExecutionError(f"User '{name}' does not exist")
    return account


def _primary_group_name(account: pwd.struct_passwd, root: Optional[str]) -> str:
    if root is None:
        return _accounts.group_name(account.pw_gid) or str(account.pw_gid)
    names = (group.gr_name for group in _accounts.groups(root) if group.gr_gid == account.pw_gid)
    return next(names, str(account.pw_gid))


def _change(name: str, key: str, value: Any, options: List[str], root: Optional[str]) -> bool:
    """Runs usermod unless the user is as wanted, and looks whether it is then."""
    if _describe(_existing(name, root), root)[key] == value:
        return True
    done = _tools.succeeds(__salt__, ["usermod", *_root_option(root), *options, "--", str(name)])
    return done and bool(info(name, root).get(key) == value)


def _change_gecos(name: str, key: str, value: Optional[str], root: Optional[str]) -> bool:
    parts = _parse_gecos(_existing(name, root).pw_gecos)
    text = "" if value is None else str(value)
    return _change(name, key, text, ["-c", _gecos({**parts, key: text})], root)


def _names(names: Optional[Names]) -> List[str]:
    if not names:
        return []
    return [part.strip() for part in names.split(",")] if isinstance(names, str) else [str(name) for name in names]


def _root_option(root: Optional[str]) -> List[str]:
    return ["-R", root] if root else []
