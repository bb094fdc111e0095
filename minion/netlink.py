"""Asks the kernel for links, addresses, routes and neighbours over rtnetlink.

No program is started and no output is parsed, so it is fast, and it works where iproute2 or net-tools are missing.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Dict, Iterator, List, NamedTuple, Tuple

_GET_LINK, _GET_ADDRESS, _GET_ROUTE, _GET_NEIGHBOUR = 18, 22, 26, 30
_ERROR, _DONE = 2, 3
_REQUEST, _DUMP, _DUMP_INTERRUPTED = 0x01, 0x300, 0x10
_ATTEMPTS = 5

_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_LINK = struct.Struct("=BxHiII")  # family, hardware type, index, flags, change
_ADDRESS = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, dst len, src len, tos, table, protocol, scope, type, flags
_NEIGHBOUR = struct.Struct("=BxxxiHBB")  # family, index, state, flags, type

Attributes = Dict[int, bytes]


class Link(NamedTuple):
    """A network interface."""

    interface: int  # its number
    hardware: int  # ARPHRD_*
    flags: int  # IFF_*
    attributes: Attributes  # IFLA_*


class Address(NamedTuple):
    """An address of an interface."""

    family: int
    prefix: int
    flags: int  # IFA_F_*
    scope: int
    interface: int
    attributes: Attributes  # IFA_*


class Route(NamedTuple):
    """A route; `table` holds the full number, also of tables above 255."""

    family: int
    prefix: int
    table: int
    kind: int  # RTN_*
    attributes: Attributes  # RTA_*


class Neighbour(NamedTuple):
    """A known link-layer address of a host on the same network."""

    family: int
    interface: int
    state: int  # NUD_*
    attributes: Attributes  # NDA_*


def links() -> Iterator[Link]:
    """All network interfaces, by index."""
    for body in _dump(_GET_LINK, _LINK.pack(0, 0, 0, 0, 0)):
        _, hardware, index, flags, _ = _LINK.unpack_from(body)
        yield Link(index, hardware, flags, parse_attributes(body[_LINK.size :]))


def addresses() -> Iterator[Address]:
    """All IPv4 and IPv6 addresses of this host."""
    for body in _dump(_GET_ADDRESS, _ADDRESS.pack(0, 0, 0, 0, 0)):
        family, prefix, flags, scope, index = _ADDRESS.unpack_from(body)
        yield Address(family, prefix, flags, scope, index, parse_attributes(body[_ADDRESS.size :]))


def routes(family: int) -> Iterator[Route]:
    """All routes of AF_INET or AF_INET6, of every table."""
    for body in _dump(_GET_ROUTE, _ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)):
        found, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
        attributes = parse_attributes(body[_ROUTE.size :])
        if 15 in attributes:  # RTA_TABLE
            (table,) = struct.unpack("=I", attributes[15])
        if found == family:
            yield Route(found, prefix, table, kind, attributes)


def route_to(address: bytes) -> Route:
    """The route that packets to an address (4 or 16 bytes) take."""
    family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
    body = _ROUTE.pack(family, len(address) * 8, 0, 0, 0, 0, 0, 0, 0)
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(address), 1) + address  # RTA_DST
    bodies, _ = _exchange(_GET_ROUTE, body, 0)
    found, prefix, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(bodies[0])
    return Route(found, prefix, table, kind, parse_attributes(bodies[0][_ROUTE.size :]))


def neighbours(family: int) -> Iterator[Neighbour]:
    """The ARP (AF_INET) or neighbour discovery (AF_INET6) cache."""
    for body in _dump(_GET_NEIGHBOUR, _NEIGHBOUR.pack(family, 0, 0, 0, 0)):
        found, index, state, _, _ = _NEIGHBOUR.unpack_from(body)
        if found == family:
            yield Neighbour(found, index, state, parse_attributes(body[_NEIGHBOUR.size :]))


def _dump(kind: int, body: bytes) -> List[bytes]:
    """The bodies of all messages that answer a question; asks again if the tables changed meanwhile."""
    for _ in range(_ATTEMPTS):
        bodies, whole = _exchange(kind, body, _DUMP)
        if whole:
            break
    return bodies


def _exchange(kind: int, body: bytes, flags: int) -> Tuple[List[bytes], bool]:
    """(bodies of the answers, whether they are of one moment)."""
    request = _HEADER.pack(_HEADER.size + len(body), kind, _REQUEST | flags, 1, 0) + body
    bodies: List[bytes] = []
    whole = True
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(5)
        kernel.sendto(request, (0, 0))
        while True:
            data = kernel.recv(1 << 18)
            for message, marks, content in _messages(data):
                whole = whole and not marks & _DUMP_INTERRUPTED
                if message == _DONE:
                    return bodies, whole
                if message == _ERROR:
                    number = -struct.unpack_from("=i", content)[0]
                    raise OSError(number, f"the kernel refused rtnetlink request {kind}: {os.strerror(number)}")
                bodies.append(content)
                if not flags:  # a single question has a single answer
                    return bodies, whole


def _messages(data: bytes) -> Iterator[Tuple[int, int, bytes]]:
    """(type, flags, body) of each netlink message."""
    while len(data) >= _HEADER.size:
        length, kind, flags, _, _ = _HEADER.unpack_from(data)
        if length < _HEADER.size:
            return
        yield kind, flags, data[_HEADER.size : length]
        data = data[(length + 3) & ~3 :]


def parse_attributes(data: bytes) -> Attributes:
    """Attribute number -> raw value."""
    found = {}
    while len(data) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if length < _ATTRIBUTE.size:
            break
        found[kind & 0x3FFF] = data[_ATTRIBUTE.size : length]  # the two upper bits are markers
        data = data[(length + 3) & ~3 :]
    return found
