"""Open sockets, read from /proc/net."""

from __future__ import annotations

import ipaddress
import os
import struct
from typing import Dict, Iterator, NamedTuple, Tuple

from minion.modules import _processes

ESTABLISHED = "ESTABLISHED"

_STATES = (
    "",
    ESTABLISHED,
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
)
Endpoint = Tuple[str, int]


class Socket(NamedTuple):
    """One line of /proc/net/tcp and the like."""

    protocol: str
    local: Endpoint
    remote: Endpoint
    state: str
    send_queue: int
    receive_queue: int
    uid: str
    inode: str


def sockets(*protocols: str) -> Iterator[Socket]:
    """All sockets of protocols (tcp, tcp6, udp, udp6)."""
    for protocol in protocols:
        try:
            with open(f"/proc/net/{protocol}", encoding="ascii") as lines:
                for line in list(lines)[1:]:
                    yield parse(protocol, line)
        except FileNotFoundError:
            continue  # no IPv6


def parse(protocol: str, line: str) -> Socket:
    """One line."""
    fields = line.split()
    send_queue, _, receive_queue = fields[4].partition(":")
    number = int(fields[3], 16)
    state = _STATES[number] if number < len(_STATES) else ""
    return Socket(
        protocol,
        _endpoint(fields[1]),
        _endpoint(fields[2]),
        state,
        int(send_queue, 16),
        int(receive_queue, 16),
        fields[7],
        fields[9],
    )


def _endpoint(text: str) -> Endpoint:
    """Address and port; the address is written as numbers of four bytes in the machine's own order."""
    address, _, port = text.partition(":")
    words = [int(address[start : start + 8], 16) for start in range(0, len(address), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words))), int(port, 16)


def owners() -> Dict[str, str]:
    """Inode of a socket -> PID/program of a process that has it open, of the processes that may be looked at."""
    found: Dict[str, str] = {}

    def collect(pid: int) -> None:
        inodes = [link[len("socket:[") : -1] for link in _links(pid) if link.startswith("socket:[")]
        if inodes:
            label = f"{pid}/{_processes.name(pid)}"
            for inode in inodes:
                found.setdefault(inode, label)

    for _ in _processes.each(collect):
        pass
    return found


def _links(pid: int) -> Iterator[str]:
    """What the open files of a process are; some are closed while we look."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            yield os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
