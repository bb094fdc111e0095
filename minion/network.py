"""Facts about this host's network: names, interfaces, addresses, subnets, routes.

Plain functions without dunders; grains and the `network` module are made of them. The shape of `interfaces()` is the
one that Salt's users know.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import socket
import struct
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Union

from minion import netlink

Interfaces = Dict[str, Dict[str, Any]]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_NOWHERE = {"inet": "0.0.0.0", "inet6": "::"}  # noqa: S104 - as a destination it means: everywhere else

_UP = 0x1
_SECONDARY = 0x01
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host", 255: "nowhere"}
_IFLA_ADDRESS, _IFLA_NAME, _IFLA_LINK, _IFLA_LINK_NETNS = 1, 3, 5, 37
_IFA_ADDRESS, _IFA_LOCAL, _IFA_LABEL, _IFA_BROADCAST, _IFA_FLAGS = 1, 2, 3, 4, 8
_RTA_DESTINATION, _RTA_INTERFACE, _RTA_GATEWAY, _RTA_SOURCE, _RTA_MULTIPATH, _RTA_VIA = 1, 4, 5, 7, 9, 18
_UNICAST, _LOCAL = 1, 2
_TABLE_MAIN, _TABLE_LOCAL = 254, 255
_NUD_FAILED, _NUD_NOARP, _NUD_NONE = 0x20, 0x40, 0x00
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, hops, interface
_LINK_ADDRESS_IS_IP = {768, 776, 778, 769, 823}  # IP tunnels: tunl, sit, gre, ip6tnl, ip6gre


def interfaces() -> Interfaces:
    """Interface name -> up, hwaddr, parent, inet, inet6, secondary, each only where it applies."""
    links = list(netlink.links())
    names = {link.interface: _text(link.attributes[_IFLA_NAME]) for link in links}
    found: Interfaces = {names[link.interface]: _describe_link(link, names) for link in links}
    for address in netlink.addresses():
        if address.interface in names:
            _add_address(found[names[address.interface]], address)
    return found


def _describe_link(link: netlink.Link, names: Mapping[int, str]) -> Dict[str, Any]:
    entry: Dict[str, Any] = {"up": bool(link.flags & _UP)}
    if _IFLA_LINK in link.attributes:
        (index,) = struct.unpack("=i", link.attributes[_IFLA_LINK])
        elsewhere = _IFLA_LINK_NETNS in link.attributes or index not in names
        entry["parent"] = ("NONE" if index == 0 else f"if{index}") if elsewhere else names[index]
    hardware = link.attributes.get(_IFLA_ADDRESS)
    if hardware:
        entry["hwaddr"] = _hardware_address(hardware, link.hardware)
    return entry


def _hardware_address(raw: bytes, kind: int) -> str:
    if kind in _LINK_ADDRESS_IS_IP and len(raw) in (4, 16):
        return str(ipaddress.ip_address(raw))
    return ":".join(f"{byte:02x}" for byte in raw)


def _add_address(entry: Dict[str, Any], address: netlink.Address) -> None:
    attributes = address.attributes
    local = attributes.get(_IFA_LOCAL, attributes.get(_IFA_ADDRESS))
    if local is None:
        return
    prefix = address.prefix
    if attributes.get(_IFA_ADDRESS, local) != local:  # point to point: the prefix belongs to the other end
        prefix = len(local) * 8
    flags = struct.unpack("=I", attributes[_IFA_FLAGS])[0] if _IFA_FLAGS in attributes else address.flags
    scope = _SCOPES.get(address.scope, str(address.scope))
    shown: Dict[str, Any] = {"address": str(ipaddress.ip_address(local))}
    if address.family == socket.AF_INET6:
        shown.update(prefixlen=str(prefix), scope=scope)
        entry.setdefault("inet6", []).append(shown)
        return
    broadcast = attributes.get(_IFA_BROADCAST)
    shown["netmask"] = netmask(prefix)
    shown["broadcast"] = str(ipaddress.ip_address(broadcast)) if broadcast else None
    shown["label"] = _text(attributes[_IFA_LABEL]) if _IFA_LABEL in attributes else scope
    if flags & _SECONDARY:
        entry.setdefault("secondary", []).append({"type": "inet", **shown})
    else:
        entry.setdefault("inet", []).append(shown)


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("utf-8", "replace")


def netmask(prefix: int) -> str:
    """The dotted IPv4 mask of a prefix length."""
    return str(ipaddress.IPv4Network((0, prefix)).netmask)


def select_interfaces(patterns: Union[str, Sequence[str], None], data: Optional[Interfaces] = None) -> Interfaces:
    """The interfaces whose names match; `patterns` is a list or a comma-separated text of globs, None means all."""
    data = interfaces() if data is None else data
    if patterns is None:
        return data
    wanted = [part.strip() for part in patterns.split(",")] if isinstance(patterns, str) else list(patterns)
    return {name: entry for name, entry in data.items() if any(fnmatch.fnmatchcase(name, p) for p in wanted)}


def address_entries(entry: Mapping[str, Any], family: str) -> List[Dict[str, Any]]:
    """All addresses of one interface of family inet or inet6, secondary ones last."""
    return list(entry.get(family, [])) + [item for item in entry.get("secondary", []) if item["type"] == family]


def interface_addresses(family: Optional[str] = None, data: Optional[Interfaces] = None) -> Dict[str, List[str]]:
    """Interface name -> its addresses (the grains ip4_interfaces: "inet", ip6_interfaces: "inet6", ip_interfaces)."""
    data = interfaces() if data is None else data
    if family is not None:
        return {name: [item["address"] for item in address_entries(entry, family)] for name, entry in data.items()}
    kinds = ("inet", "inet6", "secondary")
    return {name: [item["address"] for kind in kinds for item in e.get(kind, [])] for name, e in data.items()}


def hw_addresses(data: Optional[Interfaces] = None) -> Dict[str, str]:
    """Interface name -> hardware address, of the interfaces that have one (the grain hwaddr_interfaces)."""
    data = interfaces() if data is None else data
    return {name: entry["hwaddr"] for name, entry in data.items() if "hwaddr" in entry}


def ip_addrs(
    interface: Union[str, Sequence[str], None] = None,
    include_loopback: bool = False,
    cidr: Optional[str] = None,
    data: Optional[Interfaces] = None,
) -> List[str]:
    """IPv4 addresses of this host, sorted; only of some interfaces or of one subnet if asked."""
    return _addresses("inet", interface, include_loopback, cidr, data)


def ip_addrs6(
    interface: Union[str, Sequence[str], None] = None,
    include_loopback: bool = False,
    cidr: Optional[str] = None,
    data: Optional[Interfaces] = None,
) -> List[str]:
    """IPv6 addresses of this host, sorted; only of some interfaces or of one subnet if asked."""
    return _addresses("inet6", interface, include_loopback, cidr, data)


def _addresses(
    family: str,
    interface: Union[str, Sequence[str], None],
    include_loopback: bool,
    cidr: Optional[str],
    data: Optional[Interfaces],
) -> List[str]:
    entries = [item for entry in select_interfaces(interface, data).values() for item in address_entries(entry, family)]
    found = {ipaddress.ip_address(item["address"]) for item in entries}
    kept = (address for address in found if include_loopback or not address.is_loopback)
    texts = [str(address) for address in sorted(kept, key=int)]
    return [text for text in texts if in_subnet(cidr, [text])] if cidr else texts


def ip_networks(
    family: str = "inet",
    interface: Union[str, Sequence[str], None] = None,
    include_loopback: bool = False,
    data: Optional[Interfaces] = None,
) -> List[Network]:
    """The networks this host has an address in, sorted."""
    length = "netmask" if family == "inet" else "prefixlen"
    found = {
        ipaddress.ip_network(f"{item['address']}/{item[length]}", strict=False)
        for entry in select_interfaces(interface, data).values()
        for item in address_entries(entry, family)
    }
    kept = (network for network in found if include_loopback or not network.is_loopback)
    return sorted(kept, key=lambda network: (int(network.network_address), network.prefixlen))


def subnets(
    family: str = "inet", interface: Union[str, Sequence[str], None] = None, data: Optional[Interfaces] = None
) -> List[str]:
    """The subnets this host belongs to, without loopback, as texts like 192.0.2.0/24."""
    return [str(network) for network in ip_networks(family, interface, data=data)]


def in_subnet(cidr: str, addresses: Optional[Iterable[str]] = None) -> bool:
    """Whether any of the addresses (all of this host's, if none are given) lies in the subnet."""
    network = ipaddress.ip_network(cidr, strict=False)
    if addresses is None:
        data = interfaces()
        addresses = ip_addrs(data=data) + ip_addrs6(data=data)
    return any(ipaddress.ip_address(address) in network for address in addresses)


def hostname() -> str:
    """The host's own name, as it was set."""
    return socket.gethostname()


def fqdn() -> str:
    """The canonical name the resolver (/etc/hosts, DNS) gives for the host's name, or the name itself."""
    name = socket.gethostname()
    try:
        answers = socket.getaddrinfo(name, 0, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP, socket.AI_CANONNAME)
    except (OSError, UnicodeError):
        return name
    return next((answer[3] for answer in answers if answer[3]), name)


def resolve(name: str, family: str = "inet") -> List[str]:
    """Addresses of a name, without duplicates; none if it does not resolve."""
    try:
        answers = socket.getaddrinfo(name, None, FAMILIES[family])
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def routes(family: str = "inet") -> List[Dict[str, str]]:
    """The usable routes, in the shape of network.routes; of IPv6 also those to the host's own addresses."""
    names = dict(socket.if_nameindex())
    found: List[Dict[str, str]] = []
    for route in netlink.routes(FAMILIES[family]):
        main = route.kind == _UNICAST and route.table == _TABLE_MAIN
        own = route.kind == _LOCAL and route.table == _TABLE_LOCAL and family == "inet6"
        if main or own:
            found.extend(_describe_route(route, family, hop, names) for hop in _hops(route))
    return found


def _hops(route: netlink.Route) -> List[netlink.Attributes]:
    """The route's attributes, once for each next hop."""
    rest = route.attributes.get(_RTA_MULTIPATH, b"")
    hops = []
    while len(rest) >= _NEXT_HOP.size:
        length, _, _, index = _NEXT_HOP.unpack_from(rest)
        if length < _NEXT_HOP.size:
            break
        own = netlink.parse_attributes(rest[_NEXT_HOP.size : length])
        hops.append({**route.attributes, **own, _RTA_INTERFACE: struct.pack("=i", index)})
        rest = rest[(length + 3) & ~3 :]
    return hops or [route.attributes]


def _describe_route(
    route: netlink.Route, family: str, hop: netlink.Attributes, names: Mapping[int, str]
) -> Dict[str, str]:
    nowhere = _NOWHERE[family]
    destination = str(ipaddress.ip_address(hop[_RTA_DESTINATION])) if _RTA_DESTINATION in hop else nowhere
    via = hop.get(_RTA_GATEWAY) or hop.get(_RTA_VIA, b"")[2:]  # VIA: a gateway of the other family
    host = route.prefix == (32 if family == "inet" else 128)
    index = struct.unpack("=i", hop[_RTA_INTERFACE])[0] if _RTA_INTERFACE in hop else 0
    return {
        "addr_family": family,
        "destination": destination if family == "inet" else f"{destination}/{route.prefix}",
        "gateway": str(ipaddress.ip_address(via)) if via else nowhere,
        "netmask": netmask(route.prefix) if family == "inet" else "",
        "flags": "U" + ("G" if via else "") + ("H" if host else ""),
        "interface": names.get(index, ""),
    }


def route_to(ip: str) -> Dict[str, Optional[str]]:
    """Gateway, interface and own address for packets to an address."""
    hop = netlink.route_to(ipaddress.ip_address(ip).packed).attributes
    gateway, source = hop.get(_RTA_GATEWAY), hop.get(_RTA_SOURCE)
    names = dict(socket.if_nameindex())
    return {
        "destination": ip,
        "gateway": str(ipaddress.ip_address(gateway)) if gateway else None,
        "interface": names.get(struct.unpack("=i", hop[_RTA_INTERFACE])[0]) if _RTA_INTERFACE in hop else None,
        "source": str(ipaddress.ip_address(source)) if source else None,
    }


def default_routes(family: str = "inet") -> List[Dict[str, str]]:
    """The routes that everything without a better route takes."""
    everywhere = (_NOWHERE["inet"], _NOWHERE["inet"]) if family == "inet" else ("::/0", "")
    return [route for route in routes(family) if (route["destination"], route["netmask"]) == everywhere]


def default_gateway(family: str = "inet") -> Union[str, bool]:
    """The first default route's gateway; True if it has none (a tunnel); False without a default route."""
    for route in default_routes(family):
        return route["gateway"] if "G" in route["flags"] else True
    return False


def neighbours(family: str = "inet") -> Dict[str, str]:
    """Hardware address -> IP address of hosts on the same networks that this host has talked to."""
    found = {}
    for entry in netlink.neighbours(FAMILIES[family]):
        address, hardware = entry.attributes.get(1), entry.attributes.get(2)
        if address and hardware and entry.state not in (_NUD_NONE, _NUD_FAILED, _NUD_NOARP):
            found[_hardware_address(hardware, 1)] = str(ipaddress.ip_address(address))
    return found
