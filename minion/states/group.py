"""Groups of users."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_CONFLICTING = 'Error: Conflicting options "members" with "addusers" and/or "delusers" can not be used together. '
_CONTRADICTING = "Error. Same user(s) can not be added and deleted simultaneously"


def present(
    name: str,
    gid: Optional[int] = None,
    system: bool = False,
    addusers: Optional[List[str]] = None,
    delusers: Optional[List[str]] = None,
    members: Optional[List[str]] = None,
    non_unique: bool = False,
    local: bool = False,
) -> Result:
    """Sees to it that a group exists, perhaps with a certain number and certain members.

    Args:
        name: the group.
        gid: its number; if not given, a new group gets the next free one.
        system: make a system group.
        addusers: users who shall be members.
        delusers: users who shall be no members.
        members: all members; not together with `addusers` and `delusers`.
        non_unique: allow a number that is taken.
        local: manage a local group on a host that also has central ones.
    """
    ret = begun(name)
    if members is not None and (addusers is not None or delusers is not None):
        return failed(ret, _CONFLICTING)
    if set(addusers or ()) & set(delusers or ()):
        return failed(ret, _CONTRADICTING)
    if gid is None or str(gid) == "":  # a template says "" for what it has not got
        gid = None
    elif not str(gid).isdigit():
        return failed(ret, "Invalid gid")
    wanted: Dict[str, Any] = {"gid": gid, "addusers": addusers, "delusers": delusers, "members": members}
    current = _info(name, local)
    if not current:
        return _add(ret, wanted, {"system": system, "non_unique": non_unique, "local": local})
    changes = _differences(current, **wanted)
    if not changes:
        ret["comment"] = f"Group {name} is present and up to date"
        return ret
    listed = "".join(f"{key}: {value}\n" for key, value in changes.items())
    ret["comment"] = f"The following group attributes are set to be changed:\n{listed}"
    if __opts__["test"]:
        return {**ret, "result": None}
    _apply(name, changes, non_unique)
    left = _differences(_info(name, local), **wanted)
    if left:
        return {**failed(ret, f"{ret['comment']}Some changes could not be applied"), "changes": {"Failed": left}}
    return {**ret, "changes": {"Final": "All changes applied successfully"}}


def _info(name: str, local: bool) -> Dict[str, Any]:
    found: Dict[str, Any] = __salt__["group.info"](name, **({"root": "/"} if local else {}))
    return found


def _differences(
    current: Dict[str, Any],
    gid: Optional[int],
    addusers: Optional[List[str]],
    delusers: Optional[List[str]],
    members: Optional[List[str]],
) -> Dict[str, Any]:
    is_ = current["members"]
    found: Dict[str, Any] = {}
    if gid and current["gid"] != int(gid):
        found["gid"] = int(gid)
    if members is not None and set(is_) != set(members):
        found["members" if members else "delusers"] = members or set(is_)
    add = [user for user in addusers or () if user not in is_]
    remove = [user for user in delusers or () if user in is_]
    if add:
        found["addusers"] = add
    if remove:
        found["delusers"] = remove
    return found


def _apply(name: str, changes: Dict[str, Any], non_unique: bool) -> None:
    if "gid" in changes:
        __salt__["group.chgid"](name, changes["gid"], non_unique=non_unique)
    if "members" in changes:
        __salt__["group.members"](name, ",".join(changes["members"]))
    for user in changes.get("addusers", ()):
        __salt__["group.adduser"](name, user)
    for user in changes.get("delusers", ()):
        __salt__["group.deluser"](name, user)


def _add(ret: Result, wanted: Dict[str, Any], options: Dict[str, Any]) -> Result:
    name, gid = ret["name"], wanted["gid"]
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Group {name} set to be added"}
    if gid is not None and not options["non_unique"]:
        for group in __salt__["group.getent"]():
            if group["gid"] == int(gid):
                taken = f"gid {gid} is already taken by group {group['name']}"
                return failed(ret, f"Group {name} is not present but {taken}")
    if not __salt__["group.add"](name, gid=gid, **options):
        return failed(ret, f"Failed to create new group {name}")
    users = wanted["addusers"] or wanted["members"]
    if users:
        __salt__["group.members"](name, ",".join(users))
    current = _info(name, options["local"])
    left = _differences(current, **wanted)
    if left:
        comment = f"Group {name} has been created but, some changes could not be applied"
        return {**failed(ret, comment), "changes": {"Failed": left}}
    return {**ret, "comment": f"New group {name} created", "changes": current}


def absent(name: str, local: bool = False) -> Result:
    """Sees to it that a group does not exist.

    Args:
        name: the group.
        local: manage a local group on a host that also has central ones.
    """
    ret = begun(name)
    if not _info(name, local):
        ret["comment"] = "Group not present"
        return ret
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Group {name} is set for removal"}
    if not __salt__["group.delete"](name, local=local):
        return failed(ret, f"Failed to remove group {name}")
    return {**ret, "changes": {name: ""}, "comment": f"Removed group {name}"}
