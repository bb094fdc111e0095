"""Mounted file systems, and swap."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states._mount_options import Invisible, as_list, as_mapping
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


class _Stopped(Exception):
    """The state ends here; the text is its comment."""

    def __init__(self, comment: str, result: Optional[bool]) -> None:
        super().__init__(comment)
        self.result = result


def mounted(
    name: str,
    device: str,
    fstype: str,
    mkmnt: bool = False,
    opts: Any = "defaults",
    dump: int = 0,
    pass_num: int = 0,
    config: str = "/etc/fstab",
    persist: bool = True,
    mount: bool = True,
    user: Optional[str] = None,
    match_on: Any = "auto",
    device_name_regex: Optional[List[str]] = None,
    extra_mount_invisible_options: Optional[List[str]] = None,
    extra_mount_invisible_keys: Optional[List[str]] = None,
    extra_mount_ignore_fs_keys: Optional[Dict[str, List[str]]] = None,
    extra_mount_translate_options: Optional[Dict[str, str]] = None,
    hidden_opts: Any = None,
    bind_mount_copy_active_opts: bool = True,
    **kwargs: Any,
) -> Result:
    """Sees to it that a file system is mounted, now and at each boot.

    Args:
        name: where it is mounted.
        device: what is mounted: a device, `UUID=...`, `LABEL=...`, a folder, or whatever the type needs.
        fstype: type of the file system.
        mkmnt: make the mount point if there is none.
        opts: options, as a list or separated by commas. If one is missing, the file system is mounted anew.
        dump, pass_num: fields of /etc/fstab.
        config: that file.
        persist: write it there.
        mount: False only writes it there.
        user: mount as this user.
        match_on: which entry of /etc/fstab is meant, see `mount.set_fstab`.
        device_name_regex: another device is fine if one of these regular expressions matches it.
        extra_mount_invisible_options, extra_mount_invisible_keys: options, and keys of options, that can't be seen to
            be active.
        extra_mount_ignore_fs_keys: type of file system -> keys of options that do not matter.
        extra_mount_translate_options: option -> what it is seen as.
        hidden_opts: more options that can't be seen to be active.
        bind_mount_copy_active_opts: a bind mount has the options of the file system that the folder lies on.
    """
    ret = begun(name)
    for key, value in (("name", name), ("device", device), ("fstype", fstype)):
        if not value:
            return failed(ret, f"Must provide {key} to mount.mounted")
    wanted = SimpleNamespace(**locals())
    wanted.name = name if name == "/" else name.rstrip("/")
    wanted.path = os.path.realpath(wanted.name)
    wanted.opts = as_list(opts)
    wanted.invisible = Invisible(
        extra_mount_invisible_options or (),
        extra_mount_invisible_keys or (),
        as_mapping(extra_mount_ignore_fs_keys),
        as_mapping(extra_mount_translate_options),
        as_list(hidden_opts),
    )
    wanted.remember = False
    try:
        active = __salt__["mount.active"](extended=True)
        devices = _devices(wanted, active)
        if wanted.path in active and mount:
            _check_mounted(wanted, ret, active[wanted.path], devices)
            active = __salt__["mount.active"](extended=True)
        if wanted.path not in active:
            _mount(wanted, ret)
        if persist:
            _persist(wanted, ret)
    except _Stopped as exc:
        ret.update(comment=str(exc), result=exc.result)
    except CommandExecutionError as exc:
        return failed(ret, f"{ret['comment']}. {exc}" if ret["comment"] else str(exc))
    return ret


def _devices(wanted: SimpleNamespace, active: Dict[str, Dict[str, Any]]) -> List[str]:
    """By which names the kernel may tell of the device, the one that is wanted first."""
    device = wanted.device
    if device.startswith("/") and "bind" in wanted.opts and wanted.path in active:
        return [_bound_device(wanted, active)]
    if device.upper().startswith("UUID="):
        return [device.split("=", 1)[1].strip('"').lower()]
    if device.upper().startswith("LABEL="):
        return _labelled(device.split("=", 1)[1].strip('"'))
    volume = re.match("^/dev/([^/]+)/([^/]+)$", device)
    if volume:
        mapper = "/dev/mapper/" + "-".join(part.replace("-", "--") for part in volume.groups())
        if os.path.exists(mapper):
            return [mapper]
    fuse = re.match(r"^\w+#(.+)", device)
    if fuse:
        return [fuse.group(1)]
    return [os.path.realpath(device) if device.startswith("/") else device]


def _labelled(label: str) -> List[str]:
    found = __salt__["cmd.run_all"](["blkid", "-o", "device", "-t", f"LABEL={label}"], python_shell=False)
    devices = found["stdout"].split()
    if found["retcode"] or not devices:
        raise _Stopped(f"Unable to find device with label {label}.", False)
    return list(devices)


def _bound_device(wanted: SimpleNamespace, active: Dict[str, Dict[str, Any]]) -> str:
    """The device of a bind mount: the one that the folder lies on."""
    here, folder = active[wanted.path], wanted.device
    if here["device"].startswith("/"):
        while folder not in active:
            folder = os.path.dirname(folder)
    source = active.get(folder, {})
    if source and wanted.bind_mount_copy_active_opts:
        wanted.opts = sorted({*wanted.opts, *source["opts"], *source["superopts"]})
    return str(source["device"] if here["device"].startswith("/") else here["device"])


# a file system that is mounted there


def _check_mounted(wanted: SimpleNamespace, ret: Result, here: Dict[str, Any], devices: List[str]) -> None:
    if wanted.opts:
        missing = wanted.invisible.missing(__salt__, wanted.opts, here, wanted.fstype)
        if missing:
            _mount_anew(wanted, ret, sorted(missing))
        known = __salt__["mount.read_mount_cache"](wanted.path)
        surplus = [option for option in known.get("opts", ()) if option not in wanted.opts]
        if surplus:
            _mount_anew(wanted, ret, surplus)
        wanted.remember = wanted.remember or "opts" not in known
    names = [here["device"], os.path.realpath(here["device"])]
    names += [here[key] for key in ("alt_device", "device_uuid", "device_label") if here.get(key)]
    if any(device in names for device in devices):
        ret["comment"] = "Target was already mounted"
    else:
        _unmount_other(wanted, ret, devices[0], list(dict.fromkeys(names)))


def _mount_anew(wanted: SimpleNamespace, ret: Result, options: List[str]) -> None:
    changed = f"options ({','.join(options)}) changed"
    if __opts__["test"]:
        raise _Stopped(f"Remount would be forced because {changed}", None)
    how = (wanted.path, wanted.device)
    settings = {"mkmnt": wanted.mkmnt, "fstype": wanted.fstype, "opts": wanted.opts}
    if wanted.fstype in ("nfs", "cvfs") or wanted.fstype.startswith("fuse"):
        ret["changes"]["umount"] = f"Forced unmount and mount because {changed}"
        done = __salt__["mount.umount"](wanted.path)
        if done is not True:
            ret["changes"]["umount"] = (
                f"Forced a lazy unmount and mount because the previous unmount failed and because the {changed}"
            )
            done = __salt__["mount.umount"](wanted.path, lazy=True)
        if done is not True:
            raise _Stopped(f"Unable to unmount {wanted.path}: {done}.", False)
        done = __salt__["mount.mount"](*how, **settings)
    else:
        ret["changes"]["umount"] = f"Forced remount because {changed}"
        done = __salt__["mount.remount"](*how, **settings)
    if done is not True:
        raise _Stopped(str(done), False)
    wanted.remember = True


def _unmount_other(wanted: SimpleNamespace, ret: Result, device: str, current: List[str]) -> None:
    """Unmounts another device, unless it is fine."""
    for expression in wanted.device_name_regex or ():
        for each in current:
            if re.match(expression, each):
                ret["comment"] = f"An umount will not be forced because device matched device_name_regex: {each}"
                return
    if __opts__["test"]:
        comment = f"An umount would have been forced because devices do not match.  Watched: {wanted.device}"
        predicted(ret, comment)
        return
    also = f" ({device})" if device != wanted.device else ""
    ret["changes"]["umount"] = (
        f"Forced unmount because devices don't match. Wanted: {wanted.device}{also}, current: {', '.join(current)}"
    )
    if __salt__["mount.umount"](wanted.path, user=wanted.user) is not True:
        raise _Stopped("Unable to unmount", False)
    wanted.remember = True


# nothing is mounted there


def _mount(wanted: SimpleNamespace, ret: Result) -> None:
    name, exists = wanted.name, os.path.exists(wanted.name)
    if not wanted.mount:
        _make_only(wanted, ret, exists)
        return
    if __opts__["test"]:
        created = f"{name} would be created and mounted" if wanted.mkmnt else None
        missing = created or f"{name} does not exist and would not be created"
        raise _Stopped(f"{name} would be mounted" if exists else missing, None)
    if not exists and not wanted.mkmnt:
        raise _Stopped("Mount directory is not present", False)
    done = __salt__["mount.mount"](name, wanted.device, wanted.mkmnt, wanted.fstype, wanted.opts, user=wanted.user)
    if done is not True:
        raise _Stopped(str(done), False)
    wanted.remember = True
    ret["comment"] = "Target was successfully mounted"
    ret["changes"]["mount"] = True


def _make_only(wanted: SimpleNamespace, ret: Result, exists: bool) -> None:
    """Makes the mount point of a file system that is not to be mounted."""
    name = wanted.name
    if __opts__["test"]:
        if exists:
            ret["comment"] = f"{name} would not be mounted"
        elif wanted.mkmnt:
            predicted(ret, f"{name} would be created, but not mounted")
        else:
            ret["comment"] = f"{name} does not exist and would neither be created nor mounted"
    elif exists:
        ret["comment"] = f"{name} not mounted"
    elif wanted.mkmnt:
        __salt__["file.mkdir"](name, user=wanted.user)
        ret["comment"] = f"{name} was created, not mounted"
    else:
        ret["comment"] = f"{name} not present and not mounted"


def _persist(wanted: SimpleNamespace, ret: Result) -> None:
    name = wanted.name
    entry = (name, wanted.device, wanted.fstype, wanted.opts, wanted.dump, wanted.pass_num, wanted.config)
    done = __salt__["mount.set_fstab"](*entry, test=bool(__opts__["test"]), match_on=wanted.match_on)
    if __opts__["test"] and done != "present":
        if done == "new":
            need = "needs to be written to the fstab in order to be made persistent."
            said = f"{name} is mounted, but {need}" if wanted.mount else f"{name} {need}"
        else:
            updated = "fstab entry must be updated."
            said = f"{name} is mounted, but its {updated}" if wanted.mount else f"The {name} {updated}"
        predicted(ret, f"{ret['comment']}. {said}")
        return
    if wanted.remember and not __opts__["test"]:
        __salt__["mount.write_mount_cache"](
            wanted.path, wanted.device, mkmnt=wanted.mkmnt, fstype=wanted.fstype, mount_opts=wanted.opts
        )
    _tell_fstab(ret, done)


def _tell_fstab(ret: Result, done: str) -> None:
    if done == "new":
        ret["changes"]["persist"] = "new"
        ret["comment"] += ". Added new entry to the fstab."
    elif done == "change":
        ret["changes"]["persist"] = "update"
        ret["comment"] += ". Updated the entry in the fstab."
    else:
        ret["comment"] += ". Entry already exists in the fstab."


def unmounted(
    name: str,
    device: Optional[str] = None,
    config: str = "/etc/fstab",
    persist: bool = False,
    user: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that nothing is mounted at a place.

    Args:
        name: the mount point.
        device: only if this is mounted there, in /etc/fstab.
        config: that file.
        persist: remove it from there too.
        user: unmount as this user.
        kwargs: ignored.
    """
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to mount.unmounted")
    if name not in __salt__["mount.active"](extended=True):
        ret["comment"] = "Target was already unmounted"
    elif __opts__["test"]:
        return predicted(ret, f"Mount point {name} is mounted but should not be")
    else:
        done = __salt__["mount.umount"](name, device, user=user)
        if done is not True:
            return failed(ret, str(done))
        ret.update(comment="Target was successfully unmounted", changes={"umount": True})
        __salt__["mount.delete_mount_cache"](name)
    return _purge(ret, device, config) if persist else ret


