"""Hosts found by knocking: all addresses of the ranges that are the target, on the ports of `ssh_scan_ports`."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of

_AT_ONCE = 500
_MOST = 65536


def read(source: Source) -> Roster:
    """The addresses of the target's ranges where a port is open.

    Raises:
        RosterError: the target names no addresses, or too many.
    """
    addresses = _addresses(source.target)
    ports = _ports(source.options.get("ssh_scan_ports") or 22)
    timeout = float(source.options.get("ssh_scan_timeout") or 0.5)
    found = asyncio.run(_scan(addresses, ports, timeout))
    return roster_of([source.host("scan", name, {"host": name, "port": port}) for name, port in found.items()])


def _ports(value: object) -> list[int]:
    words = value if isinstance(value, list) else str(value).split(",")
    try:
        return [int(str(word)) for word in words]
    except ValueError:
        raise RosterError(f"ssh_scan_ports must be ports separated by commas, not {value!r}") from None


def _addresses(target: str) -> list[str]:
    found: list[str] = []
    for word in target.replace(",", " ").split():
        try:
            network = ipaddress.ip_network(word, strict=False)
        except ValueError:
            raise RosterError(f"{word!r} is no address and no range of addresses, as the roster `scan` needs") from None
        if network.num_addresses > _MOST:
            raise RosterError(f"{word} has more than {_MOST} addresses; scan smaller ranges")
        found += [str(network[0])] if network.num_addresses == 1 else map(str, network.hosts())
    return found


async def _scan(addresses: list[str], ports: list[int], timeout: float) -> dict[str, int]:
    """Address -> the first of the ports that is open."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def knock(address: str) -> int:
        async with slots:
            for port in ports:
                if await _open(address, port, timeout):
                    return port
        return 0

    answers = await asyncio.gather(*map(knock, addresses))
    return {address: port for address, port in zip(addresses, answers, strict=True) if port}


async def _open(address: str, port: int, timeout: float) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), timeout)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
