"""Finds in the mine's `docker.ps` where containers can be reached."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from minion.network import in_subnet

Proxies = Dict[str, Any]


def reachable(hosts: Mapping[str, Any], interfaces: Any, cidrs: Any, with_container_id: bool) -> Proxies:
    """Image -> `ipv4` -> private port -> `address:port` of the hosts.

    Args:
        hosts: minion -> its `docker.ps`: containers, and under `host` the host's interfaces.
        interfaces: of the hosts, one or several; all if not given.
        cidrs: networks in which the hosts' addresses must be, one or several.
        with_container_id: pairs of address and container id.
    """
    proxies: Proxies = {}
    for found in hosts.values():
        containers = dict(found)
        addresses = _addresses(containers.pop("host")["interfaces"], _listed(interfaces), _listed(cidrs))
        for container in containers.values():
            _add(proxies, container, addresses, with_container_id)
    return proxies


def _listed(value: Any) -> List[str]:
    if not value:
        return []
    return value if isinstance(value, list) else [value]


def _addresses(known: Mapping[str, Any], interfaces: List[str], cidrs: List[str]) -> List[str]:
    found = [
        address["address"]
        for name, interface in known.items()
        if not interfaces or name in interfaces
        for address in interface.get("inet", ())
    ]
    if cidrs:
        found = [address for address in found if any(in_subnet(cidr, [address]) for cidr in cidrs)]
    return sorted(set(found))


def _add(proxies: Proxies, container: Mapping[str, Any], addresses: List[str], with_container_id: bool) -> None:
    ports = proxies.setdefault(container["Image"], {})
    for port in container["Ports"]:
        bound = port.get("IP")
        if not bound:
            continue
        places = ports.setdefault("ipv4", {}).setdefault(port["PrivatePort"], [])
        for address in addresses if bound == "0.0.0.0" else [bound]:  # noqa: S104 - compared
            place: Any = f"{address}:{port['PublicPort']}"
            if with_container_id:
                place = (place, container["Info"]["Id"])
            if place not in places:
                places.append(place)
