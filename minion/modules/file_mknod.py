"""Makes devices and named pipes."""

from __future__ import annotations

import os
import stat
from typing import Any, Callable, Dict

from minion.errors import SaltInvocationError
from minion.modules._file_common import mode_bits

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"


def mknod(
    name: str, ntype: str, major: int = 0, minor: int = 0, user: Any = None, group: Any = None, mode: Any = "0600"
) -> Dict[str, Any]:
    """Makes a device or a named pipe, and the folders above it.

    Args:
        name: its path.
        ntype: `c` character device, `b` block device, `p` pipe.
        major, minor: the numbers of the device.
        user, group, mode: what it shall have.

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod /dev/chr c 180 31
        salt '*' file.mknod /dev/blk b 8 999
        salt '*' file.mknod /dev/fifo p
    """
    if ntype not in ("c", "b", "p"):
        raise SaltInvocationError(
            f"Node type unavailable: '{ntype}'. Available node types are character ('c'), block ('b'), and pipe ('p')."
        )
    __salt__["file.makedirs"](name, user, group)
    if ntype == "c":
        return mknod_chrdev(name, major, minor, user, group, mode)
    if ntype == "b":
        return mknod_blkdev(name, major, minor, user, group, mode)
    return mknod_fifo(name, user, group, mode)


def mknod_chrdev(
    name: str, major: int, minor: int, user: Any = None, group: Any = None, mode: Any = "0660"
) -> Dict[str, Any]:
    """Makes a character device.

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_chrdev /dev/chr 180 31
    """
    return _make("Character device", stat.S_IFCHR, name, os.makedev(major, minor), user, group, mode)


def mknod_blkdev(
    name: str, major: int, minor: int, user: Any = None, group: Any = None, mode: Any = "0660"
) -> Dict[str, Any]:
    """Makes a block device.

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_blkdev /dev/blk 8 999
    """
    return _make("Block device", stat.S_IFBLK, name, os.makedev(major, minor), user, group, mode)


def mknod_fifo(name: str, user: Any = None, group: Any = None, mode: Any = "0660") -> Dict[str, Any]:
    """Makes a named pipe.

    CLI Example:

    .. code-block:: bash

        salt '*' file.mknod_fifo /dev/fifo
    """
    return _make("Fifo pipe", stat.S_IFIFO, name, 0, user, group, mode)


def _make(what: str, kind: int, name: str, device: int, user: Any, group: Any, mode: Any) -> Dict[str, Any]:
    name = os.path.expanduser(name)
    ret: Dict[str, Any] = {"name": name, "changes": {}, "comment": "", "result": False}
    if __opts__.get("test"):
        ret.update(changes={"new": f"{what} {name} created."}, result=None)
        return ret
    try:
        os.mknod(name, mode_bits(mode) | kind, device)
        ret.update(changes={"new": f"{what} {name} created."}, result=True)
    except FileExistsError:
        ret["comment"] = f"File {name} exists and cannot be overwritten"
    __salt__["file.check_perms"](name, None, user, group, mode or None)
    return ret
