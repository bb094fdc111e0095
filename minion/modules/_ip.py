"""Addresses and networks that users have written."""

from __future__ import annotations

import ipaddress
from typing import Union

from minion.errors import SaltInvocationError

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


def address(text: object) -> Address:
    """An address; an error that names the text if it is none."""
    try:
        return ipaddress.ip_address(str(text))
    except ValueError as exc:
        raise SaltInvocationError(str(exc)) from None


def network(text: object) -> Network:
    """The network that an address with a length or mask lies in; an error that names the text if it is none."""
    try:
        return ipaddress.ip_network(str(text), strict=False)
    except ValueError as exc:
        raise SaltInvocationError(str(exc)) from None
