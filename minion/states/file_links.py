"""Symbolic and hard links."""

from __future__ import annotations

import os
import shutil
import tempfile
from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional, Tuple

from minion.errors import CommandExecutionError
from minion.states._file import Refused, default_owner, octal_mode, owner_given
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"

Check = Tuple[Optional[bool], str, Dict[str, Any]]


def symlink(
    name: str,
    target: str,
    force: bool = False,
    backupname: Optional[str] = None,
    makedirs: bool = False,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    win_owner: Any = None,
    win_perms: Any = None,
    win_deny_perms: Any = None,
    win_inheritance: Any = None,
    atomic: bool = False,
    disallow_copy_and_unlink: bool = False,
    inherit_user_and_group: bool = False,
    follow_symlinks: bool = True,
    **kwargs: Any,
) -> Result:
    """Sees to it that a symbolic link leads somewhere.

    Args:
        name: the link.
        target: where it leads to; that need not exist.
        force: remove what is in its place.
        backupname: rename what is in its place to this: a path, or a name in the same folder.
        makedirs: make the folders above it.
        user, group: to whom the link belongs; the minion's user if not given.
        mode: permissions of new folders.
        atomic: replace what is in its place without a moment in which there is nothing.
        disallow_copy_and_unlink: `backupname` must be on the same file system.
        inherit_user_and_group: a link that exists keeps user and group that are not given.
        follow_symlinks: a link that leads nowhere does not count as being in the place.
        win_owner, win_perms, win_deny_perms, win_inheritance: of no effect but on Windows.
    """
    link = SimpleNamespace(**locals())
    link.name = name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.symlink")
    user = owner_given(user, kwargs)
    if inherit_user_and_group and os.path.islink(name):
        owner = _owner(name)
        user, group = owner[0] if user is None else user, owner[1] if group is None else group
    link.user, link.group = default_owner(__salt__, __opts__, user, group)
    exists = os.path.exists if follow_symlinks else os.path.lexists
    link.is_blocked = exists(name) and not os.path.islink(name)
    try:
        _refuse_wrong_arguments(link.user, link.group, {"file": name})
        if __opts__["test"]:
            result, comment, changes = _check_symlink(link)
            ret.update(result=result, comment=comment + _folder_to_come(name, makedirs), changes=changes)
            return ret
        _make_folder(name, makedirs, link.user, link.group, octal_mode(mode), "symlink")
        if os.path.islink(name) and _leads_to(name, target):
            return _owned(ret, name, link.user, link.group)
        _put_symlink(link)
    except Refused as exc:
        return failed(ret, str(exc))
    except (CommandExecutionError, OSError) as exc:
        return failed(ret, f"Unable to create new symlink {name} -> {target}: {exc}")
    ret.update(comment=f"Created new symlink {name} -> {target}", changes={"new": name})
    if not _belongs_to(name, link.user, link.group) and not _give(name, link.user, link.group):
        failed(ret, f"{ret['comment']}, but was unable to set ownership to {link.user}:{link.group}")
    return ret


def _put_symlink(link: SimpleNamespace) -> None:
    """Makes the link, in the place of another link or of what may be replaced too."""
    name, is_link = link.name, os.path.islink(link.name)
    if link.is_blocked and link.backupname is not None:
        _back_up(link)
    elif link.is_blocked and not link.force and not link.atomic:
        kind = "File" if os.path.isfile(name) else "Directory" if os.path.isdir(name) else "File system entry"
        raise Refused(f"{kind} exists where the symlink {name} should be")
    __salt__["file.symlink"](link.target, name, link.force or is_link, link.atomic, link.follow_symlinks)


def _refuse_wrong_arguments(user: Any, group: Any, paths: Dict[str, str]) -> None:
    complaints = []
    if __salt__["file.user_to_uid"](user) == "":
        complaints.append(f"User {user} does not exist")
    if __salt__["file.group_to_gid"](group) == "":
        complaints.append(f"Group {group} does not exist")
    complaints += [
        f"Specified {what} {path} is not an absolute path" for what, path in paths.items() if not os.path.isabs(path)
    ]
    if complaints:
        raise Refused(". ".join(complaints) + ("." if len(complaints) > 1 else ""))


