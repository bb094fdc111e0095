"""Users of the host."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Set

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_HIDDEN = "XXX-REDACTED-XXX"
_COMMENT_PARTS = ("fullname", "roomnumber", "workphone", "homephone", "other")
# argument -> its name in shadow.info, and how a failure to set it is told
_AGEING = {
    "date": ("lstchg", "set last change date"),
    "mindays": ("min", "set minimum days"),
    "maxdays": ("max", "set maximum days"),
    "inactdays": ("inact", "set inactive days"),
    "warndays": ("warn", "set warn days"),
    "expire": ("expire", "set expire days"),
}


def present(
    name: str,
    uid: Optional[int] = None,
    gid: Any = None,
    usergroup: Optional[bool] = None,
    groups: Optional[List[str]] = None,
    optional_groups: Optional[List[str]] = None,
    remove_groups: bool = True,
    home: Optional[str] = None,
    createhome: bool = True,
    persist_home: bool = False,
    password: Optional[str] = None,
    hash_password: bool = False,
    enforce_password: bool = True,
    empty_password: bool = False,
    shell: Optional[str] = None,
    unique: bool = True,
    system: bool = False,
    fullname: Any = None,
    roomnumber: Any = None,
    workphone: Any = None,
    homephone: Any = None,
    other: Any = None,
    loginclass: Optional[str] = None,
    date: Optional[int] = None,
    mindays: Optional[int] = None,
    maxdays: Optional[int] = None,
    inactdays: Optional[int] = None,
    warndays: Optional[int] = None,
    expire: Optional[int] = None,
    win_homedrive: Optional[str] = None,
    win_profile: Optional[str] = None,
    win_logonscript: Optional[str] = None,
    win_description: Optional[str] = None,
    nologinit: bool = False,
    allow_uid_change: bool = False,
    allow_gid_change: bool = False,
    password_lock: Optional[bool] = None,
    local: bool = False,
) -> Result:
    """Sees to it that a user exists and is as described. What is not given stays as it is.

    Args:
        name: login name.
        uid: number of the user.
        gid: name or number of the primary group.
        usergroup: make a group of the user's name the primary one, or don't; if not given, as the system does.
        groups: the further groups, which must exist; an empty list means none.
        optional_groups: further groups that are left out if they do not exist.
        remove_groups: False leaves the user in other groups, too.
        home: home folder.
        createhome: make the home folder if it is missing.
        persist_home: move what is in the old home folder if `home` changes.
        password: the password's hash, as /etc/shadow has it.
        hash_password: the password is in clear text and is to be hashed.
        enforce_password: False leaves a password that is set already.
        empty_password: let the user log in without a password.
        shell: login shell.
        unique: refuse a uid that is taken.
        system: make a system account.
        fullname, roomnumber, workphone, homephone, other: parts of the comment field.
        date: when the password was changed, in days since 1970.
        mindays, maxdays, inactdays, warndays: days of password ageing.
        expire: when the account ends, in days since 1970.
        nologinit: don't add the user to the lastlog and faillog databases.
        allow_uid_change, allow_gid_change: give an existing user another uid or primary group. Files keep their owner.
        password_lock: lock or unlock the password.
        local: manage a local account on a host that also has central ones.
        loginclass: of no effect but on BSD.
        win_homedrive, win_profile, win_logonscript, win_description: of no effect but on Windows.
    """
    user = SimpleNamespace(**locals())
    user.test = bool(__opts__["test"])
    ret = begun(name)
    ret["comment"] = f"User {name} is present and up to date"
    if password and hash_password:
        user.password = _hashed(name, password)
    for part in _COMMENT_PARTS:
        value = getattr(user, part)
        setattr(user, part, value if value is None else str(value))
    for value in (user.fullname, user.roomnumber, user.workphone):
        if value and "," in value:
            return failed(ret, f"Unsupported char ',' in {value}")
    missing = [group for group in groups or [] if not __salt__["group.info"](group)]
    if missing and not user.test:
        return failed(ret, f"The following group(s) are not present: {','.join(missing)}")
    if groups:
        user.groups = [group for group in groups if group not in missing]
    user.optional_groups = [group for group in optional_groups or [] if __salt__["group.info"](group)]
    if usergroup and __salt__["file.group_to_gid"](name) != "":
        user.gid = name
    if not _info(user):
        return _predict_new(user, missing, ret) if user.test else _create(user, gid, ret)
    return _update(user, missing, ret)


def _hashed(name: str, password: str) -> str:
    """The hash of a password; with the salt of the current one, so that the same password has the same hash."""
    algorithms = {"1": "md5", "2a": "blowfish", "5": "sha256", "6": "sha512"}
    parts = __salt__["shadow.info"](name)["passwd"].split("$")
    if len(parts) == 4 and parts[1] in algorithms:
        hashed = __salt__["shadow.gen_password"](password, crypt_salt=parts[2], algorithm=algorithms[parts[1]])
    else:
        hashed = __salt__["shadow.gen_password"](password)
    return str(hashed)


def _info(user: SimpleNamespace) -> Dict[str, Any]:
    found: Dict[str, Any] = __salt__["user.info"](user.name, **({"root": "/"} if user.local else {}))
    return found


# what is different


def _differences(user: SimpleNamespace) -> Dict[str, Any]:
    """What of an existing user is not as described."""
    is_, shadow = _info(user), __salt__["shadow.info"](user.name)
    found: Dict[str, Any] = {}
    if user.uid and is_["uid"] != user.uid:
        found["uid"] = user.uid
    if user.gid is not None and is_["gid"] not in (user.gid, __salt__["file.group_to_gid"](user.gid)):
        found["gid"] = user.gid
    found.update(_group_differences(user, is_))
    if user.home and is_["home"] != user.home:
        found["home"] = user.home
    if user.createhome and not os.path.isdir(user.home or is_["home"]):
        found["homeDoesNotExist"] = user.home or is_["home"]
    if user.shell and is_["shell"] != user.shell:
        found["shell"] = user.shell
    found.update(_shadow_differences(user, shadow))
    for part in _COMMENT_PARTS:
        wanted = getattr(user, part)
        if wanted is not None and is_[part] != wanted:
            found[part] = wanted
    return found


def _group_differences(user: SimpleNamespace, is_: Dict[str, Any]) -> Dict[str, Any]:
    """The further groups that are wanted, if they are not what the user has. Groups of one number are the same."""
    wanted: Set[str] = {*(user.groups or []), *user.optional_groups}
    if not user.remove_groups or (user.groups is None and not user.optional_groups):
        wanted.update(is_["groups"])
    number = __salt__["file.group_to_gid"]
    primary = is_["gid"] if user.gid is None else number(user.gid)
    wanted = {group for group in wanted if number(group) != primary}
    own = {number(group) for group in is_["groups"]} - {primary, is_["gid"]}
    if user.name not in wanted:
        own.discard(number(user.name))
    gids = {number(group) for group in wanted}
    if gids == own or (not user.remove_groups and gids <= own):
        return {}
    return {"groups": sorted(wanted)}


def _shadow_differences(user: SimpleNamespace, shadow: Dict[str, Any]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    may_replace = user.enforce_password or shadow["passwd"] == __salt__["shadow.default_hash"]()
    if user.password and not user.empty_password and shadow["passwd"] != user.password and may_replace:
        found["passwd"] = user.password
    if user.empty_password and shadow["passwd"] != "":
        found["empty_password"] = True
    for argument, (field, _) in _AGEING.items():
        wanted = getattr(user, argument)
        ignored = not wanted if argument == "expire" else wanted is None
        if not ignored and shadow[field] != wanted:
            found[argument] = wanted
    locked = shadow["passwd"].startswith("!")
    if user.password_lock is not None and bool(user.password_lock) != locked:
        found["password_lock"] = user.password_lock
    return found


def _refuse_new_ids(user: SimpleNamespace, changes: Dict[str, Any]) -> None:
    """Raises CommandExecutionError: uid or gid would change, which has not been allowed."""
    errors, is_ = [], _info(user)
    for key in ("uid", "gid"):
        if key in changes and not getattr(user, f"allow_{key}_change"):
            errors.append(
                f"Changing {key} ({is_[key]} -> {changes[key]}) not permitted, set allow_{key}_change to "
                "True to force this change. Note that this will not change file ownership."
            )
    if errors:
        raise CommandExecutionError("Encountered error checking for needed changes", info=errors)


# an existing user


def _update(user: SimpleNamespace, missing: List[str], ret: Result) -> Result:
    changes = _differences(user)
    try:
        _refuse_new_ids(user, changes)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if not changes:
        return ret
    if user.test:
        lines = [f"{key}: {value}\n" for key, value in _without_secrets(changes).items()]
        if missing:
            lines.append(f"groups (pending creation): {','.join(missing)}\n")
        comment = "The following user attributes are set to be changed:\n" + "".join(lines)
        return {**ret, "result": None, "comment": comment}
    before = {**_info(user), **__salt__["shadow.info"](user.name)}
    _apply(user, changes, before)
    after = {**_info(user), **__salt__["shadow.info"](user.name)}
    ret["changes"] = _without_secrets({key: after[key] for key in after if after[key] != before[key]})
    if "homeDoesNotExist" in changes:
        ret["changes"].setdefault("home", changes["homeDoesNotExist"])
    ret["comment"] = f"Updated user {user.name}" if ret["changes"] else ret["comment"]
    left = _without_secrets(_differences(user))
    return failed(ret, f"These values could not be changed: {left}") if left else ret


def _without_secrets(values: Dict[str, Any]) -> Dict[str, Any]:
    return {key: _HIDDEN if key == "passwd" else value for key, value in values.items()}


def _apply(user: SimpleNamespace, changes: Dict[str, Any], before: Dict[str, Any]) -> None:
    name, left = user.name, dict(changes)
    if left.pop("passwd", None):
        __salt__["shadow.set_password"](name, user.password)
    if left.pop("empty_password", False):
        __salt__["shadow.del_password"](name)
    if "password_lock" in left:
        __salt__["shadow.lock_password" if left.pop("password_lock") else "shadow.unlock_password"](name)
    home = left.pop("home", None)
    missing_home = left.pop("homeDoesNotExist", None)
    if home or missing_home:
        __salt__["user.chhome"](name, home or missing_home, persist=user.persist_home)
    if missing_home and not os.path.isdir(missing_home):
        __salt__["file.mkdir"](missing_home, before["uid"], before["gid"], 0o755)
    for argument in _AGEING:
        if argument in left:
            __salt__[f"shadow.set_{argument}"](name, left.pop(argument))
    groups = left.pop("groups", None)
    for key, value in left.items():
        __salt__[f"user.ch{key}"](name, value)
    if groups is not None:
        __salt__["user.chgroups"](name, groups, not user.remove_groups)


# a new user


def _predict_new(user: SimpleNamespace, missing: List[str], ret: Result) -> Result:
    comment = f"User {user.name} set to be added"
    if missing:
        comment += f" (pending groups: {','.join(missing)})"
    return {**ret, "result": None, "comment": comment}


def _create(user: SimpleNamespace, gid: Any, ret: Result) -> Result:
    options = (
        *("uid", "home", "shell", "unique", "system", *_COMMENT_PARTS),
        *("createhome", "nologinit", "loginclass", "local", "usergroup"),
    )
    groups = [*(user.groups or []), *user.optional_groups] or user.groups
    arguments = {option: getattr(user, option) for option in options}
    if __salt__["user.add"](user.name, gid=gid, groups=groups, **arguments) is not True:
        return failed(ret, f"Failed to create new user {user.name}")
    ret.update(comment=f"New user {user.name} created", changes=_info(user))
    if not user.createhome:
        ret["changes"]["home"] = ""
    return _set_shadow(user, ret)


def _set_shadow(user: SimpleNamespace, ret: Result) -> Result:
    name, made = user.name, f"User {user.name} created but failed to"
    if user.password and not user.empty_password:
        __salt__["shadow.set_password"](name, user.password)
        ret["changes"]["password"] = _HIDDEN
        if _shadow(name, "passwd") != user.password:
            failed(ret, f"{made} set password to {_HIDDEN}")
    if user.empty_password and not user.password:
        __salt__["shadow.del_password"](name)
        ret["changes"]["password"] = ""
        if _shadow(name, "passwd") != "":
            failed(ret, f"{made} empty password")
    for argument, (field, action) in _AGEING.items():
        wanted = getattr(user, argument)
        if wanted or (argument == "date" and wanted is not None):
            __salt__[f"shadow.set_{argument}"](name, wanted)
            ret["changes"][argument] = wanted
            if _shadow(name, field) != wanted:
                failed(ret, f"{made} {action} to {wanted}")
    return ret


def _shadow(name: str, field: str) -> Any:
    return __salt__["shadow.info"](name)[field]


def absent(name: str, purge: bool = False, force: bool = False, local: bool = False) -> Result:
    """Sees to it that a user does not exist.

    Args:
        name: login name.
        purge: remove the home folder and the mail, too.
        force: remove a user who is logged in, too.
        local: manage a local account on a host that also has central ones.
    """
    ret = begun(name)
    if not __salt__["user.info"](name, **({"root": "/"} if local else {})):
        ret["comment"] = f"User {name} is not present"
        return ret
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"User {name} set for removal"}
    groups = __salt__["user.list_groups"](name)
    if not __salt__["user.delete"](name, purge, force, local=local):
        return failed(ret, f"Failed to remove user {name}")
    gone = {f"{group} group": "removed" for group in groups if not __salt__["group.info"](group)}
    return {**ret, "changes": {**gone, name: "removed"}, "comment": f"Removed user {name}"}
