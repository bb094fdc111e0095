"""Disks and file systems: how full they are, what they are, and how to make them."""

from __future__ import annotations

import logging
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Sequence

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _mounts, _tools

__salt__: Dict[str, Callable[..., Any]]
__func_alias__ = {"format_": "format"}

log = logging.getLogger(__name__)

_DF_FLAGS = "aBhHiklPtTxv"
_DF_ROW = re.compile(r"(\S.*?)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d+%|-)\s+(/.*)")
_BLKID_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_FACTS = (
    "getro",
    "getsz",
    "getss",
    "getpbsz",
    "getiomin",
    "getioopt",
    "getalignoff",
    "getmaxsect",
    "getsize",
    "getsize64",
    "getra",
    "getfra",
)
# setting -> option of blockdev, the fact that shows it
_SETTINGS = {
    "read-ahead": ("setra", "getra"),
    "filesystem-read-ahead": ("setfra", "getfra"),
    "read-only": ("setro", "getro"),
    "read-write": ("setrw", "getro"),
}


def usage(args: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """Mount point -> how full the file system is, in kilobytes.

    Args:
        args: flags for df, as letters.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.usage
    """
    keys = ("filesystem", "1K-blocks", "used", "available", "capacity")
    return {row[5]: dict(zip(keys, row)) for row in _df(["-P"], args, "disk.usage")}


def inodeusage(args: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """Mount point -> how many of the file system's inodes are used.

    Args:
        args: flags for df, as letters.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.inodeusage
    """
    keys = ("filesystem", "inodes", "used", "free", "use")
    return {row[5]: dict(zip(keys, row)) for row in _df(["-P", "-i"], args, "disk.inodeusage")}


def percent(args: Optional[str] = None) -> Any:
    """Mount point -> how full the file system is, in percent.

    Args:
        args: only tell of the file system that is mounted here.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.percent /var
    """
    found = {row[5]: row[4] for row in _df(["-P"], None, "disk.percent")}
    if not args:
        return found
    if args not in found:
        log.error("Problem parsing disk usage information: Partition '%s' does not exist!", args)
        return {}
    return found[args]


def _df(options: List[str], flags: Optional[str], caller: str) -> Iterator[Sequence[str]]:
    """Rows of df: device, size, used, free, percent, mount point."""
    if any(flag not in _DF_FLAGS for flag in flags or ""):
        raise CommandExecutionError(f"Invalid flag passed to {caller}")
    command = ["df", *options, *([f"-{flags}"] if flags else [])]
    done = _tools.result(__salt__, command, ignore_retcode=True)
    rows = [row.groups() for row in map(_DF_ROW.fullmatch, done["stdout"].splitlines()[1:]) if row]
    if not rows and done["retcode"]:  # one mount that can't be looked at is no reason to hide the others
        raise CommandExecutionError(_tools.failure(command, done))
    return iter(rows)


def blkid(device: Optional[str] = None, token: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """Device -> UUID, LABEL, TYPE, ... of what is on it.

    Args:
        device: only of this device.
        token: only of devices with this property, as NAME=value.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.blkid
        salt '*' disk.blkid /dev/sda
        salt '*' disk.blkid token='UUID=6a38ee5-7235-44e7-8b22-816a403bad5d'
    """
    chosen = [device] if device else (["-t", token] if token else [])
    done = _tools.result(__salt__, ["blkid", *chosen], ignore_retcode=True)  # 2: nothing was found
    return _parse_blkid(done["stdout"]) if done["retcode"] == 0 else {}


def _parse_blkid(output: str) -> Dict[str, Dict[str, str]]:
    found = {}
    for line in output.splitlines():
        name, _, properties = line.partition(": ")
        pairs = _BLKID_PAIR.findall(properties)
        found[name] = {key: re.sub(r"\\(.)", r"\1", value) for key, value in pairs}
    return found


def fstype(device: str) -> str:
    """The type of the file system on a device, or at a mount point; empty if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.fstype /dev/sdX1
    """
    kind = blkid(device).get(device, {}).get("TYPE", "") if _tools.which("blkid") else ""
    mounts = (one.fstype for one in reversed(_mounts.mounted()) if device in (one.device, one.path))
    return kind or next(mounts, "")


def get_fstype_from_path(path: str) -> str:
    """The type of the file system a path lies on.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.get_fstype_from_path /root
    """
    return fstype(__salt__["mount.get_mount_from_path"](path))


def dump(device: str, args: Optional[Sequence[str]] = None) -> Any:
    """What blockdev tells of a device; False if it tells nothing.

    Args:
        device: path of the device.
        args: only these facts.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.dump /dev/sda1
    """
    done = _tools.result(__salt__, ["blockdev", *(f"--{fact}" for fact in _FACTS), device])
    if done["retcode"]:
        return False
    found = dict(zip(_FACTS, done["stdout"].split()))
    return {fact: found[fact] for fact in args} if args else found


def tune(device: str, **kwargs: Any) -> Any:
    """Sets properties of a device, and returns them.

    Args:
        device: path of the device.
        read-ahead: sectors to read ahead.
        filesystem-read-ahead: sectors that file systems read ahead.
        read-only: True.
        read-write: True.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.tune /dev/sda1 read-ahead=1024 read-write=True
    """
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    switches = ("read-only", "read-write")
    invalid = [
        f"{key}={value}"
        for key, value in given.items()
        if key not in _SETTINGS or (key in switches and str(value) != "True")
    ]
    if invalid:
        raise SaltInvocationError(f"Invalid keyword arguments: {', '.join(invalid)}")
    options: List[str] = []
    for key, value in given.items():
        options += [f"--{_SETTINGS[key][0]}", *([] if key in switches else [str(value)])]
    if options:
        _tools.output(__salt__, ["blockdev", *options, device])
    return dump(device, [_SETTINGS[key][1] for key in given])


def wipe(device: str) -> bool:
    """Removes the marks by which a device's file system is known, and so the file system.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.wipe /dev/sda1
    """
    return _tools.succeeds(__salt__, ["wipefs", "-a", "--", device])


def resize2fs(device: str) -> bool:
    """Lets an ext2, ext3 or ext4 file system fill its device.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.resize2fs /dev/sda1
    """
    return _tools.succeeds(__salt__, ["resize2fs", device])


def format_(
    device: str,
    fs_type: str = "ext4",
    inode_size: Optional[int] = None,
    lazy_itable_init: Optional[int] = None,
    fat: Optional[int] = None,
    force: bool = False,
) -> bool:
    """Makes a file system on a device. What was on it is lost.

    Args:
        device: path of the device.
        fs_type: type of the file system.
        inode_size: size of an inode (ext, xfs).
        lazy_itable_init: 1 to have the inode tables written later, 0 at once (ext).
        fat: 12, 16 or 32 (fat, vfat).
        force: even if the device looks as if it held something (ext, xfs).

    CLI Example:

    .. code-block:: bash

        salt '*' disk.format /dev/sdX1
    """
    ext, xfs, is_fat = fs_type.startswith("ext"), fs_type == "xfs", fs_type.endswith("fat")
    command = ["mkfs", "-t", fs_type]
    if inode_size is not None and (ext or xfs):
        command += ["-I", str(inode_size)] if ext else ["-i", f"size={inode_size}"]
    if lazy_itable_init is not None and ext:
        command += ["-E", f"lazy_itable_init={lazy_itable_init}"]
    if fat in (12, 16, 32) and is_fat:
        command += ["-F", str(fat)]
    if force and (ext or xfs):
        command.append("-F" if ext else "-f")
    made = _tools.succeeds(__salt__, [*command, device])
    return _tools.succeeds(__salt__, ["sync"]) and made
