"""Mount file systems, and see which are. Paths are plain: blanks in them are blanks."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from minion import atomic
from minion.errors import SaltInvocationError
from minion.modules import _mounts, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_SWAPS = "/proc/swaps"

Options = Union[str, Sequence[str], None]


def active(extended: bool = False) -> Dict[str, Dict[str, Any]]:
    """Mount point -> what is mounted there.

    Args:
        extended: all that is known, with the UUIDs and labels of devices.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.active
    """
    if extended:
        disks = __salt__["disk.blkid"]() if _tools.which("blkid") else {}
        found = _mounts.mountinfo()
        for mount in found.values():
            disk = disks.get(mount["device"], {})
            mount["device_uuid"] = disk["UUID"].lower() if "UUID" in disk else None
            mount["device_label"] = disk.get("LABEL")
        return found
    return {
        one.path: {
            "device": one.device,
            "alt_device": _mounts.real_device(one.device, one.path),
            "fstype": one.fstype,
            "opts": one.opts,
        }
        for one in _mounts.mounted()
    }


def mount(
    name: str,
    device: Union[str, bool, None] = False,
    mkmnt: bool = False,
    fstype: str = "",
    opts: Options = "defaults",
    user: Optional[str] = None,
    util: str = "mount",
) -> Any:
    """Mounts a file system: True, or what the program said against it.

    Args:
        name: where to mount it.
        device: what to mount; if not given, what /etc/fstab says.
        mkmnt: make the mount point if it does not exist.
        fstype: type of the file system.
        opts: options, as a list or separated by commas.
        user: mount as this user.
        util: `mount` is the only one here.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.mount /mnt/foo /dev/sdz1 True
    """
    if util != "mount":
        raise SaltInvocationError(f"There is no way to mount by '{util}'")
    if mkmnt and not os.path.exists(name):
        __salt__["file.mkdir"](name, user=user)
    return _run_mount(name, device, fstype, _options(opts), user)


def remount(
    name: str,
    device: str,
    mkmnt: bool = False,
    fstype: str = "",
    opts: Options = "defaults",
    user: Optional[str] = None,
) -> Any:
    """Mounts a file system with other options, or at all: True, or what the program said against it.

    Args:
        name: where it is mounted.
        device: what to mount.
        mkmnt: make the mount point if it does not exist.
        fstype: type of the file system.
        opts: options, as a list or separated by commas.
        user: mount as this user.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.remount /mnt/foo /dev/sdz1 True
    """
    if not is_mounted(name):
        return mount(name, device, mkmnt, fstype, opts, user)
    options = _options(opts)
    return _run_mount(name, device, fstype, options if "remount" in options else [*options, "remount"], user)


def _options(opts: Options) -> List[str]:
    if not opts:
        return []
    return opts.split(",") if isinstance(opts, str) else [str(option) for option in opts]


def _run_mount(name: str, device: Union[str, bool, None], fstype: str, options: List[str], user: Optional[str]) -> Any:
    command = ["mount"]
    if device:
        command += ["-o", ",".join(options)] if options else []
        command += ["-t", fstype] if fstype else []
        command += ["--", str(device), name]
    else:
        command += ["--", name]
    done = _tools.result(__salt__, command, runas=user)
    return (done["stderr"] or _tools.failure(command, done)) if done["retcode"] else True


def umount(
    name: str, device: Optional[str] = None, user: Optional[str] = None, util: str = "mount", lazy: bool = False
) -> Any:
    """Unmounts a file system: True, or what is against it.

    Args:
        name: where it is mounted.
        device: accepted for compatibility: what is unmounted is what is mounted at `name`.
        user: unmount as this user.
        util: `mount` is the only one here.
        lazy: now, but clean up when it is no longer used.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.umount /mnt/foo
    """
    if util != "mount":
        raise SaltInvocationError(f"There is no way to unmount by '{util}'")
    if not is_mounted(name):
        return f"{name} does not have anything mounted"
    command = ["umount", *(["-l"] if lazy else []), "--", _mounts.unescape(name)]
    done = _tools.result(__salt__, command, runas=user)
    return (done["stderr"] or _tools.failure(command, done)) if done["retcode"] else True


def is_mounted(name: str) -> bool:
    """Whether anything is mounted at a path.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.is_mounted /mnt/share
    """
    return _mounts.unescape(name) in (mount.path for mount in _mounts.mounted())


def is_fuse_exec(cmd: str) -> bool:
    """Whether a program mounts by FUSE, judged by its libraries.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.is_fuse_exec sshfs
    """
    path = _tools.which(cmd)
    if path is None:
        return False
    return "libfuse" in str(_tools.result(__salt__, ["ldd", path], ignore_retcode=True)["stdout"])


def swaps() -> Dict[str, Dict[str, str]]:
    """The swap spaces in use, with type, size, used size and priority.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.swaps
    """
    found = {}
    with open(_SWAPS, encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) >= 5 and fields[0] != "Filename":
                found[_mounts.unescape(fields[0])] = dict(zip(("type", "size", "used", "priority"), fields[1:]))
    return found


def swapon(name: str, priority: Optional[int] = None) -> Dict[str, Any]:
    """Uses a swap space: its `stats`, and whether it is `new`; empty if it can't be used.

    Args:
        name: path of the device or file.
        priority: the highest is used first.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.swapon /root/swapfile
    """
    before = swaps()
    if name in before:
        return {"stats": before[name], "new": False}
    _tools.succeeds(__salt__, ["swapon", *(["-p", str(priority)] if priority is not None else []), "--", name])
    after = swaps()
    return {"stats": after[name], "new": True} if name in after else {}


def swapoff(name: str) -> Optional[bool]:
    """No longer uses a swap space: whether that worked; None if it was not in use.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.swapoff /root/swapfile
    """
    if name not in swaps():
        return None
    _tools.succeeds(__salt__, ["swapoff", "--", name])
    return name not in swaps()


def get_mount_from_path(path: str) -> str:
    """The mount point of the file system a path lies on.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.get_mount_from_path /opt/some/nested/path
    """
    real = os.path.realpath(path)
    while not os.path.ismount(real) and real != os.path.dirname(real):
        real = os.path.dirname(real)
    return real


def get_device_from_path(path: str) -> Optional[str]:
    """The device of the file system a path lies on.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.get_device_from_path /
    """
    device = active().get(get_mount_from_path(path), {}).get("device")
    return None if device is None else str(device)


def read_mount_cache(name: str) -> Dict[str, Any]:
    """What was remembered of a mount that was made without /etc/fstab.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.read_mount_cache /mnt/share
    """
    found = _read_cache().get(name)
    return found if isinstance(found, dict) else {}


def write_mount_cache(real_name: str, device: str, mkmnt: bool, fstype: str, mount_opts: Any) -> bool:
    """Remembers a mount, to see later what has changed.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.write_mount_cache /mnt/share /dev/sda1 False ext4 defaults
    """
    entry = {"device": device, "fstype": fstype, "mkmnt": mkmnt, "opts": mount_opts}
    _write_cache({**_read_cache(), real_name: entry})
    return True


def delete_mount_cache(real_name: str) -> bool:
    """Forgets a mount.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.delete_mount_cache /mnt/share
    """
    cache = _read_cache()
    if cache.pop(real_name, None) is not None:
        _write_cache(cache)
    return True


def _cache_path() -> str:
    return os.path.join(__opts__["cachedir"], "mounts")


def _read_cache() -> Dict[str, Any]:
    import yaml

    try:
        with open(_cache_path(), encoding="utf-8") as file:
            content = yaml.safe_load(file)
    except (FileNotFoundError, yaml.YAMLError):
        return {}
    mounts = content.get("mounts") if isinstance(content, dict) else None
    return mounts if isinstance(mounts, dict) else {}


def _write_cache(mounts: Dict[str, Any]) -> None:
    import yaml

    os.makedirs(os.path.dirname(_cache_path()), exist_ok=True)
    atomic.write(_cache_path(), yaml.safe_dump({"mounts": mounts}))
