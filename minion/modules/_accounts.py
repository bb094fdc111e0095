"""Users and groups: those the system knows (with LDAP and the like), or those of the files below another root."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Iterator, List, Optional, Union

Id = Union[str, int]


def users(root: Optional[str] = None) -> List[pwd.struct_passwd]:
    """All users."""
    if root is None:
        return pwd.getpwall()
    return [
        pwd.struct_passwd((*fields[:2], int(fields[2]), int(fields[3]), *fields[4:7]))
        for fields in entries(root, "passwd", 7)
        if fields[2].isdigit() and fields[3].isdigit()  # NIS has lines without
    ]


def user(name: Id, root: Optional[str] = None) -> Optional[pwd.struct_passwd]:
    """The user of that name."""
    if root is not None:
        return next((found for found in users(root) if found.pw_name == str(name)), None)
    try:
        return pwd.getpwnam(str(name))
    except (KeyError, ValueError):
        return None


def groups(root: Optional[str] = None) -> List[grp.struct_group]:
    """All groups."""
    if root is None:
        return grp.getgrall()
    return local_groups(root)


def group(name: Id, root: Optional[str] = None) -> Optional[grp.struct_group]:
    """The group of that name."""
    if root is not None:
        return next((found for found in groups(root) if found.gr_name == str(name)), None)
    try:
        return grp.getgrnam(str(name))
    except (KeyError, ValueError):
        return None


def groups_of(
    account: pwd.struct_passwd, root: Optional[str] = None, known: Optional[List[grp.struct_group]] = None
) -> List[str]:
    """Names of a user's groups, the primary one included, sorted.

    Several local groups may share a number; of those the ones count that name the user.

    Args:
        account: the user.
        root: in the files below this folder.
        known: what `local_groups(root)` said, if many users are asked for.
    """
    local = local_groups(root or "/") if known is None else known
    named = [entry for entry in local if account.pw_name in entry.gr_mem]
    names = {entry.gr_name for entry in named}
    if root is not None:
        return sorted(names | {entry.gr_name for entry in local if entry.gr_gid == account.pw_gid})
    numbers = {entry.gr_gid for entry in named}
    for gid in os.getgrouplist(account.pw_name, account.pw_gid):
        if gid not in numbers:
            names.add(group_name(gid) or str(gid))
    return sorted(names)


def group_name(gid: int) -> Optional[str]:
    """The name of the group with that number."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return None


def entries(root: str, file: str, count: int) -> Iterator[List[str]]:
    """The fields of each line of an account file (`passwd`, `group`, `shadow`); lines with too few are passed over."""
    try:
        with open(os.path.join(root, "etc", file), encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                fields = line.rstrip("\n").split(":")
                if len(fields) >= count and fields[0] and not line.startswith("#"):
                    yield fields
    except FileNotFoundError:
        return


def local_groups(root: str = "/") -> List[grp.struct_group]:
    """The groups of the files below a folder."""
    found = []
    for fields in entries(root, "group", 4):
        if fields[2].isdigit():
            members = [name.strip() for name in fields[3].split(",") if name.strip()]
            found.append(grp.struct_group((fields[0], fields[1], int(fields[2]), members)))
    return found
