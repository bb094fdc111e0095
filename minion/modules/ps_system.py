"""How much of CPU, memory, disks and network is used."""

from __future__ import annotations

import datetime
import os
import time
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _mounts, _processes

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "ps"

_CPU = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
_NETWORK = (
    "bytes_sent",
    "bytes_recv",
    "packets_sent",
    "packets_recv",
    "errin",
    "errout",
    "dropin",
    "dropout",
)
_NETWORK_COLUMNS = (8, 0, 9, 1, 2, 10, 3, 11)  # of /proc/net/dev
_SECTOR = 512


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "this is read from /proc, which is Linux's"


def cpu_times(per_cpu: bool = False) -> Any:
    """The seconds the CPUs have spent on what since the system was booted.

    Args:
        per_cpu: for each CPU, as a list.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.cpu_times
    """
    ticks = os.sysconf("SC_CLK_TCK")
    rows = [line.split() for line in _lines("/proc/stat") if line.startswith("cpu")]
    times = [dict(zip(_CPU, (int(field) / ticks for field in row[1:]))) for row in rows]
    return times[1:] if per_cpu else times[0]


def cpu_percent(interval: float = 0.1, per_cpu: bool = False) -> Union[float, List[float]]:
    """How busy the CPUs are, in percent.

    Args:
        interval: for how many seconds to watch.
        per_cpu: for each CPU, as a list.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.cpu_percent
    """
    before = cpu_times(per_cpu)
    time.sleep(interval)
    after = cpu_times(per_cpu)
    if per_cpu:
        return [_busy(one, other) for one, other in zip(before, after)]
    return _busy(before, after)


def _busy(before: Dict[str, float], after: Dict[str, float]) -> float:
    spent = {key: max(0.0, after[key] - before[key]) for key in after if not key.startswith("guest")}  # is in `user`
    total = sum(spent.values())
    return round((total - spent["idle"] - spent.get("iowait", 0.0)) / total * 100, 1) if total else 0.0


def num_cpus() -> Optional[int]:
    """How many CPUs there are.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.num_cpus
    """
    return os.cpu_count()


def virtual_memory() -> Dict[str, Any]:
    """How much memory there is and is used, in bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.virtual_memory
    """
    memory = _meminfo()
    total, free = memory["MemTotal"], memory["MemFree"]
    cached = memory.get("Cached", 0) + memory.get("SReclaimable", 0)
    available = memory.get("MemAvailable", free + cached)
    return {
        "total": total,
        "available": available,
        "percent": _percent(total - available, total),
        "used": total - available,
        "free": free,
        "active": memory.get("Active", 0),
        "inactive": memory.get("Inactive", 0),
        "buffers": memory.get("Buffers", 0),
        "cached": cached,
        "shared": memory.get("Shmem", 0),
        "slab": memory.get("Slab", 0),
    }


def swap_memory() -> Dict[str, Any]:
    """How much swap space there is and is used, in bytes; `sin` and `sout` have come from and gone to it.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.swap_memory
    """
    memory = _meminfo()
    total, free = memory.get("SwapTotal", 0), memory.get("SwapFree", 0)
    counts = dict(line.split() for line in _lines("/proc/vmstat"))
    page = os.sysconf("SC_PAGE_SIZE")
    return {
        "total": total,
        "used": total - free,
        "free": free,
        "percent": _percent(total - free, total),
        "sin": int(counts.get("pswpin", 0)) * page,
        "sout": int(counts.get("pswpout", 0)) * page,
    }


def total_physical_memory() -> int:
    """How much memory there is, in bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.total_physical_memory
    """
    return _meminfo()["MemTotal"]


def _meminfo() -> Dict[str, int]:
    """/proc/meminfo in bytes."""
    rows = (line.split() for line in _lines("/proc/meminfo"))
    return {row[0].rstrip(":"): int(row[1]) * (1024 if len(row) > 2 else 1) for row in rows}


