"""Whether paths are there, and what becomes of them if they are not wanted."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"


def absent(name: str, **kwargs: Any) -> Result:
    """Sees to it that there is no such file, link or folder; a folder goes with all that is in it.

    Args:
        name: the path.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.absent")
    if not os.path.isabs(name):
        return failed(ret, f"Specified file {name} is not an absolute path")
    if name == "/":
        return failed(ret, 'Refusing to make "/" absent')
    if not os.path.lexists(name):
        ret["comment"] = f"File {name} is not present"
        return ret
    kind = "directory" if os.path.isdir(name) and not os.path.islink(name) else "file"
    if __opts__["test"]:
        return predicted(ret, f"{kind.capitalize()} {name} is set for removal", removed=name)
    try:
        __salt__["file.remove"](name, force=True)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    ret.update(comment=f"Removed {kind} {name}", changes={"removed": name})
    return ret


def exists(name: str, **kwargs: Any) -> Result:
    """Succeeds if there is such a path; changes nothing.

    Args:
        name: the path.
    """
    return _is_there(name, "exists", True)


def missing(name: str, **kwargs: Any) -> Result:
    """Succeeds if there is no such path; changes nothing.

    Args:
        name: the path.
    """
    return _is_there(name, "missing", False)


def _is_there(name: str, function: str, wanted: bool) -> Result:
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, f"Must provide name to file.{function}")
    found = os.path.exists(name)
    if found is not wanted:
        return failed(ret, f"Specified path {name} {'exists' if found else 'does not exist'}")
    ret["comment"] = f"Path {name} {'exists' if found else 'is missing'}"
    return ret


def touch(name: str, atime: Any = None, mtime: Any = None, makedirs: bool = False) -> Result:
    """Makes an empty file if there is none, and sets its times.

    Args:
        name: the file.
        atime, mtime: when it was last read and written, in seconds since 1970; now if not given.
        makedirs: make the folders above it.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.touch")
    if not os.path.isabs(name):
        return failed(ret, f"Specified file {name} is not an absolute path")
    existed = os.path.exists(name)
    if __opts__["test"]:
        if not existed:
            return predicted(ret, f"File {name} is set to be created", new=name)
        status = __salt__["file.stats"](name, follow_symlinks=False)
        if _differs(atime, status["atime"]) or _differs(mtime, status["mtime"]):
            return predicted(ret, f"Times set to be updated on file {name}", touched=name)
        # A real run sets the times again, to now.
        ret.update(comment=f"File {name} exists and has the correct times", changes={"new": name})
        return ret
    if makedirs:
        __salt__["file.makedirs"](name)
    if not os.path.isdir(os.path.dirname(name)):
        return failed(ret, f"Directory not present to touch file {name}")
    ret["result"] = __salt__["file.touch"](name, atime, mtime)
    if existed:
        ret["comment"] = f"Updated times on {'directory' if os.path.isdir(name) else 'file'} {name}"
    else:
        ret["comment"] = f"Created empty file {name}"
    ret["changes"]["touched" if existed else "new"] = name
    return ret


def _differs(wanted: Any, present: float) -> bool:
    return wanted is not None and str(wanted) != str(present)


def pruned(name: str, recurse: bool = False, ignore_errors: bool = False, older_than: Optional[int] = None) -> Result:
    """Sees to it that there is no such empty folder.

    Args:
        name: the folder.
        recurse: remove the empty folders in it before.
        ignore_errors: folders that are not empty are no failure; implies `recurse`.
        older_than: leave folders that changed within that many days.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    recurse = recurse or ignore_errors
    if not os.path.isdir(name):
        ret["comment"] = f"Directory {name} is not present"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"Directory {name} is set for removal", deleted=name)
    outcome = __salt__["file.rmdir"](name, recurse=recurse, verbose=True, older_than=older_than)
    succeeded, deleted = outcome.pop("result"), sorted(outcome["deleted"])
    if recurse and deleted and (succeeded or ignore_errors):
        ret.update(comment=f"Recursively removed empty directories under {name}", changes={"deleted": deleted})
    elif succeeded and not recurse:
        ret.update(comment=f"Removed directory {name}", changes={"deleted": name})
    elif not succeeded:
        ret["changes"] = outcome
        failed(ret, f"Failed to remove directory {name}")
    return ret
