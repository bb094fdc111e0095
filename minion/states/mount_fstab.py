"""Entries of /etc/fstab."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "mount"


def fstab_present(
    name: str,
    fs_file: str,
    fs_vfstype: str,
    fs_mntops: Any = "defaults",
    fs_freq: int = 0,
    fs_passno: int = 0,
    mount_by: Optional[str] = None,
    config: str = "/etc/fstab",
    mount: bool = True,
    match_on: Any = "auto",
    not_change: bool = False,
    fs_mount: bool = True,
) -> Result:
    """Sees to it that /etc/fstab has an entry.

    Args:
        name: the device.
        fs_file: where it is mounted.
        fs_vfstype: type of the file system.
        fs_mntops: options, as a list or separated by commas.
        fs_freq, fs_passno: the last fields of the entry.
        mount_by: what the entry shall name the device by: `device`, `label`, `uuid`, `partlabel` or `partuuid`.
        config: the file.
        mount: mount it too, if the entry is new.
        match_on: which entry is meant, see `mount.set_fstab`.
        not_change: leave an entry that is there as it is.
        fs_mount: of no effect here.
    """
    ret, comments = begun(name), []
    path = fs_file if fs_file == "/" else fs_file.rstrip("/")
    device = _named_by(name, mount_by)
    if not device:
        return {**ret, "result": False, "comment": f"Device {name} cannot be converted to {mount_by}"}
    test = bool(__opts__["test"])
    entry = (path, device, fs_vfstype, fs_mntops, fs_freq, fs_passno, config)
    try:
        done = __salt__["mount.set_fstab"](*entry, test=test, match_on=match_on, not_change=not_change)
    except CommandExecutionError as exc:
        verb = "created" if test else "changed"
        return {**ret, "result": False, "comment": f"{path} entry cannot be {verb} in {config}: {exc}."}
    if done == "present":
        comments.append(f"{path} entry {'is' if test else 'was'} already in {config}.")
    elif test:
        ret["result"] = None
        comments.append(f"{path} entry will be {'written' if done == 'new' else 'updated'} in {config}.")
        comments += [f"Will mount {name} on {path}"] if done == "new" and mount else []
    else:
        ret["changes"]["persist"] = done
        comments.append(f"{path} entry {'added' if done == 'new' else 'updated'} in {config}.")
        comments += _mounted(ret, path) if done == "new" and mount else []
    ret["comment"] = "\n".join(comments)
    return ret


def _mounted(ret: Result, path: str) -> List[str]:
    done = __salt__["mount.mount"](path)
    if done is True:
        return [f"Mounted {ret['name']} on {path}"]
    ret["result"] = False
    return [f"Error while mounting {str(done).partition(':')[2] or done}"]


def _named_by(device: str, kind: Optional[str]) -> Optional[str]:
    """A device, named by its path, UUID, label, ...; None if it has no such name."""
    if not kind or device.upper().startswith(f"{kind.upper()}=") or (kind == "device" and device.startswith("/")):
        return device
    found = __salt__["disk.blkid"](device) if device.startswith("/") else __salt__["disk.blkid"](token=device)
    if len(found) != 1:
        return None
    path, about = next(iter(found.items()))
    if kind == "device":
        return str(path)
    return f"{kind.upper()}={about[kind.upper()]}" if kind.upper() in about else None


def fstab_absent(name: str, fs_file: str, mount_by: Optional[str] = None, config: str = "/etc/fstab") -> Result:
    """Sees to it that /etc/fstab has no entry.

    Args:
        name: the device.
        fs_file: where it would be mounted.
        mount_by: what the entry names the device by, see `mount.fstab_present`.
        config: the file.
    """
    ret = begun(name)
    path = fs_file if fs_file == "/" else fs_file.rstrip("/")
    if path not in __salt__["mount.fstab"](config):
        ret["comment"] = f"{path} entry is already missing in {config}."
    elif __opts__["test"]:
        ret.update(result=None, comment=f"{path} entry will be removed from {config}.")
    elif __salt__["mount.rm_fstab"](path, _named_by(name, mount_by), config) is True:
        ret.update(comment=f"{path} entry removed from {config}.", changes={"persist": "removed"})
    else:
        ret.update(result=False, comment=f"{path} entry failed when removing from {config}.")
    return ret
