"""Filters of addresses and networks."""

from __future__ import annotations

import ipaddress
import random
import socket
from collections.abc import Mapping as MappingType
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from minion.errors import CommandExecutionError
from minion.jinja.filters._volatile import volatile

_KINDS: Dict[str, Callable[[Any], bool]] = {
    "global": lambda address: not address.is_private,
    "public": lambda address: not address.is_private,
    "private": lambda address: address.is_private,
    "multicast": lambda address: address.is_multicast,
    "loopback": lambda address: address.is_loopback,
    "lo": lambda address: address.is_loopback,
    "reserved": lambda address: address.is_reserved,
    "unspecified": lambda address: address.is_unspecified,
    **{name: lambda address: address.is_link_local for name in ("link-local", "linklocal", "link_local", "ll")},
    **{
        name: lambda address: address.version == 6 and address.is_site_local
        for name in ("site-local", "site_local", "sl")
    },
}


def _address(value: Any, version: int, options: Optional[str] = None) -> Optional[str]:
    """The address or interface, if it is of that version and of all the kinds that `options` lists."""
    try:
        address: Any = ipaddress.ip_address(value)
    except ValueError:
        try:
            address = ipaddress.ip_interface(value)
        except ValueError:
            return None
    if address.version != version:
        return None
    wanted = [option.strip() for option in options.split(",")] if options else []
    return str(address) if all(_KINDS[kind](address) for kind in wanted if kind in _KINDS) else None


def _is_many(value: Any) -> bool:
    return isinstance(value, (list, tuple)) or hasattr(value, "__next__")


def _of_version(value: Any, version: int, options: Optional[str]) -> Any:
    if isinstance(value, (str, bytes)):
        return _address(value, version, options)
    if _is_many(value):
        found = (_address(item, version, options) for item in value)
        return [address for address in found if address is not None]
    return None


def is_ipv4(value: Any, options: Optional[str] = None) -> bool:
    """Is it an IPv4 address?"""
    return _address(value, 4, options) is not None


def is_ipv6(value: Any, options: Optional[str] = None) -> bool:
    """Is it an IPv6 address?"""
    return _address(value, 6, options) is not None


def is_ip(value: Any, options: Optional[str] = None) -> bool:
    """Is it an address? Options name kinds: private, loopback, multicast, ..."""
    return is_ipv4(value, options) or is_ipv6(value, options)


def ipv4(value: Any, options: Optional[str] = None) -> Any:
    """The IPv4 addresses."""
    return _of_version(value, 4, options)


def ipv6(value: Any, options: Optional[str] = None) -> Any:
    """The IPv6 addresses."""
    return _of_version(value, 6, options)


def ipaddr(value: Any, options: Optional[str] = None) -> Any:
    """The addresses."""
    value = list(value) if _is_many(value) else value
    first, second = ipv4(value, options), ipv6(value, options)
    return first or second if first is None or second is None else first + second


def _each(value: Any, options: Optional[str], version: Optional[int], compute: Callable[[str], Any]) -> Any:
    many = _is_many(value)
    found = _of_version(value, version, options) if version in (4, 6) else ipaddr(value, options)
    if not found:
        return None
    return [compute(address) for address in found] if many else compute(found)


def ip_host(value: Any, options: Optional[str] = None, version: Optional[int] = None) -> Any:
    """Addresses with the length of their prefix."""
    return _each(value, options, version, lambda address: str(ipaddress.ip_interface(address)))


def network_hosts(value: Any, options: Optional[str] = None, version: Optional[int] = None) -> Any:
    """The addresses that hosts of the network can have."""

    def hosts(address: str) -> List[str]:
        return [str(host) for host in ipaddress.ip_network(address, strict=False).hosts()]

    return _each(value, options, version, hosts)


def network_size(value: Any, options: Optional[str] = None, version: Optional[int] = None) -> Any:
    """How many addresses the network has."""
    return _each(value, options, version, lambda address: ipaddress.ip_network(address, strict=False).num_addresses)


def filter_by_networks(values: Any, networks: Optional[Sequence[str]]) -> Any:
    """The addresses that lie in one of the networks; all of them if `networks` is none."""
    if networks is None:
        return values
    parsed = [ipaddress.ip_network(network) for network in networks]

    def inside(addresses: Sequence[str]) -> List[str]:
        return [address for address in addresses for network in parsed if ipaddress.ip_address(address) in network]

    if isinstance(values, MappingType):
        return {interface: inside(addresses) for interface, addresses in values.items()}
    if isinstance(values, (list, tuple)):
        return inside(values)
    raise ValueError(f"Do not know how to filter a {type(values)}")


def ipwrap(value: Any) -> Any:
    """IPv6 addresses in brackets."""
    if isinstance(value, (list, tuple)):
        return [ipwrap(item) for item in value]
    return f"[{ipaddress.ip_address(str(value).strip('[]'))}]" if _address(value, 6) else value


def gen_mac(prefix: str = "AC:DE:48") -> str:
    """A random MAC address that begins with the prefix."""
    return ":".join([prefix, *(f"{random.randint(0, 255):02X}" for _ in range(3))])  # noqa: S311 - no secret


def mac_str_to_bytes(address: str) -> bytes:
    """A MAC address as six bytes."""
    digits = address.replace(address[2], "") if len(address) == 17 else address
    if len(digits) != 12:
        raise ValueError("Invalid MAC address")
    return bytes.fromhex(digits)


def dns_check(name: str, port: int, safe: bool = False, ipv6: Optional[bool] = None) -> str:
    """An address of the name that can be reached, else its first one, in a form that fits into a URL."""
    family = {None: socket.AF_UNSPEC, True: socket.AF_INET6, False: socket.AF_INET}[ipv6]
    try:
        found = [str(info[4][0]) for info in socket.getaddrinfo(name, port, family, socket.SOCK_STREAM)]
    except OSError:
        if not ipv6:
            raise CommandExecutionError(f"DNS lookup or connection check of '{name}' failed.") from None
        return dns_check(name, port, safe, ipv6=False)
    reached = next((address for address in found if _reachable(address, port)), found[0])
    wrapped: str = ipwrap(reached)
    return wrapped


def _reachable(address: str, port: Union[int, str]) -> bool:
    try:
        with socket.create_connection((address, int(port)), timeout=2):
            return True
    except OSError:
        return False


FILTERS: Dict[str, Callable[..., Any]] = {
    "dns_check": volatile(dns_check),
    "filter_by_networks": filter_by_networks,
    "gen_mac": volatile(gen_mac),
    "ip_host": ip_host,
    "ipaddr": ipaddr,
    "ipv4": ipv4,
    "ipv6": ipv6,
    "ipwrap": ipwrap,
    "is_ip": is_ip,
    "is_ipv4": is_ipv4,
    "is_ipv6": is_ipv6,
    "mac_str_to_bytes": mac_str_to_bytes,
    "network_hosts": network_hosts,
    "network_size": network_size,
}
