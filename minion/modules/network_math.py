"""Calculations with addresses and networks."""

from __future__ import annotations

from typing import Dict, Optional

from minion.modules import _ip

__virtualname__ = "network"


def ip_in_subnet(ip_addr: str, cidr: str) -> bool:
    """Whether an address is in a network.

    CLI Example:

    .. code-block:: bash

        salt '*' network.ip_in_subnet 172.17.0.4 172.16.0.0/12
    """
    return _ip.address(ip_addr) in _ip.network(cidr)


def calc_net(ip_addr: str, netmask: Optional[str] = None) -> str:
    """The network of an address, as in 172.17.0.0/28.

    Args:
        ip_addr: the address; a length may follow it.
        netmask: mask or length, if it does not.

    CLI Example:

    .. code-block:: bash

        salt '*' network.calc_net 172.17.0.5 255.255.255.240
        salt '*' network.calc_net 2a02:f6e:a000:80:84d8:8332:7866:4e07/64
    """
    return str(_ip.network(ip_addr if netmask is None else f"{ip_addr}/{netmask}"))


def convert_cidr(cidr: str) -> Dict[str, str]:
    """Network, mask and broadcast address of a network.

    CLI Example:

    .. code-block:: bash

        salt '*' network.convert_cidr 172.31.0.0/16
    """
    found = _ip.network(cidr)
    return {
        "network": str(found.network_address),
        "netmask": str(found.netmask),
        "broadcast": str(found.broadcast_address),
    }


def is_private(ip_addr: str) -> bool:
    """Whether an address is for private networks.

    CLI Example:

    .. code-block:: bash

        salt '*' network.is_private 10.0.0.3
    """
    return _ip.address(ip_addr).is_private


def is_loopback(ip_addr: str) -> bool:
    """Whether an address is the host's own, reachable from nowhere else.

    CLI Example:

    .. code-block:: bash

        salt '*' network.is_loopback 127.0.0.1
    """
    return _ip.address(ip_addr).is_loopback


def reverse_ip(ip_addr: str) -> str:
    """The name in the DNS that holds the name of an address.

    CLI Example:

    .. code-block:: bash

        salt '*' network.reverse_ip 172.17.0.4
    """
    return _ip.address(ip_addr).reverse_pointer


def iphexval(ip: str) -> str:
    """An IPv4 address as hexadecimal digits.

    CLI Example:

    .. code-block:: bash

        salt '*' network.iphexval 10.0.0.1
    """
    return _ip.address(ip).packed.hex().upper()
