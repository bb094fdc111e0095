"""Reach other hosts, see who is connected, and rename this host."""

from __future__ import annotations

import os
import re
import socket
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _sockets, _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "network"

_HOSTS = "/etc/hosts"
_HOSTNAME = "/etc/hostname"
_SYSCONFIG = "/etc/sysconfig/network"
_TRACE_SECONDS = 120


def ping(host: str, timeout: Any = False, return_boolean: bool = False) -> Any:
    """Sends four pings to a host, and returns what ping said.

    Args:
        host: name or address.
        timeout: seconds to wait for each answer.
        return_boolean: only tell whether there were answers.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ping archlinux.org
        salt '*' network.ping archlinux.org timeout=3 return_boolean=True
    """
    waiting = ["-W", timeout] if timeout else []
    command = ["ping", *waiting, "-c", "4", "--", _host(host)]
    done = _tools.result(__salt__, command, ignore_retcode=return_boolean)
    return done["retcode"] == 0 if return_boolean else "\n".join(filter(None, (done["stdout"], done["stderr"])))


def dig(host: str) -> str:
    """Asks the DNS for a name, and returns what dig said.

    CLI Example:

    .. code-block:: bash

        salt '*' network.dig archlinux.org
    """
    return _tools.output(__salt__, ["dig", _host(host)])


def traceroute(host: str) -> List[Dict[str, Any]]:
    """The routers on the way to a host: name, address and three times in milliseconds of each.

    CLI Example:

    .. code-block:: bash

        salt '*' network.traceroute archlinux.org
    """
    done = _tools.result(__salt__, ["traceroute", _host(host)], timeout=_TRACE_SECONDS)
    if done["retcode"]:
        raise CommandExecutionError(f"traceroute to {host} failed: {done['stderr'] or done['stdout']}")
    return _parse_trace(done["stdout"])


def _parse_trace(output: str) -> List[Dict[str, Any]]:
    found: List[Dict[str, Any]] = []
    for line in output.splitlines():
        hop = re.match(r"\s*(\d+)\s+(.*)", line)
        if not hop:
            continue
        entry: Dict[str, Any] = {"count": int(hop.group(1))}
        router = re.search(r"(\S+) \(([^)]+)\)", hop.group(2))
        if router is None:
            entry["hostname"] = "*"
        else:
            times = re.findall(r"(?:([\d.]+) ms|\*)", hop.group(2))
            entry.update(hostname=router.group(1), ip=router.group(2))
            entry.update({f"ms{index}": float(time) if time else None for index, time in enumerate(times[:3], 1)})
        found.append(entry)
    return found


def _host(host: str) -> str:
    """The name or address of a host; an error if a program would take it for something else."""
    text = str(host)
    if not re.fullmatch(r"[\w:][\w.:%-]*", text):
        raise SaltInvocationError(f"'{host}' is not the name or address of a host")
    return text


def _interface(iface: str) -> str:
    """The name of an interface; an error if a program would take it for something else."""
    if not re.fullmatch(r"[\w.:@][\w.:@-]*", str(iface)):
        raise SaltInvocationError(f"'{iface}' is not the name of an interface")
    return str(iface)


def wol(mac: str, bcast: str = "255.255.255.255", destport: int = 9) -> bool:
    """Wakes up a host by a magic packet.

    Args:
        mac: its hardware address, with or without separators.
        bcast: the broadcast address of its network.
        destport: the port.

    CLI Example:

    .. code-block:: bash

        salt '*' network.wol 08-00-27-13-69-77
    """
    digits = re.sub(r"[^0-9A-Fa-f]", "", str(mac))
    if len(digits) != 12:
        raise SaltInvocationError("Invalid MAC address")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sender.sendto(b"\xff" * 6 + bytes.fromhex(digits) * 16, (bcast, int(destport)))
    return True


def connect(host: str, port: Optional[int] = None, **kwargs: Any) -> Dict[str, Any]:
    """Whether a port of a host answers: `result` and `comment`.

    Args:
        host: name or address.
        port: number of the port.
        proto: `tcp` or `udp`; with `udp` an answer to some random bytes is awaited.
        timeout: seconds to wait.
        family: `ipv4` or `ipv6`.

    CLI Example:

    .. code-block:: bash

        salt '*' network.connect archlinux.org 80
        salt '*' network.connect archlinux.org 80 timeout=3 family=ipv4
        salt '*' network.connect google-public-dns-a.google.com port=53 proto=udp timeout=3
    """
    for name, value in (("host", host), ("port", port)):
        if not value:
            return {"result": False, "comment": f"Required argument, {name}, is missing."}
    udp = kwargs.get("proto") == "udp"
    proto, kind = ("udp", socket.SOCK_DGRAM) if udp else ("tcp", socket.SOCK_STREAM)
    family = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}.get(str(kwargs.get("family")), 0)
    try:
        target = socket.getaddrinfo(_host(host), port, family, kind)[0]
    except (OSError, UnicodeError):
        return {"result": False, "comment": f"Unable to resolve host {host} on {proto} port {port}"}
    where = f"{host} ({target[4][0]}) on {proto} port {port}"
    if _answers(target, udp, float(kwargs.get("timeout") or 5)):
        return {"result": True, "comment": f"Successfully connected to {where}"}
    return {"result": False, "comment": f"Unable to connect to {where}"}


