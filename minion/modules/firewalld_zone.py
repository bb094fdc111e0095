"""firewalld: what is in a zone."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Union

from minion.modules import _firewalld

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "firewalld"

_FORWARD = {"port": "Source port", "proto": "Protocol", "toport": "Destination port", "toaddr": "Destination address"}


def __virtual__() -> Any:
    return _firewalld.usable()


def _call(*words: str, zone: Optional[str] = None, permanent: bool = False) -> str:
    return _firewalld.call(__salt__, *words, zone=zone, permanent=permanent)


def get_masquerade(zone: Optional[str] = None, permanent: bool = True) -> bool:
    """Whether packets that leave by a zone get the host's own address.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_masquerade zone
    """
    return all(about["masquerade"] != ["no"] for about in __salt__["firewalld.list_all"](zone, permanent).values())


def add_masquerade(zone: Optional[str] = None, permanent: bool = True) -> str:
    """Gives packets that leave by a zone the host's own address.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_masquerade dmz
    """
    return _call("--add-masquerade", zone=zone, permanent=permanent)


def remove_masquerade(zone: Optional[str] = None, permanent: bool = True) -> str:
    """Leaves packets that leave by a zone their address.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_masquerade dmz
    """
    return _call("--remove-masquerade", zone=zone, permanent=permanent)


def list_ports(zone: str, permanent: bool = True) -> List[str]:
    """The ports that a zone lets in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_ports internal
    """
    return _call("--list-ports", zone=zone, permanent=permanent).split()


def add_port(zone: str, port: str, permanent: bool = True, force_masquerade: bool = False) -> str:
    """Lets a port in.

    Args:
        zone: the zone.
        port: number, or numbers, and protocol: 443/tcp.
        permanent: in the configuration.
        force_masquerade: see to it that the zone masquerades.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_port internal 443/tcp
    """
    _masquerade(zone, force_masquerade)
    return _call(f"--add-port={port}", zone=zone, permanent=permanent)


def _masquerade(zone: str, wanted: bool) -> None:
    if wanted and not get_masquerade(zone):
        add_masquerade(zone)


def remove_port(zone: str, port: str, permanent: bool = True) -> str:
    """No longer lets a port in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_port internal 443/tcp
    """
    return _call(f"--remove-port={port}", zone=zone, permanent=permanent)


def list_port_fwd(zone: str, permanent: bool = True) -> List[Dict[str, str]]:
    """The ports that a zone forwards.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_port_fwd public
    """
    found = []
    for line in _call("--list-forward-ports", zone=zone, permanent=permanent).splitlines():
        parts = dict(part.partition("=")[::2] for part in line.split(":", 3))
        found.append({name: parts.get(key, "") for key, name in _FORWARD.items()})
    return found


def add_port_fwd(
    zone: str,
    src: Any,
    dest: Any,
    proto: str = "tcp",
    dstaddr: str = "",
    permanent: bool = True,
    force_masquerade: bool = False,
) -> str:
    """Forwards a port.

    Args:
        zone: the zone.
        src: the port.
        dest, dstaddr: where to.
        proto: tcp or udp.
        permanent: in the configuration.
        force_masquerade: see to it that the zone masquerades.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_port_fwd public 80 443 tcp
    """
    _masquerade(zone, force_masquerade)
    return _call(f"--add-forward-port={_forward(src, dest, proto, dstaddr)}", zone=zone, permanent=permanent)


def _forward(src: Any, dest: Any, proto: str, dstaddr: str) -> str:
    return f"port={src}:proto={proto}:toport={dest}:toaddr={dstaddr}"


def remove_port_fwd(
    zone: str, src: Any, dest: Any, proto: str = "tcp", dstaddr: str = "", permanent: bool = True
) -> str:
    """No longer forwards a port.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_port_fwd public 80 443 tcp
    """
    return _call(f"--remove-forward-port={_forward(src, dest, proto, dstaddr)}", zone=zone, permanent=permanent)


def list_icmp_block(zone: str, permanent: bool = True) -> List[str]:
    """The types of ICMP messages that a zone does not let in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_icmp_block zone
    """
    return _call("--list-icmp-blocks", zone=zone, permanent=permanent).split()


def block_icmp(zone: str, icmp: str, permanent: bool = True) -> Union[bool, str]:
    """No longer lets in a type of ICMP messages; False if there is no such type.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.block_icmp zone echo-reply
    """
    if icmp not in __salt__["firewalld.get_icmp_types"](permanent):
        return False
    if icmp in list_icmp_block(zone, permanent):
        return "success"
    return _call(f"--add-icmp-block={icmp}", zone=zone, permanent=permanent)


def allow_icmp(zone: str, icmp: str, permanent: bool = True) -> Union[bool, str]:
    """Lets in a type of ICMP messages; False if there is no such type.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.allow_icmp zone echo-reply
    """
    if icmp not in __salt__["firewalld.get_icmp_types"](permanent):
        return False
    if icmp not in list_icmp_block(zone, permanent):
        return "success"
    return _call(f"--remove-icmp-block={icmp}", zone=zone, permanent=permanent)


def get_interfaces(zone: str, permanent: bool = True) -> List[str]:
    """The interfaces of a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_interfaces zone
    """
    return _call("--list-interfaces", zone=zone, permanent=permanent).split()


def add_interface(zone: str, interface: str, permanent: bool = True) -> str:
    """Adds an interface to a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_interface zone eth0
    """
    return _call(f"--add-interface={interface}", zone=zone, permanent=permanent)


def remove_interface(zone: str, interface: str, permanent: bool = True) -> str:
    """Removes an interface from a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_interface zone eth0
    """
    return _call(f"--remove-interface={interface}", zone=zone, permanent=permanent)


def get_sources(zone: str, permanent: bool = True) -> List[str]:
    """The sources of a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_sources zone
    """
    return _call("--list-sources", zone=zone, permanent=permanent).split()


def add_source(zone: str, source: str, permanent: bool = True) -> str:
    """Adds a source to a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_source zone 192.168.1.0/24
    """
    return _call(f"--add-source={source}", zone=zone, permanent=permanent)


def remove_source(zone: str, source: str, permanent: bool = True) -> str:
    """Removes a source from a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_source zone 192.168.1.0/24
    """
    return _call(f"--remove-source={source}", zone=zone, permanent=permanent)


def get_rich_rules(zone: str, permanent: bool = True) -> List[str]:
    """The rich rules of a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_rich_rules zone
    """
    return _call("--list-rich-rules", zone=zone, permanent=permanent).splitlines()


def add_rich_rule(zone: str, rule: str, permanent: bool = True) -> str:
    """Adds a rich rule to a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_rich_rule zone 'rule protocol value=icmp accept'
    """
    return _call(f"--add-rich-rule={rule}", zone=zone, permanent=permanent)


def remove_rich_rule(zone: str, rule: str, permanent: bool = True) -> str:
    """Removes a rich rule from a zone.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_rich_rule zone 'rule protocol value=icmp accept'
    """
    return _call(f"--remove-rich-rule={rule}", zone=zone, permanent=permanent)