def disk_partitions(all: bool = False) -> List[Dict[str, str]]:
    """The mounted file systems.

    Args:
        all: those too that lie on no disk.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.disk_partitions
    """
    kinds = {line.strip() for line in _lines("/proc/filesystems") if not line.startswith("nodev")} | {"zfs"}
    return [
        {"device": one.device, "mountpoint": one.path, "fstype": one.fstype, "opts": ",".join(one.opts)}
        for one in _mounts.mounted()
        if all or (one.fstype in kinds and one.device != "none")
    ]


def disk_usage(path: str) -> Dict[str, Any]:
    """How much of a file system is used, in bytes.

    Args:
        path: anything on it.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.disk_usage /home
    """
    try:
        found = os.statvfs(path)
    except OSError as exc:
        raise CommandExecutionError(f"{path}: {exc.strerror}") from None
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    free = found.f_bavail * found.f_frsize
    return {
        "total": found.f_blocks * found.f_frsize,
        "used": used,
        "free": free,
        "percent": _percent(used, used + free),
    }


def disk_partition_usage(all: bool = False) -> List[Dict[str, Any]]:
    """The mounted file systems, and how much of each is used.

    Args:
        all: those too that lie on no disk.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.disk_partition_usage
    """
    return [{**partition, **disk_usage(partition["mountpoint"])} for partition in disk_partitions(all)]


def boot_time(time_format: Optional[str] = None) -> Union[int, str]:
    """When the system was booted, in seconds since 1970.

    Args:
        time_format: as text of this format (strftime).

    CLI Example:

    .. code-block:: bash

        salt '*' ps.boot_time
        salt '*' ps.boot_time '%Y-%m-%d'
    """
    seconds = _processes.boot_time()
    if not time_format:
        return seconds
    try:
        return datetime.datetime.fromtimestamp(seconds).strftime(time_format)
    except (TypeError, ValueError) as exc:
        raise SaltInvocationError(f"Invalid format string: {exc}") from None


def network_io_counters(interface: Optional[str] = None) -> Any:
    """What has gone over the network since the system was booted.

    Args:
        interface: over this one only; the answer is False if there is none of that name.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.network_io_counters
        salt '*' ps.network_io_counters interface=eth0
    """
    counters = {}
    for line in _lines("/proc/net/dev")[2:]:
        name, _, numbers = line.partition(":")
        fields = numbers.split()
        counters[name.strip()] = [int(fields[column]) for column in _NETWORK_COLUMNS]
    if interface:
        return dict(zip(_NETWORK, counters[interface])) if interface in counters else False
    return dict(zip(_NETWORK, map(sum, zip(*counters.values()))))


def disk_io_counters(device: Optional[str] = None) -> Any:
    """What has been read and written since the system was booted; times are in milliseconds.

    Args:
        device: of this disk or partition only; the answer is False if there is none of that name.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.disk_io_counters
        salt '*' ps.disk_io_counters device=sda1
    """
    counters = {}
    for line in _lines("/proc/diskstats"):
        name, *fields = line.split()[2:]
        reads, reads_merged, read, read_time, writes, writes_merged, written, write_time, _, busy = map(
            int, fields[:10]
        )
        counters[name] = {
            "read_count": reads,
            "write_count": writes,
            "read_bytes": read * _SECTOR,
            "write_bytes": written * _SECTOR,
            "read_time": read_time,
            "write_time": write_time,
            "read_merged_count": reads_merged,
            "write_merged_count": writes_merged,
            "busy_time": busy,
        }
    if device:
        return counters.get(device, False)
    disks = [counters[name] for name in counters if os.path.exists(f"/sys/block/{name}")]
    return {key: sum(disk[key] for disk in disks) for key in next(iter(disks), {})}


def get_users() -> List[Dict[str, Any]]:
    """Who is logged in, where, and since when.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.get_users
    """
    return _processes.logins()


def _percent(part: int, whole: int) -> float:
    return round(part / whole * 100, 1) if whole else 0.0


def _lines(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()