def _answers(target: Any, udp: bool, timeout: float) -> bool:
    try:
        with socket.socket(target[0], target[1]) as peer:
            peer.settimeout(timeout)
            peer.connect(target[4])
            if udp:
                peer.send(os.urandom(16))
                peer.recv(255)
    except OSError:
        return False
    return True


def active_tcp() -> Dict[int, Dict[str, Any]]:
    """The TCP connections that are open.

    CLI Example:

    .. code-block:: bash

        salt '*' network.active_tcp
    """
    open_ones = (one for one in _sockets.sockets("tcp", "tcp6") if one.state == _sockets.ESTABLISHED)
    return {
        number: {
            "local_addr": one.local[0],
            "local_port": one.local[1],
            "remote_addr": one.remote[0],
            "remote_port": one.remote[1],
        }
        for number, one in enumerate(open_ones)
    }


def netstat() -> List[Dict[str, str]]:
    """All TCP and UDP sockets, with the programs that have them open.

    CLI Example:

    .. code-block:: bash

        salt '*' network.netstat
    """
    owners = _sockets.owners()
    found = []
    for one in _sockets.sockets("tcp", "tcp6", "udp", "udp6"):
        entry = {
            "proto": one.protocol,
            "recv-q": str(one.receive_queue),
            "send-q": str(one.send_queue),
            "local-address": _shown(one.local),
            "remote-address": _shown(one.remote),
        }
        if one.protocol.startswith("tcp"):
            entry["state"] = one.state
        entry.update({"user": one.uid, "inode": one.inode, "program": owners.get(one.inode, "-")})
        found.append(entry)
    return found


def _shown(endpoint: Tuple[str, int]) -> str:
    return f"{endpoint[0]}:{endpoint[1] or '*'}"


def get_bufsize(iface: str) -> Dict[str, Any]:
    """The sizes of the ring buffers of an interface, and how large they can be; empty without ethtool.

    CLI Example:

    .. code-block:: bash

        salt '*' network.get_bufsize eth0
    """
    if _tools.which("ethtool") is None:
        return {}
    done = _tools.result(__salt__, ["ethtool", "-g", _interface(iface)])
    sizes = _parse_rings(done["stdout"])
    return {"result": True, **sizes} if sizes else {"result": False, "comment": done["stderr"] or done["stdout"]}


def _parse_rings(output: str) -> Dict[str, int]:
    found = {}
    suffix = ""
    for line in output.splitlines():
        if line.endswith(("maximums:", "settings:")):
            suffix = "-max" if line.endswith("maximums:") else ""
        size = re.fullmatch(r"(.+):\s+(\d+)", line)
        if size:
            found[size.group(1).lower().replace(" ", "-") + suffix] = int(size.group(2))
    return found


def mod_bufsize(iface: str, *args: Any, **kwargs: Any) -> Any:
    """Sets the sizes of the ring buffers of an interface: `result` and `comment`; False without ethtool.

    Args:
        iface: name of the interface.
        rx, tx, rx-mini, rx-jumbo: the sizes.

    CLI Example:

    .. code-block:: bash

        salt '*' network.mod_bufsize eth0 tx=256 rx=256
    """
    if _tools.which("ethtool") is None:
        return False
    if args:
        return {"result": False, "comment": "Unknown arguments: " + " ".join(map(str, args))}
    sizes = [str(word) for key in ("rx", "tx", "rx-mini", "rx-jumbo") if key in kwargs for word in (key, kwargs[key])]
    if not sizes:
        return {"result": False, "comment": "Requires rx=<val> tx=<val> rx-mini=<val> and/or rx-jumbo=<val>"}
    done = _tools.result(__salt__, ["ethtool", "-G", _interface(iface), *sizes])
    said = done["stderr"] or done["stdout"]
    return {"result": done["retcode"] == 0, "comment": said if done["retcode"] else " ".join(sizes)}


def mod_hostname(hostname: Optional[str]) -> bool:
    """Renames this host: the running system, /etc/hostname, and what stood for the old name in /etc/hosts.

    CLI Example:

    .. code-block:: bash

        salt '*' network.mod_hostname master.saltstack.com
    """
    if hostname is None:
        return False
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?", str(hostname)):
        raise SaltInvocationError(f"'{hostname}' is not a host name")
    old = socket.gethostname()
    if _systemd.booted() and _tools.which("hostnamectl"):
        if not _tools.succeeds(__salt__, ["hostnamectl", "set-hostname", hostname]):
            return False
    else:
        try:
            socket.sethostname(hostname)
        except OSError as exc:
            raise CommandExecutionError(f"The host can't be renamed: {exc.strerror}") from None
        atomic.write(_HOSTNAME, f"{hostname}\n")
    _rewrite(_HOSTS, rf"(?m)^([^#\n]*[ \t]){re.escape(old)}(?=[\s#]|$)", rf"\g<1>{hostname}")
    _rewrite(_SYSCONFIG, r"(?m)^(\s*HOSTNAME=([\"']?)).*?\2[ \t]*$", rf"\g<1>{hostname}\g<2>")
    return True


def _rewrite(path: str, pattern: str, replacement: str) -> None:
    """Replaces what a pattern finds in a file, as long as it finds something."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            before = file.read()
    except FileNotFoundError:
        return
    after = re.sub(pattern, replacement, before)
    if after != before:
        atomic.write(path, after)
