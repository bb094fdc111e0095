"""The host's names, interfaces, addresses, networks and routes."""

from __future__ import annotations

import concurrent.futures
import logging
import socket
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from minion import network
from minion.errors import CommandExecutionError
from minion.modules import _ip

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

log = logging.getLogger(__name__)

Patterns = Union[str, Sequence[str], None]


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "the network is asked for by rtnetlink, which is Linux's"


def interfaces() -> Dict[str, Dict[str, Any]]:
    """All interfaces with their addresses.

    CLI Example:

    .. code-block:: bash

        salt '*' network.interfaces
    """
    return network.interfaces()


def interfaces_names() -> List[str]:
    """Names of all interfaces.

    CLI Example:

    .. code-block:: bash

        salt '*' network.interfaces_names
    """
    return list(network.interfaces())


def _interface(iface: str) -> Dict[str, Any]:
    known = network.interfaces()
    if iface not in known:
        names = ", ".join(f'"{name}"' for name in known)
        raise CommandExecutionError(f'Interface "{iface}" not in available interfaces: {names}')
    return known[iface]


def hw_addr(iface: str) -> str:
    """The hardware address of an interface; empty if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' network.hw_addr eth0
    """
    return str(_interface(iface).get("hwaddr", ""))


hwaddr = hw_addr


def interface(iface: str) -> Any:
    """The IPv4 addresses of an interface, with masks; an empty text if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' network.interface eth0
    """
    return _interface(iface).get("inet", "")


def interface_ip(iface: str) -> str:
    """The first IPv4 address of an interface; empty if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' network.interface_ip eth0
    """
    addresses = _interface(iface).get("inet", [])
    return str(addresses[0]["address"]) if addresses else ""


def ifacestartswith(cidr: str) -> List[str]:
    """Names of the interfaces whose IPv4 address begins with a text.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ifacestartswith 10.0
    """
    entries = [item for entry in network.interfaces().values() for item in entry.get("inet", [])]
    return [item["label"] for item in entries if item["address"].startswith(str(cidr))]


def ip_addrs(
    interface: Patterns = None, include_loopback: bool = False, cidr: Optional[str] = None, type: Optional[str] = None
) -> List[str]:
    """The host's IPv4 addresses.

    Args:
        interface: only of these interfaces: a name, a glob, or several.
        include_loopback: 127.0.0.1 too.
        cidr: only those in this network.
        type: only those that are `public`, or `private`.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_addrs
        salt '*' network.ip_addrs cidr=10.0.0.0/8
        salt '*' network.ip_addrs type=private
    """
    found = network.ip_addrs(interface, include_loopback, _checked(cidr))
    if type == "public":
        return [address for address in found if not _ip.address(address).is_private]
    if type == "private":
        return [address for address in found if _ip.address(address).is_private]
    return found


ipaddrs = ip_addrs


def ip_addrs6(interface: Patterns = None, include_loopback: bool = False, cidr: Optional[str] = None) -> List[str]:
    """The host's IPv6 addresses.

    Args:
        interface: only of these interfaces: a name, a glob, or several.
        include_loopback: ::1 too.
        cidr: only those in this network.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_addrs6
        salt '*' network.ip_addrs6 cidr=2000::/3
    """
    return network.ip_addrs6(interface, include_loopback, _checked(cidr))


ipaddrs6 = ip_addrs6


def subnets(interfaces: Patterns = None) -> List[str]:
    """The IPv4 networks the host is in.

    Args:
        interfaces: only by these interfaces: a name, a glob, or several.

    CLI Example:

    .. code-block:: bash

        salt '*' network.subnets
        salt '*' network.subnets interfaces=eth1
    """
    return network.subnets("inet", interfaces)


def subnets6() -> List[str]:
    """The IPv6 networks the host is in.

    CLI Example:

    .. code-block:: bash

        salt '*' network.subnets6
    """
    return network.subnets("inet6")


