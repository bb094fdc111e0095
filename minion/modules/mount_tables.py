"""Which file systems are mounted at boot (/etc/fstab), or when they are used (autofs)."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from minion.errors import CommandExecutionError
from minion.modules import _mounts

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "mount"

# of these many can have the same device, so the mount point says which entry is meant
_BY_NAME = (
    "none",
    "tmpfs",
    "sysfs",
    "proc",
    "fusectl",
    "debugfs",
    "securityfs",
    "devtmpfs",
    "cgroup",
    "nfs",
    "nfs4",
    "glusterfs",
    "btrfs",
    "ceph",
)
_DIRECT = "/.."  # marks the entries of a direct map that are managed here

Options = Union[str, Sequence[str]]


def fstab(config: str = "/etc/fstab") -> Dict[str, Dict[str, Any]]:
    """Mount point -> its entry. A mount point that stands there again gets a `_` at its end.

    Args:
        config: path of the table.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.fstab
    """
    found: Dict[str, Dict[str, Any]] = {}
    if not os.path.isfile(config):
        return found
    for entry in filter(None, map(_mounts.parse_fstab_line, _mounts.read_lines(config))):
        name = entry.name
        while name in found:
            name += "_"
        found[name] = {
            "device": entry.device,
            "fstype": entry.fstype,
            "opts": entry.opts.split(","),
            "dump": entry.dump,
            "pass": entry.pass_num,
        }
    return found


def set_fstab(
    name: str,
    device: str,
    fstype: str,
    opts: Options = "defaults",
    dump: int = 0,
    pass_num: int = 0,
    config: str = "/etc/fstab",
    test: bool = False,
    match_on: Union[str, List[str]] = "auto",
    not_change: bool = False,
    **kwargs: Any,
) -> str:
    """Sets an entry of /etc/fstab: `new`, `change` or `present`.

    Args:
        name: the mount point.
        device: what is mounted there.
        fstype: type of the file system.
        opts: options, as a list or separated by commas.
        dump: whether dump(8) saves it.
        pass_num: when fsck(8) checks it.
        config: path of the table.
        test: only say what would be done.
        match_on: the fields that say which entry is meant; `auto` is the mount point for file systems that lie on no
            disk and the device for others.
        not_change: leave an entry as it is, if there is one.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.set_fstab /mnt/foo /dev/sdz1 ext4
    """
    options = opts if isinstance(opts, str) else ",".join(map(str, opts))
    wanted = _mounts.Entry(
        _mounts.unescape(device), _mounts.unescape(name), fstype, _mounts.unescape(options), str(dump), str(pass_num)
    )
    criteria = {key: wanted._asdict()[key] for key in _match_on(match_on, fstype)}
    if not os.path.isfile(config):
        raise CommandExecutionError(f'Bad config file "{config}"')
    lines, outcome = [], ""
    for line in _mounts.read_lines(config):
        entry = _mounts.parse_fstab_line(line)
        if entry is None or not entry.matches(criteria):
            lines.append(line)
        elif not_change or entry.matches(wanted._asdict()):
            lines.append(line)
            outcome = outcome or "present"
        else:
            lines.append(wanted.line())
            outcome = "change"
    if not outcome:
        lines.append(wanted.line())
        outcome = "new"
    if outcome != "present" and not test:
        _mounts.write_lines(config, lines)
    return outcome


def _match_on(match_on: Any, fstype: str) -> List[str]:
    if match_on == "auto":
        return ["name"] if fstype in _BY_NAME else ["device"]
    if not isinstance(match_on, (str, list, tuple)):
        raise CommandExecutionError("match_on must be a string or list of strings")
    keys = [match_on] if isinstance(match_on, str) else list(match_on)
    unknown = [key for key in keys if key not in _mounts.Entry._fields]
    if unknown:
        raise CommandExecutionError(f'Unrecognized keys in match_on: "{", ".join(map(str, unknown))}"')
    return keys


def rm_fstab(name: str, device: Optional[str], config: str = "/etc/fstab") -> bool:
    """Removes an entry from /etc/fstab.

    Args:
        name: the mount point.
        device: what is mounted there; None for anything.
        config: path of the table.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.rm_fstab /mnt/foo /dev/sdg
    """
    wanted = {"name": name, "device": device}
    criteria = {key: _mounts.unescape(str(value)) for key, value in wanted.items() if value is not None}
    lines = _mounts.read_lines(config)
    entries = [_mounts.parse_fstab_line(line) for line in lines]
    kept = [line for line, entry in zip(lines, entries) if entry is None or not entry.matches(criteria)]
    if kept != lines:
        _mounts.write_lines(config, kept)
    return True


def automaster(config: str = "/etc/auto_salt") -> Dict[str, Dict[str, Any]]:
    """Mount point -> its entry in a map of autofs.

    Args:
        config: path of the map.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.automaster
    """
    found = {}
    for line in _mounts.read_lines(config) if os.path.isfile(config) else []:
        fields = _map_fields(line)
        if fields:
            options = fields[1].split(",")
            device = fields[2].partition(":")[2]
            found[fields[0].replace(_DIRECT, "")] = {"device": device, "fstype": options[0], "opts": options[1:]}
    return found


def set_automaster(
    name: str,
    device: str,
    fstype: str,
    opts: Options = "",
    config: str = "/etc/auto_salt",
    test: bool = False,
    not_change: bool = False,
    **kwargs: Any,
) -> str:
    """Sets an entry in a map of autofs: `new`, `change` or `present`. A new map is made known to autofs.

    Args:
        name: the mount point.
        device: what is mounted there.
        fstype: type of the file system.
        opts: options, as a list or separated by commas.
        config: path of the map.
        test: only say what would be done.
        not_change: leave an entry as it is, if there is one.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.set_automaster /mnt/foo /dev/sdz1 ext4
    """
    options = opts if isinstance(opts, str) else ",".join(map(str, opts))
    location = f":{device}" if fstype == "smbfs" else f"{fstype}:{device}"
    wanted = [f"{_DIRECT}{name}", f"-fstype={fstype},{options}", location]
    known = os.path.isfile(config)
    lines, outcome = [], ""
    for line in _mounts.read_lines(config) if known else []:
        fields = _map_fields(line)
        if not fields or (fields[0] != wanted[0] and fields[2] != wanted[2]):
            lines.append(line)
        elif not_change or fields == wanted:
            lines.append(line)
            outcome = outcome or "present"
        else:
            lines.append("\t".join(wanted))
            outcome = "change"
    if not outcome:
        lines.append("\t".join(wanted))
        outcome = "new"
    if outcome != "present" and not test:
        _mounts.write_lines(config, lines)
        if not known:
            _make_known(config)
    return outcome


def _make_known(config: str) -> None:
    """Adds a map to the table of all maps."""
    master = next((path for path in ("/etc/auto.master", "/etc/auto_master") if os.path.isfile(path)), None)
    if master is None:
        return
    lines = _mounts.read_lines(master)
    if not any(line.split()[:2] == ["/-", config] for line in lines):
        _mounts.write_lines(master, [*lines, f"/-\t\t\t{config}"])


def rm_automaster(name: str, device: Optional[str], config: str = "/etc/auto_salt") -> bool:
    """Removes an entry from a map of autofs.

    Args:
        name: the mount point.
        device: what is mounted there; None for anything.
        config: path of the map.

    CLI Example:

    .. code-block:: bash

        salt '*' mount.rm_automaster /mnt/foo /dev/sdg
    """
    if name not in automaster(config):
        return True

    def is_meant(line: str) -> bool:
        fields = _map_fields(line)
        if not fields or fields[0].replace(_DIRECT, "") != name:
            return False
        return not device or fields[2].partition(":")[2] == device

    _mounts.write_lines(config, [line for line in _mounts.read_lines(config) if not is_meant(line)])
    return True


def _map_fields(line: str) -> List[str]:
    """Mount point, options, location of a map's line; nothing for comments and others."""
    fields = line.split()
    return fields if len(fields) == 3 and not line.startswith("#") else []
