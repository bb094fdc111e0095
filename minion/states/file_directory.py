"""Folders, and what all that is in them has in common."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Sequence, Set, Tuple

from minion.errors import CommandExecutionError
from minion.states._file import Refused, octal_mode, owner_given, unknown_owner
from minion.states._file_clean import Walk, doomed, remove_doomed, required_paths, walk
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__lowstate__: Sequence[Dict[str, Any]]
__env__: str
__virtualname__ = "file"

_RECURSE_TYPES = ("user", "group", "mode", "ignore_files", "ignore_dirs", "silent")


def directory(
    name: str,
    user: Any = None,
    group: Any = None,
    recurse: Any = None,
    max_depth: Optional[int] = None,
    dir_mode: Any = None,
    file_mode: Any = None,
    makedirs: bool = False,
    clean: bool = False,
    require: Any = None,
    exclude_pat: Any = None,
    follow_symlinks: bool = False,
    force: bool = False,
    backupname: Optional[str] = None,
    allow_symlink: bool = True,
    children_only: bool = False,
    win_owner: Any = None,
    win_perms: Any = None,
    win_deny_perms: Any = None,
    win_inheritance: bool = True,
    win_perms_reset: bool = False,
    **kwargs: Any,
) -> Result:
    """Sees to it that a folder exists, with owner and mode.

    Args:
        name: the folder.
        user, group: to whom it belongs.
        recurse: what holds for all that is in it too: a list of `user`, `group`, `mode`; `ignore_files` or
            `ignore_dirs` leave those alone, `silent` does not tell what has changed.
        max_depth: how deep to recurse.
        dir_mode: permissions of folders; `mode` is another name for it.
        file_mode: permissions of files, for `recurse`; those of folders if not given.
        makedirs: make the folders above it.
        clean: remove all that is in it, except what the required `file` states put there.
        require: these requisites name those states.
        exclude_pat: `clean` leaves paths that match: a glob, or a regular expression after `E@`; or a list of them.
        follow_symlinks: of a link, change owner and mode of what it leads to.
        force: remove a file or link that is in the way.
        backupname: rename a file or link that is in the way to this.
        allow_symlink: a link to a folder will do.
        children_only: leave the folder itself as it is, and change only what is in it.
        win_owner, win_perms, win_deny_perms, win_inheritance, win_perms_reset: of no effect but on Windows.
        kwargs: `mode`, see `dir_mode`.
    """
    folder = SimpleNamespace(**locals())
    ret = begun(os.path.expanduser(name))
    folder.name = name = _without_slash(ret["name"])
    folder.test = bool(__opts__["test"])
    try:
        _prepare(folder)
        if _make_way(folder, ret):
            return ret
        result, comment, changes = _check(folder)
    except Refused as exc:
        return failed(ret, str(exc))
    ret["changes"].update(changes)
    if folder.test or not ret["changes"]:
        ret.update(result=result, comment=comment)
        return ret
    if not os.path.isdir(name):
        return _make(folder, ret)
    return _apply(folder, ret)


def _without_slash(name: str) -> str:
    return name[:-1] if name.endswith("/") and name != "/" else name


def _prepare(folder: SimpleNamespace) -> None:
    if not folder.name:
        raise Refused("Must provide name to file.directory")
    if folder.max_depth is not None and folder.clean:
        raise Refused("Cannot specify both max_depth and clean")
    folder.user = owner_given(folder.user, folder.kwargs)
    dir_mode = folder.dir_mode or folder.kwargs.get("mode")
    folder.file_mode = octal_mode(folder.file_mode or dir_mode)
    folder.dir_mode = octal_mode(dir_mode)
    complaint = unknown_owner(__salt__, folder.test, folder.user, folder.group)
    if complaint:
        raise Refused(complaint)
    if not os.path.isabs(folder.name):
        raise Refused(f"Specified file {folder.name} is not an absolute path")


def _make_way(folder: SimpleNamespace, ret: Result) -> bool:
    """Removes or renames what is in the place of the folder. In test mode, True if that is all to be told."""
    name, is_link = folder.name, os.path.islink(folder.name)
    if not (os.path.isfile(name) or (is_link and (folder.force or not folder.allow_symlink))):
        return False
    if folder.backupname is not None:
        return _keep_backup(folder, ret)
    if not folder.force:
        raise Refused(f"Specified location {name} exists and is a {'file' if os.path.isfile(name) else 'symlink'}")
    what = "File" if os.path.isfile(name) else "Symlink"
    if not folder.test:
        os.remove(name)
    ret["changes"]["forced"] = f"{what} {'would be' if folder.test else 'was'} forcibly replaced"
    return False


def _keep_backup(folder: SimpleNamespace, ret: Result) -> bool:
    name, backup = folder.name, folder.backupname
    if os.path.lexists(backup):
        if not folder.force:
            raise Refused(f"File exists where the backup target {backup} should go")
        if folder.test:
            ret["changes"]["forced"] = f"Existing file at backup path {backup} would be removed"
        else:
            __salt__["file.remove"](backup)
    if not folder.test:
        os.rename(name, backup)
        return False
    ret["changes"].update({"backup": f"{name} would be renamed to {backup}", name: {"directory": "new"}})
    ret.update(result=None, comment=f"{name} would be backed up and replaced with a new directory")
    return True


# what would change


def _check(folder: SimpleNamespace) -> Tuple[Optional[bool], str, Dict[str, Any]]:
    """What is wrong with the folder and what is in it: result, comment and changes of test mode."""
    name, changes = folder.name, {}
    user, group, dir_mode, file_mode = folder.user, folder.group, folder.dir_mode, folder.file_mode
    if folder.recurse:
        wanted = _recurse_types(folder.recurse)
        user, group = user if "user" in wanted else None, group if "group" in wanted else None
        dir_mode, file_mode = (dir_mode, file_mode) if "mode" in wanted else (None, None)
        for path, mode in _members(walk(name, folder.max_depth), wanted, dir_mode, file_mode):
            changes[path] = _differences(path, user, group, mode, folder.follow_symlinks)
    if not folder.children_only:
        changes[name] = _differences(name, user, group, dir_mode, folder.follow_symlinks)
    if folder.clean:
        changes.update({path: {"removed": "Removed due to clean"} for path in _doomed(folder)})
    if not os.path.isdir(name):
        changes[name] = {"directory": "new"}
    changes = {path: differences for path, differences in changes.items() if differences}
    if not changes:
        return True, f"The directory {name} is in the correct state", {}
    told = [f"{path}: {key} - {value}\n" for path, parts in changes.items() for key, value in parts.items()]
    return None, "".join(["The following files will be changed:\n", *told]), changes


def _recurse_types(recurse: Any) -> Set[str]:
    if not isinstance(recurse, list):
        raise Refused('"recurse" must be formed as a list of strings')
    if any(kind not in _RECURSE_TYPES for kind in recurse):
        types = ", ".join(f'"{kind}"' for kind in _RECURSE_TYPES)
        raise Refused(f'Types for "recurse" limited to {types}.')
    if "ignore_files" in recurse and "ignore_dirs" in recurse:
        raise Refused('Must not specify "recurse" options "ignore_files" and "ignore_dirs" at the same time.')
    return set(recurse)


def _members(found: Walk, wanted: Set[str], dir_mode: Any, file_mode: Any) -> List[Tuple[str, Any]]:
    """Paths of what is in the folder, each with the mode it shall have."""
    members: List[Tuple[str, Any]] = []
    for parent, folders, names in found:
        if "ignore_files" not in wanted:
            members += [(os.path.join(parent, each), file_mode) for each in names]
        if "ignore_dirs" not in wanted:
            members += [(os.path.join(parent, each), dir_mode) for each in folders]
    return members


def _differences(path: str, user: Any, group: Any, mode: Any, follow_symlinks: bool) -> Dict[str, Any]:
    try:
        status = __salt__["file.stats"](path, None, follow_symlinks)
    except CommandExecutionError:
        return {"directory": "new"}
    found: Dict[str, Any] = {}
    if user is not None and user not in (status["user"], status["uid"]):
        found["user"] = user
    if group is not None and group not in (status["group"], status["gid"]):
        found["group"] = group
    if mode is not None and mode != status["mode"] and (follow_symlinks or status["type"] != "link"):
        found["mode"] = mode
    return found


def _doomed(folder: SimpleNamespace) -> List[str]:
    if not os.path.isdir(folder.name):
        return []
    kept = required_paths(__salt__, folder.name, folder.require, __lowstate__, __env__)
    return doomed(folder.name, kept, folder.exclude_pat)


# for real


def _make(folder: SimpleNamespace, ret: Result) -> Result:
    name, parent = folder.name, os.path.dirname(folder.name)
    if not os.path.isdir(parent):
        if not folder.makedirs:
            return failed(ret, f"No directory to create {name} in")
        __salt__["file.makedirs"](name, user=folder.user, group=folder.group, mode=folder.dir_mode)
    __salt__["file.mkdir"](name, user=folder.user, group=folder.group, mode=folder.dir_mode)
    if not os.path.isdir(name):
        return failed(ret, f"Failed to create directory {name}")
    ret["changes"][name] = {"directory": "new"}
    return ret


def _apply(folder: SimpleNamespace, ret: Result) -> Result:
    name = folder.name
    errors: List[str] = []
    if not folder.children_only:
        ret, _ = __salt__["file.check_perms"](
            name, ret, folder.user, folder.group, folder.dir_mode, None, folder.follow_symlinks
        )
    if folder.recurse:
        ret, errors = _apply_to_members(folder, ret)
    if folder.clean:
        removed = remove_doomed(__salt__, _doomed(folder))
        if removed:
            ret["changes"]["removed"] = removed
            ret["comment"] = f"Files cleaned from directory {name}"
    if not ret["comment"]:
        ret["comment"] = f"Directory {name}/* updated" if folder.children_only else f"Directory {name} updated"
    if errors:
        listed = "".join(f"\n- {error}" for error in errors)
        failed(ret, f"{ret['comment']}\n\nThe following errors were encountered:\n{listed}")
    return ret


def _apply_to_members(folder: SimpleNamespace, ret: Result) -> Tuple[Result, List[str]]:
    """Gives what is in the folder owner and mode; the result, and what went wrong."""
    wanted = _recurse_types(folder.recurse)
    for kind in ("user", "group"):
        if kind in wanted and not getattr(folder, kind) and not isinstance(getattr(folder, kind), int):
            failed(ret, f"{kind} not specified, but configured as a target for recursive ownership management")
    user, group = (getattr(folder, kind) if kind in wanted else None for kind in ("user", "group"))
    dir_mode, file_mode = (folder.dir_mode, folder.file_mode) if "mode" in wanted else (None, None)
    if "silent" in wanted:
        ret["changes"] = {"recursion": "Changes silenced"}
    errors: List[str] = []
    for path, mode in _members(walk(folder.name, folder.max_depth), wanted, dir_mode, file_mode):
        try:
            ret, _ = __salt__["file.check_perms"](path, ret, user, group, mode, None, folder.follow_symlinks)
        except CommandExecutionError as exc:
            if not str(exc).startswith("Path not found"):
                errors.append(str(exc))
    return ret, errors
