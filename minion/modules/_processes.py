"""Processes, read from /proc. Each question about one that has ended raises ProcessLookupError."""

from __future__ import annotations

import os
import pwd
import struct
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_UTMP = ("/run/utmp", "/var/run/utmp")
_UTMP_ENTRY = struct.Struct("=h2xi32s4s32s256shhiii16s20x")
_USER_PROCESS = 7
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "disk-sleep",
    "T": "stopped",
    "t": "tracing-stop",
    "Z": "zombie",
    "X": "dead",
    "x": "dead",
    "K": "wake-kill",
    "W": "waking",
    "I": "idle",
    "P": "parked",
}


def pids() -> List[int]:
    """Numbers of all processes."""
    return sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def read(pid: int, file: str) -> str:
    """A file of a process below /proc."""
    try:
        with open(f"/proc/{pid}/{file}", encoding="utf-8", errors="replace") as content:
            return content.read()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(f"no process found with pid {pid}") from None


def stat(pid: int) -> List[str]:
    """The fields of /proc/PID/stat from the state on; the one numbered N in proc(5) stands at N - 3."""
    return read(pid, "stat").rpartition(")")[2].split()


def cmdline(pid: int) -> List[str]:
    """The arguments of a process; none for kernel threads and zombies."""
    text = read(pid, "cmdline")
    words = text.rstrip("\0").split("\0") if text else []
    if len(words) == 1 and " " in words[0]:  # the process has written a title over its arguments
        words = words[0].split(" ")
    return words


def name(pid: int) -> str:
    """The name of the program; the kernel knows its first 15 characters only, the rest comes from the arguments."""
    short = read(pid, "stat").partition("(")[2].rpartition(")")[0]
    if len(short) >= 15:
        words = cmdline(pid)
        whole = os.path.basename(words[0]) if words else ""
        if whole.startswith(short):
            return whole
    return short


def state(pid: int) -> str:
    """What a process does, in a word."""
    return _STATES.get(stat(pid)[0], "?")


def status_fields(pid: int) -> Dict[str, str]:
    """/proc/PID/status as a dictionary."""
    pairs = (line.partition(":") for line in read(pid, "status").splitlines())
    return {key: value.strip() for key, _, value in pairs}


def username(pid: int) -> str:
    """The name of the user a process belongs to, or the number if it has none."""
    uid = int(status_fields(pid)["Uid"].split()[0])
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def boot_time() -> int:
    """When the system was booted, in seconds since 1970."""
    with open("/proc/stat", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("btime "))


def create_time(pid: int) -> float:
    """When a process was started, in seconds since 1970."""
    return round(boot_time() + int(stat(pid)[19]) / _TICKS, 2)


def cpu_times(pid: int) -> Dict[str, float]:
    """The seconds a process has used."""
    fields = stat(pid)
    blocked = int(fields[39]) if len(fields) > 39 else 0
    values = [int(field) / _TICKS for field in fields[11:15]] + [blocked / _TICKS]
    return dict(zip(("user", "system", "children_user", "children_system", "iowait"), values))


def memory_info(pid: int) -> Dict[str, int]:
    """The bytes a process uses."""
    vms, rss, shared, text, lib, data, dirty = (int(field) * _PAGE for field in read(pid, "statm").split()[:7])
    return {"rss": rss, "vms": vms, "shared": shared, "text": text, "lib": lib, "data": data, "dirty": dirty}


def total_memory() -> int:
    """The bytes of memory of the system."""
    return os.sysconf("SC_PHYS_PAGES") * _PAGE


def _ids(pid: int, key: str) -> List[int]:
    return [int(field) for field in status_fields(pid)[key].split()[:3]]


