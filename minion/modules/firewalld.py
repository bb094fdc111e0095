"""firewalld, by firewall-cmd: zones and services.

`permanent` means the configuration, which comes into force by `firewalld.reload_rules`; without it, what is in force.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.modules import _firewalld

__salt__: Dict[str, Callable[..., Any]]


def __virtual__() -> Any:
    return _firewalld.usable()


def _call(*words: str, zone: Optional[str] = None, permanent: bool = False) -> str:
    return _firewalld.call(__salt__, *words, zone=zone, permanent=permanent)


def version() -> str:
    """The version of firewalld.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.version
    """
    return _call("--version")


def reload_rules() -> str:
    """Brings the configuration into force.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.reload_rules
    """
    return _call("--reload")


def make_permanent() -> str:
    """Makes what is in force the configuration.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.make_permanent
    """
    return _call("--runtime-to-permanent")


def default_zone() -> str:
    """The zone of interfaces that have none of their own.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.default_zone
    """
    return _call("--get-default-zone")


def set_default_zone(zone: str) -> str:
    """Sets the zone of interfaces that have none of their own.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.set_default_zone damian
    """
    return _call(f"--set-default-zone={zone}")


def list_zones(permanent: bool = True) -> Dict[str, Any]:
    """Zone -> all of its attributes.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_zones
    """
    return _firewalld.zones(_call("--list-all-zones", permanent=permanent))


def list_all(zone: Optional[str] = None, permanent: bool = True) -> Dict[str, Any]:
    """All attributes of a zone; of the default zone, if none is given.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_all my_zone
    """
    return _firewalld.zones(_call("--list-all", zone=zone, permanent=permanent))


def get_zones(permanent: bool = True) -> List[str]:
    """The zones.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_zones
    """
    return _call("--get-zones", permanent=permanent).split()


def get_services(permanent: bool = True) -> List[str]:
    """The services that firewalld knows.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_services
    """
    return _call("--get-services", permanent=permanent).split()


def get_icmp_types(permanent: bool = True) -> List[str]:
    """The types of ICMP messages that firewalld knows.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_icmp_types
    """
    return _call("--get-icmptypes", permanent=permanent).split()


def new_zone(zone: str, restart: bool = True) -> str:
    """Makes a zone.

    Args:
        zone: the zone.
        restart: bring it into force.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.new_zone my_zone
    """
    return _kept(f"--new-zone={zone}", restart)


def delete_zone(zone: str, restart: bool = True) -> str:
    """Removes a zone.

    Args:
        zone: the zone.
        restart: bring it into force.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.delete_zone my_zone
    """
    return _kept(f"--delete-zone={zone}", restart)


def new_service(name: str, restart: bool = True) -> str:
    """Makes a service.

    Args:
        name: the service.
        restart: bring it into force.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.new_service my_service
    """
    return _kept(f"--new-service={name}", restart)


def delete_service(name: str, restart: bool = True) -> str:
    """Removes a service.

    Args:
        name: the service.
        restart: bring it into force.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.delete_service my_service
    """
    return _kept(f"--delete-service={name}", restart)


def _kept(word: str, restart: bool) -> str:
    said = _call(word, permanent=True)
    return reload_rules() if restart and said == "success" else said


def list_services(zone: Optional[str] = None, permanent: bool = True) -> List[str]:
    """The services that a zone lets in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.list_services my_zone
    """
    return _call("--list-services", zone=zone, permanent=permanent).split()


def add_service(service: str, zone: Optional[str] = None, permanent: bool = True) -> str:
    """Lets a service in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_service ssh my_zone
    """
    return _call(f"--add-service={service}", zone=zone, permanent=permanent)


def remove_service(service: str, zone: Optional[str] = None, permanent: bool = True) -> str:
    """No longer lets a service in.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_service ssh my_zone
    """
    return _call(f"--remove-service={service}", zone=zone, permanent=permanent)


def get_service_ports(service: str) -> List[str]:
    """The ports of a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_service_ports my_service
    """
    return _call(f"--service={service}", "--get-ports", permanent=True).split()


def add_service_port(service: str, port: str) -> str:
    """Adds a port to a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_service_port my_service 80/tcp
    """
    return _call(f"--service={service}", f"--add-port={port}", permanent=True)


def remove_service_port(service: str, port: str) -> str:
    """Removes a port from a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_service_port my_service 80/tcp
    """
    return _call(f"--service={service}", f"--remove-port={port}", permanent=True)


def get_service_protocols(service: str) -> List[str]:
    """The protocols of a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.get_service_protocols my_service
    """
    return _call(f"--service={service}", "--get-protocols", permanent=True).split()


def add_service_protocol(service: str, protocol: str) -> str:
    """Adds a protocol to a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.add_service_protocol my_service ospf
    """
    return _call(f"--service={service}", f"--add-protocol={protocol}", permanent=True)


def remove_service_protocol(service: str, protocol: str) -> str:
    """Removes a protocol from a service.

    CLI Example:

    .. code-block:: bash

        salt '*' firewalld.remove_service_protocol my_service ospf
    """
    return _call(f"--service={service}", f"--remove-protocol={protocol}", permanent=True)
