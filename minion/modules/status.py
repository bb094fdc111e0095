"""How the system is doing."""

from __future__ import annotations

import datetime
import logging
import os
import re
import socket
import time
from typing import Any, Callable, Dict, List, Optional

from minion import network
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _processes, _sockets, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__func_alias__ = {"time_": "time"}

log = logging.getLogger(__name__)


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "this is read from /proc, which is Linux's"


def procs() -> Dict[str, Dict[str, str]]:
    """Number of each process -> its user and command.

    CLI Example:

    .. code-block:: bash

        salt '*' status.procs
    """
    found = _processes.each(lambda pid: {"user": _processes.username(pid), "cmd": _command(pid)})
    return {str(pid): entry for pid, entry in found}


def _command(pid: int) -> str:
    return " ".join(_processes.cmdline(pid)) or f"[{_processes.name(pid)}]"


def pid(sig: str) -> str:
    """Numbers of the processes a regular expression fits, one per line.

    Args:
        sig: fits user, number, parent's number and command, separated by blanks.

    CLI Example:

    .. code-block:: bash

        salt '*' status.pid <sig>
    """
    try:
        pattern = re.compile(str(sig))
    except re.error as exc:
        raise SaltInvocationError(f"'{sig}' is not a regular expression: {exc}") from None

    def line(number: int) -> str:
        parent = _processes.stat(number)[1]
        return f"{_processes.username(number)} {number} {parent} {_command(number)}"

    ours = os.getpid()
    return "\n".join(str(number) for number, text in _processes.each(line) if number != ours and pattern.search(text))


def custom() -> Dict[str, Any]:
    """What the configuration asks for: options like `status.diskusage.custom` list the values to take from a function.

    CLI Example:

    .. code-block:: bash

        salt '*' status.custom
    """
    found: Dict[str, Any] = {}
    for option, wanted in __salt__["config.dot_vals"]("status").items():
        function = option.rpartition(".")[0]
        if function == "status.custom":
            continue
        if function not in __salt__:
            log.warning("custom status %s isn't loaded", function)
            continue
        values = __salt__[function]()
        found.update({item: values.get(item, "UNKNOWN") for item in wanted})
    return found


def uptime() -> Dict[str, Any]:
    """How long the system has been up, and how many users are logged in.

    CLI Example:

    .. code-block:: bash

        salt '*' status.uptime
    """
    seconds = int(float(_read("/proc/uptime").split()[0]))
    now = time.time()
    up = datetime.timedelta(seconds=seconds)
    since = datetime.datetime.fromtimestamp(now - seconds, datetime.timezone.utc).replace(tzinfo=None)
    return {
        "seconds": seconds,
        "since_iso": since.isoformat(),
        "since_t": int(now - seconds),
        "days": up.days,
        "time": f"{up.seconds // 3600}:{up.seconds % 3600 // 60}",
        "users": len(_processes.logins()),
    }


def loadavg() -> Dict[str, float]:
    """The load: how many processes ran or wanted to, on average.

    CLI Example:

    .. code-block:: bash

        salt '*' status.loadavg
    """
    return dict(zip(("1-min", "5-min", "15-min"), os.getloadavg()))


def nproc() -> int:
    """How many CPUs may be used.

    CLI Example:

    .. code-block:: bash

        salt '*' status.nproc
    """
    return len(os.sched_getaffinity(0))


def w() -> List[Dict[str, str]]:
    """Who is logged in, and does what.

    CLI Example:

    .. code-block:: bash

        salt '*' status.w
    """
    return _parse_w(_tools.output(__salt__, ["w", "-fh"]))


def _parse_w(output: str) -> List[Dict[str, str]]:
    keys = ("user", "tty", "login", "idle", "jcpu", "pcpu", "what")
    rows = (line.split(None, 6) for line in output.splitlines())
    return [dict(zip(keys, [*row, ""])) for row in rows if len(row) >= 6]


def all_status() -> Dict[str, Any]:
    """The answers of most functions here at once.

    CLI Example:

    .. code-block:: bash

        salt '*' status.all_status
    """
    names = ["cpuinfo", "cpustats", "diskstats", "diskusage", "loadavg", "meminfo", "netdev", "netstats", "uptime"]
    names += ["vmstats", "w"] if _tools.which("w") else ["vmstats"]
    return {name: __salt__[f"status.{name}"]() for name in names}


def version() -> str:
    """The version of the kernel, in full.

    CLI Example:

    .. code-block:: bash

        salt '*' status.version
    """
    return _read("/proc/version").strip()


def time_(format: str = "%A, %d. %B %Y %I:%M%p") -> str:
    """Date and time.

    Args:
        format: as text of this format (strftime).

    CLI Example:

    .. code-block:: bash

        salt '*' status.time
        salt '*' status.time '%s'
    """
    return datetime.datetime.now().strftime(format)


def master(master: Optional[str] = None, connected: bool = True) -> Optional[bool]:
    """Whether there is a connection to the port on which a master publishes; None if the master has no address.

    Args:
        master: name or address of the master.
        connected: accepted for compatibility.

    CLI Example:

    .. code-block:: bash

        salt '*' status.master
    """
    addresses = {address for family in network.FAMILIES for address in network.resolve(master or "", family)}
    if not master or not addresses:
        return None
    port = __opts__.get("publish_port") or 4505
    open_ones = (one for one in _sockets.sockets("tcp", "tcp6") if one.state == _sockets.ESTABLISHED)
    return any(one.remote[1] == port and one.remote[0].replace("::ffff:", "") in addresses for one in open_ones)


def ping_master(master: Optional[str]) -> bool:
    """Whether a master answers. It need not know this minion.

    Args:
        master: name or address; a port may follow it.

    CLI Example:

    .. code-block:: bash

        salt '*' status.ping_master localhost
    """
    if not master:
        return False
    try:
        import zmq
    except ImportError:
        raise CommandExecutionError("Masters can only be asked where pyzmq is installed") from None
    from minion.daemon.links import parse_master
    from transports.codec import pack

    host, port = parse_master(master, int(__opts__.get("master_port") or 4506))
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0]
    except OSError:
        return False
    with zmq.Context() as context, context.socket(zmq.REQ) as asking:
        asking.linger = 0
        asking.ipv6 = family == socket.AF_INET6
        where = f"[{address[0]}]" if asking.ipv6 else address[0]
        asking.connect(f"tcp://{where}:{port}")
        asking.send(pack({"enc": "clear", "load": {"cmd": "ping"}, "version": 3}))
        return bool(asking.poll(int(float(__opts__.get("auth_timeout") or 5) * 1000)))


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()
