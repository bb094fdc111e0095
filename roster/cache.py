"""The minions that the master knows by their grains: reached at the address that they once reported."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from roster.source import Roster, Source, roster_of

_WHERE = "the cache of grains"


def read(source: Source) -> Roster:
    """All minions whose grains are kept and have an address.

    Raises:
        RosterError: `roster_defaults` is wrong.
    """
    hosts = []
    for minion_id, grains in source.grains().items():
        address = _address(grains)
        if address:
            hosts.append(source.host(_WHERE, minion_id, {"host": address}))
    return roster_of(hosts)


def _address(grains: Mapping[str, Any]) -> str:
    """The most useful address: private before public, IPv4 before IPv6; never loopback or link-local."""
    listed = [*_listed(grains, "ipv4"), *_listed(grains, "ipv6")]
    usable = [address for address in listed if not (address.is_loopback or address.is_link_local)]
    usable.sort(key=lambda address: (address.version, not address.is_private))
    return str(usable[0]) if usable else str(grains.get("fqdn") or "")


def _listed(grains: Mapping[str, Any], name: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    found = []
    values = grains.get(name)
    for value in values if isinstance(values, list) else []:
        try:
            found.append(ipaddress.ip_address(str(value)))
        except ValueError:
            continue
    return found
