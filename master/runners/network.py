"""Wakes machines up."""

from __future__ import annotations

import socket
from typing import Any

from master.runners import _parts
from minion.errors import SaltInvocationError

__opts__: dict[str, Any]


def wol(mac: str, bcast: str = "255.255.255.255", destport: int = 9) -> bool:
    """Sends a wake-on-LAN packet.

    Args:
        mac: the machine's hardware address.
        bcast: the address that reaches its network.
        destport: the port.

    CLI Example:

    .. code-block:: bash

        salt-run network.wol 08-00-27-13-69-77
        salt-run network.wol 080027136977 255.255.255.255 7
    """
    digits = str(mac).replace(":", "").replace("-", "").replace(".", "")
    try:
        address = bytes.fromhex(digits)
    except ValueError:
        address = b""
    if len(address) != 6:
        raise SaltInvocationError(f"{mac!r} is no hardware address")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.sendto(b"\xff" * 6 + address * 16, (bcast, int(destport)))
    return True


def wollist(maclist: str, bcast: str = "255.255.255.255", destport: int = 9) -> bool:
    """Sends a wake-on-LAN packet for each line of a file.

    Args:
        maclist: the file; each line is a hardware address, or `address broadcast port`.
        bcast, destport: for lines that do not say.

    CLI Example:

    .. code-block:: bash

        salt-run network.wollist '/path/to/maclist'
    """
    with open(maclist, encoding="utf-8") as file:
        for line in file:
            mac, there, port = [*line.split(), "", "", ""][:3]
            if mac:
                wol(mac, there or bcast, int(port or destport))
    return True


def wolmatch(tgt: Any, tgt_type: str = "glob", bcast: str = "255.255.255.255", destport: int = 9) -> list[str]:
    """Sends wake-on-LAN packets to all hardware addresses that the grains of minions have; returns those.

    Args:
        tgt, tgt_type: which minions.
        bcast, destport: as in `network.wol`.

    CLI Example:

    .. code-block:: bash

        salt-run network.wolmatch minion_id
    """
    data = _parts.minion_data(__opts__)
    found = []
    for name in _parts.targeted(__opts__, tgt, tgt_type):
        for interface, mac in ((data.grains(name) or {}).get("hwaddr_interfaces") or {}).items():
            if interface != "lo" and mac:
                wol(mac, bcast, destport)
                found.append(mac)
    return found
