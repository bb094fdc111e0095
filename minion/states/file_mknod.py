"""Devices and named pipes."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"

# letter -> what it is, in a sentence and at the beginning of one, and the function that tells whether a path is one
_KINDS = {
    "c": ("character device", "Character device", "file.is_chrdev"),
    "b": ("block device", "Block device", "file.is_blkdev"),
    "p": ("fifo pipe", "Fifo pipe", "file.is_fifo"),
}


def mknod(
    name: str, ntype: str, major: int = 0, minor: int = 0, user: Any = None, group: Any = None, mode: Any = "0600"
) -> Result:
    """Sees to it that there is a device or a named pipe.

    Args:
        name: its path; the folders above it are made if need be.
        ntype: `c` character device, `b` block device, `p` pipe.
        major, minor: the numbers of the device; another device is not replaced.
        user, group, mode: what it shall have.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.mknod")
    if ntype not in _KINDS:
        return failed(
            ret,
            f"Node type unavailable: '{ntype}'. Available node types are character ('c'), block ('b'), and pipe ('p')",
        )
    kind, title, is_one = _KINDS[ntype]
    if os.path.isfile(name):
        return failed(ret, f"File {name} exists and is not a {kind}. Refusing to continue")
    if not __salt__[is_one](name):
        if __opts__["test"]:
            return predicted(ret, f"{title} {name} is set to be created")
        made: Result = __salt__["file.mknod"](name, ntype, major, minor, user, group, mode)
        return made
    numbers = __salt__["file.get_devmm"](name)
    if ntype != "p" and tuple(numbers) != (major, minor):
        found = f"exists and has a different major/minor {numbers[0]}/{numbers[1]}"
        return failed(ret, f"{title} {name} {found}. Refusing to continue")
    checked: Result = __salt__["file.check_perms"](name, None, user, group, mode)[0]
    if not checked["changes"]:
        checked["comment"] = f"{title} {name} is in the correct state"
    return checked