def ip_networks(interface: Patterns = None, include_loopback: bool = False, verbose: bool = False) -> Any:
    """The IPv4 networks the host is in.

    Args:
        interface: only by these interfaces: a name, a glob, or several.
        include_loopback: 127.0.0.0/8 too.
        verbose: with masks and sizes.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_networks
        salt '*' network.ip_networks interface=docker0 verbose=True
    """
    return _networks("inet", interface, include_loopback, verbose)


def ip_networks6(interface: Patterns = None, include_loopback: bool = False, verbose: bool = False) -> Any:
    """The IPv6 networks the host is in.

    Args:
        interface: only by these interfaces: a name, a glob, or several.
        include_loopback: ::1/128 too.
        verbose: with masks and sizes.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_networks6
    """
    return _networks("inet6", interface, include_loopback, verbose)


def _networks(family: str, interface: Patterns, include_loopback: bool, verbose: bool) -> Any:
    found = network.ip_networks(family, interface, include_loopback)
    if not verbose:
        return [str(one) for one in found]
    return {
        str(one): {
            "address": str(one.network_address),
            "netmask": str(one.netmask),
            "num_addresses": one.num_addresses,
            "prefixlen": one.prefixlen,
        }
        for one in found
    }


def in_subnet(cidr: str) -> bool:
    """Whether the host has an address in a network.

    CLI Example:

    .. code-block:: bash

        salt '*' network.in_subnet 10.0.0.0/16
    """
    return network.in_subnet(str(_ip.network(cidr)))


def _checked(cidr: Optional[str]) -> Optional[str]:
    return str(_ip.network(cidr)) if cidr else None


def arp() -> Dict[str, str]:
    """Hardware address -> IPv4 address of the hosts on the same networks that this one has talked to.

    CLI Example:

    .. code-block:: bash

        salt '*' network.arp
    """
    return network.neighbours("inet")


ip_neighs = arp
ipneighs = arp


def ip_neighs6() -> Dict[str, str]:
    """Hardware address -> IPv6 address of the hosts on the same networks that this one has talked to.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_neighs6
    """
    return network.neighbours("inet6")


ipneighs6 = ip_neighs6


def routes(family: Optional[str] = None) -> List[Dict[str, str]]:
    """The routes.

    Args:
        family: `inet` or `inet6`; both if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' network.routes
    """
    return [route for one in _families(family) for route in network.routes(one)]


def default_route(family: Optional[str] = None) -> List[Dict[str, str]]:
    """The routes that everything without a better one takes.

    Args:
        family: `inet` or `inet6`; both if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' network.default_route
    """
    return [route for one in _families(family) for route in network.default_routes(one)]


def _families(family: Optional[str]) -> List[str]:
    if family is not None and family not in network.FAMILIES:
        raise CommandExecutionError(f"Invalid address family {family}")
    return list(network.FAMILIES) if family is None else [family]


def get_route(ip: str) -> Dict[str, Optional[str]]:
    """Gateway, interface and own address for what is sent to an address.

    CLI Example:

    .. code-block:: bash

        salt '*' network.get_route 10.10.10.10
    """
    try:
        return network.route_to(str(_ip.address(ip)))
    except OSError as exc:
        raise CommandExecutionError(f"There is no route to {ip}: {exc.strerror}") from None


def get_hostname() -> str:
    """The host's name.

    CLI Example:

    .. code-block:: bash

        salt '*' network.get_hostname
    """
    return network.hostname()


def get_fqdn() -> str:
    """The host's full name.

    CLI Example:

    .. code-block:: bash

        salt '*' network.get_fqdn
    """
    return network.fqdn()


def fqdns() -> Dict[str, List[str]]:
    """The names that the host's addresses have.

    CLI Example:

    .. code-block:: bash

        salt '*' network.fqdns
    """
    data = network.interfaces()
    addresses = network.ip_addrs(data=data) + network.ip_addrs6(data=data)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:  # each may take as long as a DNS server is silent
        names = pool.map(_name_of, addresses)
    return {"fqdns": sorted({name for name in names if name})}


def _name_of(address: str) -> Optional[str]:
    try:
        return socket.getfqdn(socket.gethostbyaddr(address)[0])
    except OSError as exc:
        log.debug("Unable to resolve address %s: %s", address, exc)
        return None
