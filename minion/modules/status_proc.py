"""The kernel's statistics."""

from __future__ import annotations

import fnmatch
import logging
import os
from typing import Any, Dict, List, Optional

from minion.modules import _mounts

__grains__: Dict[str, Any]
__virtualname__ = "status"

log = logging.getLogger(__name__)


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "this is read from /proc, which is Linux's"


def cpustats() -> Dict[str, Any]:
    """What the CPUs have spent time on, in ticks, and the counts of interrupts.

    CLI Example:

    .. code-block:: bash

        salt '*' status.cpustats
    """
    names = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    found: Dict[str, Any] = {}
    for key, *fields in (line.split() for line in _lines("/proc/stat")):
        numbers = [int(field) for field in fields]
        if key == "cpu":
            found[key] = dict(zip(names, numbers))
        elif key == "intr":
            found[key] = {"total": numbers[0], "irqs": numbers[1:]}
        elif key == "softirq":
            found[key] = {"total": numbers[0], "softirqs": numbers[1:]}
        else:
            found[key] = numbers[0]
    return found


def meminfo() -> Dict[str, Dict[str, str]]:
    """How memory is used: `value` and `unit` of each line of /proc/meminfo.

    CLI Example:

    .. code-block:: bash

        salt '*' status.meminfo
    """
    rows = (line.split() for line in _lines("/proc/meminfo"))
    return {row[0].rstrip(":"): dict(zip(("value", "unit"), row[1:])) for row in rows}


def cpuinfo() -> Dict[str, Any]:
    """What the CPUs are; where they differ, the last one counts.

    CLI Example:

    .. code-block:: bash

        salt '*' status.cpuinfo
    """
    pairs = (line.partition(":") for line in _lines("/proc/cpuinfo") if line.strip())
    texts = {key.strip(): value.strip() for key, _, value in pairs}
    return {key: value.split() if key == "flags" else value for key, value in texts.items()}


def diskstats() -> Dict[str, Dict[str, Any]]:
    """What disks and partitions have done since the system was booted.

    CLI Example:

    .. code-block:: bash

        salt '*' status.diskstats
    """
    names = (
        "reads_issued",
        "reads_merged",
        "sectors_read",
        "ms_spent_reading",
        "writes_completed",
        "writes_merged",
        "sectors_written",
        "ms_spent_writing",
        "io_in_progress",
        "ms_spent_in_io",
        "weighted_ms_spent_in_io",
    )
    found: Dict[str, Dict[str, Any]] = {}
    for major, minor, device, *counts in (line.split() for line in _lines("/proc/diskstats")):
        found[device] = {
            "major": int(major),
            "minor": int(minor),
            "device": device,
            **dict(zip(names, map(int, counts))),
        }
    return found


def diskusage(*args: str) -> Dict[str, Dict[str, Optional[int]]]:
    """Path -> `total` and `available` bytes of its file system.

    Args:
        args: paths, or types of file systems (globs); all that are mounted if nothing is given.

    CLI Example:

    .. code-block:: bash

        salt '*' status.diskusage
        salt '*' status.diskusage / /tmp ext? xfs
    """
    selected = {path: None for path in args if path.startswith("/")}
    kinds = [kind for kind in args if not kind.startswith("/")] if args else ["*"]
    for one in _mounts.mounted():
        if any(fnmatch.fnmatchcase(one.fstype, kind) for kind in kinds):
            selected[one.path] = None
    return {path: _space(path) for path in selected if os.path.exists(path)}


def _space(path: str) -> Dict[str, Optional[int]]:
    try:
        found = os.statvfs(path)
    except OSError as exc:
        log.warning("Cannot get stats from '%s': %s", path, exc)
        return {"available": None, "total": None}
    return {"available": found.f_bavail * found.f_frsize, "total": found.f_blocks * found.f_frsize}


def vmstats() -> Dict[str, int]:
    """What the memory management has done since the system was booted.

    CLI Example:

    .. code-block:: bash

        salt '*' status.vmstats
    """
    rows = (line.split() for line in _lines("/proc/vmstat"))
    return {name: int(count) for name, count in rows}


def netstats() -> Dict[str, Dict[str, int]]:
    """What the network protocols have done since the system was booted.

    CLI Example:

    .. code-block:: bash

        salt '*' status.netstats
    """
    lines = [line.split() for line in _lines("/proc/net/netstat")]
    return {
        names[0].rstrip(":"): dict(zip(names[1:], map(int, counts[1:])))
        for names, counts in zip(lines[::2], lines[1::2])
    }


def netdev() -> Dict[str, Dict[str, Any]]:
    """What has gone over each network interface since the system was booted.

    CLI Example:

    .. code-block:: bash

        salt '*' status.netdev
    """
    received = ("bytes", "packets", "errs", "drop", "fifo", "frame", "compressed", "multicast")
    sent = ("bytes", "packets", "errs", "drop", "fifo", "colls", "carrier", "compressed")
    names = [f"rx_{name}" for name in received] + [f"tx_{name}" for name in sent]
    found: Dict[str, Dict[str, Any]] = {}
    for line in _lines("/proc/net/dev")[2:]:
        iface, _, counts = line.partition(":")
        found[iface.strip()] = {"iface": iface.strip(), **dict(zip(names, map(int, counts.split())))}
    return found


def _lines(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()