def _link(pid: int, file: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/{file}")
    except FileNotFoundError:
        if os.path.exists(f"/proc/{pid}"):
            return ""  # kernel threads have none
        raise ProcessLookupError(f"no process found with pid {pid}") from None


def _open_files(pid: int) -> List[List[Any]]:
    found = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")
            if path.startswith("/") and os.path.isfile(path):
                info = dict(line.split(":") for line in read(pid, f"fdinfo/{number}").splitlines()[:2])
                flags = int(info["flags"], 8)
                found.append([path, int(number), int(info["pos"]), _mode(flags), flags])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def _mode(flags: int) -> str:
    mode = {os.O_RDONLY: "r", os.O_WRONLY: "w", os.O_RDWR: "w+"}[flags & os.O_ACCMODE]
    if flags & os.O_APPEND:
        mode = mode.replace("w", "a", 1)
    return mode.replace("w+", "r+")


def _threads(pid: int) -> List[List[Any]]:
    found = []
    for thread in sorted(map(int, os.listdir(f"/proc/{pid}/task"))):
        fields = read(pid, f"task/{thread}/stat").rpartition(")")[2].split()
        found.append([thread, int(fields[11]) / _TICKS, int(fields[12]) / _TICKS])
    return found


def _io(pid: int) -> List[int]:
    numbers = dict(line.split(": ") for line in read(pid, "io").splitlines())
    order = ("syscr", "syscw", "read_bytes", "write_bytes", "rchar", "wchar")
    return [int(numbers[key]) for key in order]


def _terminal(pid: int) -> Any:
    number = int(stat(pid)[4])
    if not number:
        return None
    major, minor = os.major(number), os.minor(number)
    return f"/dev/pts/{minor}" if 136 <= major < 144 else f"/dev/tty{minor}" if major == 4 else None


def _environ(pid: int) -> Dict[str, str]:
    pairs = (entry.partition("=") for entry in read(pid, "environ").split("\0") if "=" in entry)
    return {key: value for key, _, value in pairs}


def _switches(pid: int) -> List[int]:
    fields = status_fields(pid)
    return [int(fields["voluntary_ctxt_switches"]), int(fields["nonvoluntary_ctxt_switches"])]


# what `ps.proc_info` can tell; groups of numbers are lists, in the order that psutil has made known
ATTRIBUTES: Mapping[str, Callable[[int], Any]] = {
    "pid": int,
    "ppid": lambda pid: int(stat(pid)[1]),
    "name": name,
    "exe": lambda pid: _link(pid, "exe"),
    "cmdline": cmdline,
    "cwd": lambda pid: _link(pid, "cwd"),
    "environ": _environ,
    "status": state,
    "username": username,
    "uids": lambda pid: _ids(pid, "Uid"),
    "gids": lambda pid: _ids(pid, "Gid"),
    "terminal": _terminal,
    "create_time": create_time,
    "nice": lambda pid: int(stat(pid)[16]),
    "num_threads": lambda pid: int(stat(pid)[17]),
    "threads": _threads,
    "cpu_num": lambda pid: int(stat(pid)[36]),
    "cpu_affinity": lambda pid: sorted(os.sched_getaffinity(pid)),
    "cpu_times": lambda pid: list(cpu_times(pid).values()),
    "memory_info": lambda pid: list(memory_info(pid).values()),
    "memory_percent": lambda pid: memory_info(pid)["rss"] / total_memory() * 100,
    "io_counters": _io,
    "num_ctx_switches": _switches,
    "num_fds": lambda pid: len(os.listdir(f"/proc/{pid}/fd")),
    "open_files": _open_files,
}


def each(question: Callable[[int], Any]) -> Iterator[Tuple[int, Any]]:
    """(pid, answer) of all processes that still are there when asked, and that may be asked."""
    for pid in pids():
        try:
            yield pid, question(pid)
        except (ProcessLookupError, FileNotFoundError, PermissionError):
            continue


def logins() -> List[Dict[str, Any]]:
    """Who is logged in, from utmp."""
    for path in _UTMP:
        try:
            with open(path, "rb") as file:
                return list(parse_utmp(file.read()))
        except OSError:
            continue
    return []


def parse_utmp(raw: bytes) -> Iterator[Dict[str, Any]]:
    """The logins that a utmp file holds."""
    for start in range(0, len(raw) - _UTMP_ENTRY.size + 1, _UTMP_ENTRY.size):
        kind, pid, line, _, user, host, _, _, _, seconds, _, _ = _UTMP_ENTRY.unpack_from(raw, start)
        if kind == _USER_PROCESS:
            texts = [part.partition(b"\0")[0].decode("utf-8", "replace") for part in (user, line, host)]
            yield {"name": texts[0], "terminal": texts[1], "host": texts[2], "started": float(seconds), "pid": pid}