def _purge(ret: Result, device: Optional[str], config: str) -> Result:
    """Takes the mount point from /etc/fstab."""
    name = ret["name"]
    entry = __salt__["mount.fstab"](config).get(name)
    if entry is None:
        ret["comment"] += ". fstab entry not found"
    elif device and entry["device"] != device:
        ret["comment"] += f". fstab entry for device {device} not found"
    elif __opts__["test"]:
        purged = f"needs to be purged from {config} to be made persistent"
        return predicted(ret, f"Mount point {name} is unmounted but {purged}")
    elif __salt__["mount.rm_fstab"](name, device, config) is True:
        ret["comment"] += ". Removed target from fstab"
        ret["changes"]["persist"] = "purged"
    else:
        failed(ret, f"{ret['comment']}. Failed to persist purge")
    return ret


def swap(name: str, persist: bool = True, config: str = "/etc/fstab") -> Result:
    """Sees to it that swap space is in use, now and after each boot.

    Args:
        name: the device or file.
        persist: write it to /etc/fstab.
        config: that file.
    """
    ret, device = begun(name), name
    if os.path.islink(name):
        target = os.readlink(name)
        device = target if target.startswith("/") else f"/dev/{os.path.basename(target)}"
    if device in __salt__["mount.swaps"]():
        ret["comment"] = f"Swap {name} already active"
    elif __opts__["test"]:
        predicted(ret, f"Swap {name} is set to be activated")
    else:
        __salt__["mount.swapon"](device)
        in_use = __salt__["mount.swaps"]()
        if device not in in_use:
            return failed(ret, f"Swap {name} failed to activate")
        ret.update(comment=f"Swap {name} activated", changes=in_use[device])
    if not persist:
        return ret
    entries = __salt__["mount.fstab"](config)
    if __opts__["test"]:
        if name not in entries and name not in [entry["device"] for entry in entries.values()]:
            is_active = ret["result"] is True
            predicted(ret, f"Swap {name} is set to be added to the fstab" if is_active else ret["comment"])
        return ret
    try:
        done = __salt__["mount.set_fstab"]("none", name, "swap", ["defaults"], 0, 0, config)
    except CommandExecutionError as exc:
        return failed(ret, f"{ret['comment']}. {exc}")
    if done != "present":
        _tell_fstab(ret, done)
    return ret


def mod_watch(name: str, user: Optional[str] = None, **kwargs: Any) -> Result:
    """Mounts a file system anew because of a change.

    Args:
        name: where it is mounted.
        user: mount as this user.
        kwargs: as for `mount.mounted`; `sfun` is the function of the state.
    """
    ret = begun(name)
    if kwargs["sfun"] != "mounted":
        ret["comment"] = f"Watch not supported in {kwargs['sfun']} at this time"
        return ret
    options = kwargs.get("opts", "defaults")
    done = __salt__["mount.remount"](name, kwargs["device"], False, kwargs["fstype"], options, user=user)
    if done is not True:
        return failed(ret, f"{name} failed to remount: {done}")
    ret["comment"] = f"{name} remounted"
    return ret
