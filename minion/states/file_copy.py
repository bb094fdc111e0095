"""Copies of the minion's own files, and other names for them."""

from __future__ import annotations

import os
import shutil
import tempfile
from types import SimpleNamespace
from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.modules._file_common import enterable
from minion.states._file import Refused, default_owner, octal_mode, owner_given, unknown_owner
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"
__func_alias__ = {"copy_": "copy"}


def copy_(
    name: str,
    source: str,
    force: bool = False,
    makedirs: bool = False,
    preserve: bool = False,
    user: Any = None,
    group: Any = None,
    mode: Any = None,
    dir_mode: Any = None,
    subdir: bool = False,
    **kwargs: Any,
) -> Result:
    """Copies a file or folder of the minion's own, if there is nothing at the destination yet.

    Args:
        name: the destination.
        source: what to copy.
        force: replace what is at the destination.
        makedirs: make the folders above it.
        preserve: the copy has owner and permissions of the source.
        user, group: to whom the copy belongs; the minion's user if not given.
        mode: permissions of the copy; those of the source if not given.
        dir_mode: permissions of new folders; if not given, `mode` with the right to enter them.
        subdir: if the destination is a folder, copy into it.
    """
    given = SimpleNamespace(**locals())
    given.name, given.source = os.path.expanduser(name), os.path.expanduser(source)
    ret = begun(given.name)
    try:
        _prepare(given)
        return _copy(given, ret)
    except Refused as exc:
        return failed(ret, str(exc))


def _prepare(given: SimpleNamespace) -> None:
    if not given.name:
        raise Refused("Must provide name to file.copy")
    if not os.path.isabs(given.name):
        raise Refused(f"Specified file {given.name} is not an absolute path")
    if not os.path.exists(given.source):
        raise Refused(f'Source file "{given.source}" is not present')
    status = __salt__["file.stats"](given.source)
    if given.preserve:
        given.user, given.group, given.mode = status["user"], status["group"], status["mode"]
    else:
        user = owner_given(given.user, given.kwargs)
        given.user, given.group = default_owner(__salt__, __opts__, user, given.group)
        complaint = unknown_owner(__salt__, bool(__opts__["test"]), given.user, given.group)
        if complaint:
            raise Refused(complaint)
        given.mode = status["mode"] if given.mode is None else octal_mode(given.mode)
    if given.subdir and os.path.isdir(given.name):
        given.name = os.path.join(given.name, os.path.basename(given.source))


def _copy(given: SimpleNamespace, ret: Result) -> Result:
    name, source = given.name, given.source
    if os.path.lexists(name) and not given.force:
        ret["comment"] = f'The target file "{name}" exists and will not be overwritten'
        return ret
    if __opts__["test"]:
        return predicted(ret, f'File "{source}" is set to be copied to "{name}"')
    ret["comment"] = f'Copied "{source}" to "{ret["name"]}"'
    if os.path.isfile(name) and os.path.isfile(source) and _digest(name) == _digest(source):
        ret["comment"] += " - files are identical but force flag is set"
    dir_mode = enterable(given.mode) if given.dir_mode is None else given.dir_mode
    _make_folder(name, given.makedirs, user=given.user, group=given.group, mode=dir_mode)
    if os.path.isdir(source) and os.path.realpath(name).startswith(os.path.join(os.path.realpath(source), "")):
        raise Refused(f'Failed to copy "{source}" to "{name}", which lies in it')
    try:
        _put_copy(given)
    except (OSError, CommandExecutionError) as exc:
        raise Refused(f'Failed to copy "{source}" to "{name}"') from exc
    ret["changes"] = {name: source}
    if given.preserve:
        __salt__["file.check_perms"](name, None, given.user, given.group, given.mode)
    else:
        ret, _ = __salt__["file.check_perms"](name, ret, given.user, given.group, given.mode)
    return ret


def _digest(path: str) -> str:
    return str(__salt__["file.get_hash"](path))


def _make_folder(name: str, makedirs: bool, **owner: Any) -> None:
    folder = os.path.dirname(name)
    if os.path.isdir(folder):
        return
    if not makedirs:
        raise Refused(f"The target directory {folder} is not present")
    __salt__["file.makedirs"](name, **owner)


def _put_copy(given: SimpleNamespace) -> None:
    """Makes the copy beside its place, so that what is there stays until the copy is complete."""
    scratch = tempfile.mkdtemp(prefix=".", dir=os.path.dirname(given.name))
    copy = os.path.join(scratch, "copy")
    try:
        if os.path.isdir(given.source):
            shutil.copytree(given.source, copy, symlinks=True)
            for folder, folders, names in os.walk(copy):
                for name in [*folders, *names]:
                    __salt__["file.lchown"](os.path.join(folder, name), given.user, given.group)
        else:
            shutil.copy(given.source, copy)
        if os.path.lexists(given.name):
            __salt__["file.remove"](given.name)
        os.rename(copy, given.name)
    finally:
        shutil.rmtree(scratch)


def rename(name: str, source: str, force: bool = False, makedirs: bool = False, **kwargs: Any) -> Result:
    """Moves a file or folder of the minion's own, if it is still there and nothing is at the destination yet.

    Args:
        name: the destination; `~` and environment variables in it are expanded.
        source: what to move, likewise.
        force: replace what is at the destination.
        makedirs: make the folders above it.
    """
    name, source = (os.path.expandvars(os.path.expanduser(path)) for path in (name, source))
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.rename")
    if not os.path.isabs(name):
        return failed(ret, f"Specified file {name} is not an absolute path")
    if not os.path.lexists(source):
        ret["comment"] = f'Source file "{source}" has already been moved out of place'
        return ret
    if os.path.lexists(name) and not force:
        ret["comment"] = f'The target file "{name}" exists and will not be overwritten'
        return ret
    if __opts__["test"]:
        return predicted(ret, f'File "{source}" is set to be moved to "{name}"')
    try:
        _make_folder(name, makedirs)
        _move(source, name)
    except Refused as exc:
        return failed(ret, str(exc))
    except (OSError, CommandExecutionError):
        return failed(ret, f'Failed to move "{source}" to "{name}"')
    ret.update(comment=f'Moved "{source}" to "{name}"', changes={name: source})
    return ret


def _move(source: str, name: str) -> None:
    try:
        os.rename(source, name)
    except OSError:  # a folder is in the place, or it is on another file system
        if os.path.lexists(name):
            __salt__["file.remove"](name)
        shutil.move(source, name)
