"""Look at processes, and end them."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _processes, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

# not told unless asked for: environments hold passwords, the others are slow
_ON_REQUEST = ("environ", "open_files", "threads")


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "processes are read from /proc, which is Linux's"


def top(num_processes: int = 5, interval: float = 3) -> List[Dict[str, Any]]:
    """The processes that use the CPU most.

    Args:
        num_processes: how many of them.
        interval: for how many seconds to watch.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.top
        salt '*' ps.top 5 10
    """

    def used(pid: int) -> Tuple[float, float]:
        times = _processes.cpu_times(pid)
        return times["user"] + times["system"], _processes.create_time(pid)

    before = dict(_processes.each(used))
    time.sleep(interval)
    grown = []
    for pid, (now, created) in _processes.each(used):
        if pid in before and before[pid][1] == created:  # otherwise a new one has got the number
            grown.append((now - before[pid][0], pid))
    found: List[Dict[str, Any]] = []
    for _, pid in sorted(grown, key=lambda one: (-one[0], one[1])):
        if len(found) >= num_processes:
            break
        try:
            found.append(_describe(pid))
        except ProcessLookupError:
            continue
    return found


def _describe(pid: int) -> Dict[str, Any]:
    return {
        "cmd": _processes.cmdline(pid) or _processes.name(pid),
        "user": _processes.username(pid),
        "status": _processes.state(pid),
        "pid": pid,
        "create_time": _processes.create_time(pid),
        "cpu": _processes.cpu_times(pid),
        "mem": _processes.memory_info(pid),
    }


def get_pid_list() -> List[int]:
    """Numbers of all processes.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.get_pid_list
    """
    return _processes.pids()


def proc_info(pid: int, attrs: Optional[Sequence[str]] = None) -> Dict[str, Any]:
    """What is known of a process.

    Args:
        pid: its number.
        attrs: only these attributes. `environ`, `open_files` and `threads` are told only if named here.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.proc_info 2322
        salt '*' ps.proc_info 2322 attrs='["pid", "name"]'
    """
    wanted = [name for name in _processes.ATTRIBUTES if name not in _ON_REQUEST] if attrs is None else list(attrs)
    unknown = [name for name in wanted if name not in _processes.ATTRIBUTES]
    if unknown:
        known = ", ".join(_processes.ATTRIBUTES)
        raise SaltInvocationError(f"There is no attribute {', '.join(unknown)}; known are: {known}")
    found: Dict[str, Any] = {}
    for name in wanted:
        try:
            found[name] = _processes.ATTRIBUTES[name](int(pid))
        except PermissionError:
            found[name] = None
        except (ProcessLookupError, FileNotFoundError):
            raise CommandExecutionError(f"no process found with pid {pid}") from None
    return found


def kill_pid(pid: int, signal: int = 15) -> bool:
    """Sends a signal to a process; False if there is none of that number.

    Args:
        pid: number of the process.
        signal: number of the signal.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.kill_pid 2000 signal=9
    """
    if int(pid) <= 0:
        raise SaltInvocationError(f"{pid} is not the number of a process")
    try:
        os.kill(int(pid), int(signal))
    except ProcessLookupError:
        return False
    return True


def pkill(pattern: str, user: Optional[str] = None, signal: int = 15, full: bool = False) -> Any:
    """Sends a signal to processes whose name holds a text; None if there are none.

    Args:
        pattern: the text.
        user: only processes of this user.
        signal: number of the signal.
        full: look at the arguments too.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.pkill bash signal=9 user=tom
    """
    found = _matching(_holds(pattern), user, full)
    killed = [pid for pid in found if pid != os.getpid() and kill_pid(pid, signal)]
    return {"killed": killed} if killed else None


def pgrep(pattern: str, user: Optional[str] = None, full: bool = False, pattern_is_regex: bool = False) -> Any:
    """Numbers of the processes whose name holds a text; None if there are none.

    Args:
        pattern: the text.
        user: only processes of this user.
        full: look at the arguments too.
        pattern_is_regex: the text is a regular expression.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.pgrep httpd user=apache
    """
    fits = _fits(pattern) if pattern_is_regex else _holds(pattern)
    return _matching(fits, user, full) or None


def _holds(text: str) -> Callable[[str], bool]:
    return lambda line: str(text) in line


def _fits(pattern: str) -> Callable[[str], bool]:
    try:
        compiled = re.compile(str(pattern))
    except re.error as exc:
        raise SaltInvocationError(f"'{pattern}' is not a regular expression: {exc}") from None
    return lambda line: compiled.search(line) is not None


def _matching(fits: Callable[[str], bool], user: Optional[str], full: bool) -> List[int]:
    def matches(pid: int) -> bool:
        line = " ".join(_processes.cmdline(pid)) if full else _processes.name(pid)
        return fits(line) and (user is None or _processes.username(pid) == user)

    return [pid for pid, found in _processes.each(matches) if found]


def status(status: str) -> List[Dict[str, Any]]:
    """The processes that are `running`, `sleeping`, `zombie`, ...

    CLI Example:

    .. code-block:: bash

        salt '*' ps.status sleeping
    """
    if not status:
        raise SaltInvocationError("Filter is required for ps.status")
    found = _processes.each(lambda pid: (_processes.state(pid), _processes.name(pid)))
    return [{"name": name, "pid": pid} for pid, (state, name) in found if state == status]


def psaux(name: str) -> List[Any]:
    """The lines of `ps aux` that a regular expression fits, and how many they are.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.psaux www-data.+apache2
    """
    fits, ourselves = _fits(name), _fits("salt.+ps.psaux.+")
    lines = [line for line in _tools.lines(__salt__, ["ps", "auxww"]) if fits(line) and not ourselves(line)]
    return [str(name), lines, f"{len(lines)} occurrence(s)."]


def lsof(name: str) -> List[str]:
    """The files that programs of a name have open, as lsof prints them.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.lsof apache2
    """
    done = _tools.result(__salt__, ["lsof", "-c", name], ignore_retcode=True)  # 1: nothing is open
    return [str(name), done["stdout"]]


def netstat(name: str) -> List[Any]:
    """The lines of `netstat -nap` that hold a text.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.netstat apache2
    """
    return [str(name), [line for line in _tools.lines(__salt__, ["netstat", "-nap"]) if str(name) in line]]


def ss(name: str) -> List[Any]:
    """The lines of `ss -neap` that hold a text.

    CLI Example:

    .. code-block:: bash

        salt '*' ps.ss apache2
    """
    return [str(name), [line for line in _tools.lines(__salt__, ["ss", "-neap"]) if str(name) in line]]