def _owner(path: str) -> Tuple[Any, Any]:
    status = __salt__["file.stats"](path, None, follow_symlinks=False)
    return status["user"], status["group"]


def _belongs_to(path: str, user: Any, group: Any) -> bool:
    status = __salt__["file.stats"](path, None, follow_symlinks=False)
    return user in (status["user"], status["uid"]) and group in (status["group"], status["gid"])


def _give(path: str, user: Any, group: Any) -> bool:
    try:
        __salt__["file.lchown"](path, user, group)
    except OSError:
        return False
    return _belongs_to(path, user, group)


def _leads_to(link: str, target: str) -> bool:
    return os.path.normpath(os.readlink(link)) == os.path.normpath(target)


def _check_symlink(link: SimpleNamespace) -> Check:
    """Result, comment and changes of test mode."""
    name, target = link.name, link.target
    if os.path.islink(name):
        if not _leads_to(name, target):
            return None, f"Link {name} target is set to be changed to {target}", {"change": name}
        if _belongs_to(name, link.user, link.group):
            return True, f"The symlink {name} is present", {}
        now = ":".join(map(str, _owner(name)))
        comment = (
            f"The symlink {name} is present, but the ownership of the symlink would be changed from {now} to "
            f"{link.user}:{link.group}"
        )
        return None, comment, {"ownership": now}
    if not link.is_blocked:
        return None, f"Symlink {name} to {target} is set for creation", {"new": name}
    return _check_blocked(link)


def _check_blocked(link: SimpleNamespace) -> Check:
    """The same, if something that is no link is in the place."""
    name, target, is_folder = link.name, link.target, os.path.isdir(link.name)
    stays = f"File or directory exists where the symlink {name} should be. Did you mean to use force?"
    if link.backupname is not None:
        try:
            backup = _backup_path(link)
        except Refused:
            return False, stays, {}
        if not link.force:
            comment = f"{name} is set to be renamed to {backup} to make way for a new symlink targeting {target}"
            return None, comment, {}
    elif is_folder and link.force:
        return False, f"Directory exists where the symlink {name} should be", {}
    if link.force or (link.atomic and not is_folder):
        comment = f"The file or directory {name} is set for removal to make way for a new symlink targeting {target}"
        return None, comment, {}
    return False, stays, {}


def _folder_to_come(name: str, makedirs: bool) -> str:
    folder = os.path.dirname(name)
    if os.path.isdir(folder):
        return ""
    return f"\n{folder} will be created" if makedirs else f"\nDirectory {folder} for symlink is not present"


def _make_folder(name: str, makedirs: bool, user: Any, group: Any, mode: Any, what: str) -> None:
    folder = os.path.dirname(name)
    if os.path.isdir(folder):
        return
    if not makedirs:
        raise Refused(f"Directory {folder} for {what} is not present")
    __salt__["file.makedirs"](name, user=user, group=group, mode=mode)


def _owned(ret: Result, name: str, user: Any, group: Any) -> Result:
    if _belongs_to(name, user, group):
        ret["comment"] = f"Symlink {name} is present and owned by {user}:{group}"
    elif _give(name, user, group):
        ret["comment"] = f"Set ownership of symlink {name} to {user}:{group}"
        ret["changes"]["ownership"] = f"{user}:{group}"
    else:
        failed(ret, f"Failed to set ownership of symlink {name} to {user}:{group}")
    return ret


def _backup_path(link: SimpleNamespace) -> str:
    """Where to keep what is in the place of a link."""
    backup = str(link.backupname)
    if not os.path.isabs(backup):
        if backup != os.path.basename(backup):
            raise Refused(f"Backupname must be an absolute path or a file name: {backup}")
        backup = os.path.join(os.path.dirname(os.path.normpath(link.name)), backup)
    if os.path.lexists(backup) and not link.force:
        raise Refused(
            f"Symlink & backup dest exists and Force not set. {link.name} -> {link.target} - backup: {backup}"
        )
    return backup


