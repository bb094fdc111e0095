"""Manage groups with groupadd, groupmod, groupdel and gpasswd."""

from __future__ import annotations

import grp
from typing import Any, Callable, Dict, List, Optional, Union

from minion.modules import _accounts, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "group"


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "groupadd and gpasswd are known on Linux only"


def add(
    name: str,
    gid: Optional[int] = None,
    system: bool = False,
    root: Optional[str] = None,
    non_unique: bool = False,
    local: bool = False,
) -> bool:
    """Adds a group.

    Args:
        name: name of the group.
        gid: its number; the next free one if not given.
        system: a system group (low gid).
        root: change the files below this folder, by chroot.
        non_unique: allow a gid that is taken.
        local: use lgroupadd, for local groups on systems that have central ones.

    CLI Example:

    .. code-block:: bash

        salt '*' group.add foo 3456
    """
    command = ["lgroupadd" if local else "groupadd", *([] if local else _root_option(root))]
    if gid is not None:
        command += ["-g", str(gid), *(["-o"] if non_unique and not local else [])]
    if system:
        command.append("-r")
    return _tools.succeeds(__salt__, [*command, "--", str(name)])


def delete(name: str, root: Optional[str] = None, local: bool = False) -> bool:
    """Removes a group.

    Args:
        name: name of the group.
        root: change the files below this folder, by chroot.
        local: use lgroupdel.

    CLI Example:

    .. code-block:: bash

        salt '*' group.delete foo
    """
    command = ["lgroupdel" if local else "groupdel", *([] if local else _root_option(root))]
    return _tools.succeeds(__salt__, [*command, "--", str(name)])


def info(name: str, root: Optional[str] = None) -> Dict[str, Any]:
    """Information on one group; empty if there is none of that name.

    Args:
        name: name of the group.
        root: read the files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' group.info foo
    """
    group = _accounts.group(name, root)
    return _describe(group) if group else {}


def getent(refresh: bool = False, root: Optional[str] = None) -> List[Dict[str, Any]]:
    """Information on all groups.

    Args:
        refresh: accepted for compatibility: the answer is always fresh.
        root: read the files below this folder.

    CLI Example:

    .. code-block:: bash

        salt '*' group.getent
    """
    return [_describe(group) for group in _accounts.groups(root)]


def _describe(group: grp.struct_group) -> Dict[str, Any]:
    return {"name": group.gr_name, "passwd": group.gr_passwd, "gid": group.gr_gid, "members": list(group.gr_mem)}


def chgid(name: str, gid: int, root: Optional[str] = None, non_unique: bool = False) -> bool:
    """Changes the number of a group.

    Args:
        name: name of the group.
        gid: its new number.
        root: change the files below this folder, by chroot.
        non_unique: allow a gid that is taken.

    CLI Example:

    .. code-block:: bash

        salt '*' group.chgid foo 4376
    """
    found = info(name, root)
    if not found:
        return False
    if found["gid"] == int(gid):
        return True
    unique = ["-o"] if non_unique else []
    command = ["groupmod", *_root_option(root), *unique, "-g", str(gid), "--", str(name)]
    return _tools.succeeds(__salt__, command) and bool(info(name, root).get("gid") == int(gid))


def adduser(name: str, username: str, root: Optional[str] = None) -> bool:
    """Adds a user to a group; True if it is in there already.

    Args:
        name: name of the group.
        username: name of the user.
        root: change the files below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' group.adduser foo bar
    """
    return _gpasswd(name, f"--add={username}", root)


def deluser(name: str, username: str, root: Optional[str] = None) -> bool:
    """Removes a user from a group; True if it is not in there, or there is no such group.

    Args:
        name: name of the group.
        username: name of the user.
        root: change the files below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' group.deluser foo bar
    """
    if str(username) not in info(name, root).get("members", []):
        return True
    return _gpasswd(name, f"--delete={username}", root)


def members(name: str, members_list: Union[str, List[str]], root: Optional[str] = None) -> bool:
    """Makes these users, and no others, the members of a group.

    Args:
        name: name of the group.
        members_list: names of users, as a list or separated by commas.
        root: change the files below this folder, by chroot.

    CLI Example:

    .. code-block:: bash

        salt '*' group.members foo 'user1,user2,user3,...'
    """
    names = members_list if isinstance(members_list, str) else ",".join(map(str, members_list))
    return _gpasswd(name, f"--members={names}", root)


def _gpasswd(name: str, option: str, root: Optional[str]) -> bool:
    return _tools.succeeds(__salt__, ["gpasswd", *(["--root", root] if root else []), option, "--", str(name)])


def _root_option(root: Optional[str]) -> List[str]:
    return ["-R", root] if root else []