def _back_up(link: SimpleNamespace) -> None:
    backup = _backup_path(link)
    if os.path.lexists(backup):
        __salt__["file.remove"](backup)
    try:
        __salt__["file.move"](link.name, backup, disallow_copy_and_unlink=link.disallow_copy_and_unlink)
    except CommandExecutionError as exc:
        raise Refused(f"Unable to rename {link.name} to backup {backup} -> : {exc}") from exc


# hard links


def hardlink(
    name: str,
    target: str,
    force: bool = False,
    makedirs: bool = False,
    user: Any = None,
    group: Any = None,
    dir_mode: Any = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a file has another name.

    Args:
        name: the other name.
        target: the file.
        force: remove a file that is in its place.
        makedirs: make the folders above it.
        user, group: to whom new folders belong; the minion's user if not given.
        dir_mode: permissions of new folders.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.hardlink")
    user, group = default_owner(__salt__, __opts__, owner_given(user, kwargs), group)
    try:
        _refuse_wrong_arguments(user, group, {"file": name, "target": target})
        if __opts__["test"]:
            result, comment, changes = _check_hardlink(name, target, force)
            ret.update(result=result, comment=comment, changes=changes)
            return ret
        _refuse_folders(name, target)
        _make_folder(name, makedirs, user, group, octal_mode(dir_mode), "hard link")
        return _link(ret, name, target, force)
    except Refused as exc:
        return failed(ret, str(exc))


def _refuse_folders(name: str, target: str) -> None:
    for direction, path in (("to", name), ("from", target)):
        if os.path.isdir(path):
            raise Refused(f"Unable to hard link {direction} directory {path}")
    if not os.path.exists(target):
        raise Refused(f"Target {target} for hard link does not exist")


def _link(ret: Result, name: str, target: str, force: bool) -> Result:
    verb = "Created new hard link"
    if __salt__["file.is_hardlink"](name):
        if os.path.samestat(os.lstat(name), os.lstat(target)):
            ret["comment"] = f"Target of hard link {name} is already pointing to {target}"
            return ret
        verb = "Set target of hard link"
    elif os.path.lexists(name):
        if not force:
            raise Refused(f"File exists where the hard link {name} should be")
        ret["changes"]["forced"] = "File for hard link was forcibly replaced"
    try:
        _put_link(target, name)
    except (CommandExecutionError, OSError) as exc:
        undone = "create new" if verb.startswith("Created") else "set target of"
        raise Refused(f"Unable to {undone} hard link {name} -> {target}: {exc}") from exc
    ret["comment"] = f"{verb} {name} -> {target}"
    ret["changes"]["new"] = name
    return ret


def _put_link(target: str, name: str) -> None:
    """Makes a hard link, in the place of a file too; that stays if no link can be made."""
    if not os.path.lexists(name):
        __salt__["file.link"](target, name)
        return
    folder = tempfile.mkdtemp(prefix=".", dir=os.path.dirname(name))
    try:
        __salt__["file.link"](target, os.path.join(folder, "link"))
        os.replace(os.path.join(folder, "link"), name)
    finally:
        shutil.rmtree(folder)


def _check_hardlink(name: str, target: str, force: bool) -> Check:
    """Result, comment and changes of test mode."""
    if not os.path.exists(target):
        return False, f"Target {target} for hard link does not exist", {}
    if os.path.isdir(target):
        return False, f"Unable to hard link from directory {target}", {}
    if os.path.isdir(name):
        return False, f"Unable to hard link to directory {name}", {}
    if not os.path.exists(name):
        return None, f"Hard link {name} to {target} is set for creation", {"new": name}
    if __salt__["file.is_hardlink"](name):
        if os.path.samestat(os.lstat(name), os.lstat(target)):
            return True, f"The hard link {name} is presently targetting {target}", {}
        return None, f"Link {name} target is set to be changed to {target}", {"change": name}
    if force:
        comment = f"The file or directory {name} is set for removal to make way for a new hard link targeting {target}"
        return None, comment, {}
    return False, f"File or directory exists where the hard link {name} should be. Did you mean to use force?", {}
