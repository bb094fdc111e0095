"""firewalld: zones and services, in its configuration; what changes is brought into force at once.

.. code-block:: yaml

    public:
      firewalld.present:
        - services: [http, https, ssh]
        - prune_services: true
        - ports: [2222/tcp]
        - port_fwd: ['80:8080:tcp', '443:8443:tcp:10.0.0.5']
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from minion.errors import CommandExecutionError
from minion.modules import _tools
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


class _Kind(NamedTuple):
    """A kind of things in a zone: its name in `changes`, and the functions that read and change it."""

    name: str
    listed: str
    add: str
    remove: str


_ICMP = _Kind("icmp_types", "list_icmp_block", "block_icmp", "allow_icmp")
_PORTS = _Kind("ports", "list_ports", "add_port", "remove_port")
_FORWARDS = _Kind("port_fwd", "list_port_fwd", "add_port_fwd", "remove_port_fwd")
_SERVICES = _Kind("services", "list_services", "add_service", "remove_service")
_INTERFACES = _Kind("interfaces", "get_interfaces", "add_interface", "remove_interface")
_SOURCES = _Kind("sources", "get_sources", "add_source", "remove_source")
_RULES = _Kind("rich_rules", "get_rich_rules", "add_rich_rule", "remove_rich_rule")


def __virtual__() -> Any:
    if _tools.which("firewall-cmd"):
        return True
    return False, "firewall-cmd is not available, firewalld is probably not installed."


def present(
    name: str,
    block_icmp: Optional[List[str]] = None,
    prune_block_icmp: bool = False,
    default: Optional[bool] = None,
    masquerade: Optional[bool] = None,
    ports: Optional[List[str]] = None,
    prune_ports: bool = False,
    port_fwd: Optional[List[str]] = None,
    prune_port_fwd: bool = False,
    services: Optional[List[str]] = None,
    prune_services: bool = False,
    interfaces: Optional[List[str]] = None,
    prune_interfaces: bool = False,
    sources: Optional[List[str]] = None,
    prune_sources: bool = False,
    rich_rules: Optional[List[str]] = None,
    prune_rich_rules: bool = False,
) -> Result:
    """Sees to it that there is a zone, and what is in it. Of each kind `prune_...` removes all that is not listed.

    Args:
        name: the zone.
        block_icmp: types of ICMP messages that are not let in.
        default: it is the zone of interfaces that have none of their own.
        masquerade: packets that leave by it get the host's own address, or (False) do not.
        ports: number, or numbers, and protocol: 443/tcp.
        port_fwd: `port:port:protocol`, or `port:port:protocol:address`.
        services: that are let in.
        interfaces, sources: whose packets it is for.
        rich_rules: in firewalld's rich language.
        prune_block_icmp, prune_ports, prune_port_fwd, prune_services: see above.
        prune_interfaces, prune_sources, prune_rich_rules: see above.
    """
    ret = begun(name)
    try:
        zone = _Zone(name, ret["changes"])
        zone.see_to(_ICMP, zone.known_icmp(block_icmp), prune_block_icmp)
        zone.see_to_default(default)
        zone.see_to_masquerade(masquerade)
        zone.see_to(_PORTS, ports, prune_ports)
        zone.see_to(_FORWARDS, [_forward(text) for text in port_fwd or ()], prune_port_fwd)
        zone.see_to(_SERVICES, services, prune_services)
        zone.see_to(_INTERFACES, interfaces, prune_interfaces)
        zone.see_to(_SOURCES, sources, prune_sources)
        zone.see_to(_RULES, [_quoted(rule) for rule in rich_rules or ()], prune_rich_rules)
        if ret["changes"] and not __opts__["test"]:
            __salt__["firewalld.reload_rules"]()
    except CommandExecutionError as exc:
        return failed(ret, f"Error: {exc}")
    if not ret["changes"]:
        return {**ret, "comment": f"'{name}' is already in the desired state."}
    if not __opts__["test"]:
        return {**ret, "comment": f"'{name}' was configured."}
    comment = f"Configuration for '{name}' will change:\n{_shown(ret['changes'])}"
    return {**ret, "changes": {}, "result": None, "comment": comment}


def _shown(changes: Dict[str, Any]) -> str:
    from minion.output.nested import output
    from minion.output.settings import Settings

    return output(changes, Settings()).rstrip()


class _Zone:
    """A zone that comes to be as it should.

    Args:
        name: the zone.
        changes: what changes is written here.
    """

    def __init__(self, name: str, changes: Dict[str, Any]) -> None:
        self.name, self.changes, self.test = name, changes, bool(__opts__["test"])
        zones = __salt__["firewalld.get_zones"](permanent=True)
        self.there = name in zones
        if not self.there:
            if not self.test:
                __salt__["firewalld.new_zone"](name)
            changes[name] = {"old": zones, "new": name}

    def known_icmp(self, types: Optional[List[str]]) -> List[str]:
        """The types of ICMP messages; an error if there is one that firewalld does not know."""
        wanted = list(types or ())
        unknown = sorted(set(wanted) - set(__salt__["firewalld.get_icmp_types"](permanent=True))) if wanted else []
        if unknown:
            raise CommandExecutionError(f"{', '.join(unknown)}: no such ICMP type")
        return wanted

    def see_to(self, kind: _Kind, wanted: Optional[List[Any]], prune: bool) -> None:
        """Adds the things of a kind that are missing, and removes others if they are not to stay."""
        if not wanted and not prune:
            return
        readable = self.there or not self.test
        current = __salt__[f"firewalld.{kind.listed}"](self.name, permanent=True) if readable else []
        wanted = list(wanted or ())
        missing = [item for item in wanted if item not in current]
        doomed = [item for item in current if item not in wanted] if prune else []
        if not missing and not doomed:
            return
        for items, function in ((missing, kind.add), (doomed, kind.remove)):
            for item in items if not self.test else ():
                __salt__[f"firewalld.{function}"](*self._arguments(kind, item), permanent=True)
        self.changes[kind.name] = {"old": current, "new": wanted if prune else [*current, *missing]}

    def _arguments(self, kind: _Kind, item: Any) -> List[Any]:
        if kind is _FORWARDS:
            keys = ("Source port", "Destination port", "Protocol", "Destination address")
            return [self.name, *(item[key] for key in keys)]
        return [item, self.name] if kind is _SERVICES else [self.name, item]

    def see_to_default(self, wanted: Optional[bool]) -> None:
        """Makes it the default zone."""
        if not wanted:
            return
        current = __salt__["firewalld.default_zone"]()
        if current != self.name:
            if not self.test:
                __salt__["firewalld.set_default_zone"](self.name)
            self.changes["default"] = {"old": current, "new": self.name}

    def see_to_masquerade(self, wanted: Optional[bool]) -> None:
        """Turns masquerading on or off."""
        if wanted is None:
            return
        readable = self.there or not self.test
        current = __salt__["firewalld.get_masquerade"](self.name, permanent=True) if readable else False
        if bool(wanted) == current:
            return
        if not self.test:
            __salt__[f"firewalld.{'add' if wanted else 'remove'}_masquerade"](self.name, permanent=True)
        done = "set" if wanted else "disabled"
        self.changes["masquerade"] = {"old": current, "new": f"Masquerading successfully {done}."}


def _forward(text: str) -> Dict[str, str]:
    """A forwarded port, as `firewalld.list_port_fwd` shows it."""
    parts = str(text).split(":", 3)
    if len(parts) < 3:
        raise CommandExecutionError(f"{text} is no port:port:protocol or port:port:protocol:address")
    source, destination, protocol, address = [*parts, ""][:4]
    return {
        "Source port": source,
        "Protocol": protocol,
        "Destination port": destination,
        "Destination address": address,
    }


def _quoted(rule: str) -> str:
    """A rich rule as firewalld shows it: values in double quotes."""
    return " ".join(re.sub(r"""=(?:'([^']*)'|([^"'\s][^\s]*))$""", r'="\1\2"', word) for word in rule.split(" "))


def service(name: str, ports: Optional[List[str]] = None, protocols: Optional[List[str]] = None) -> Result:
    """Sees to it that firewalld knows a service, which has certain ports and protocols and no others.

    Args:
        name: the service.
        ports: number, or numbers, and protocol: 443/tcp.
        protocols: as ospf.
    """
    ret, test = begun(name), bool(__opts__["test"])
    try:
        new = name not in __salt__["firewalld.get_services"]()
        if new and not test:
            __salt__["firewalld.new_service"](name, restart=False)
        for noun, given in (("port", ports), ("protocol", protocols)):
            current = [] if new else __salt__[f"firewalld.get_service_{noun}s"](name)
            _see_to_service(ret, noun, current, list(given or ()))
        if new and not ret["changes"]:
            ret["changes"][name] = {"old": None, "new": name}
        if ret["changes"] and not test:
            __salt__["firewalld.reload_rules"]()
    except CommandExecutionError as exc:
        return failed(ret, f"Error: {exc}")
    if not ret["changes"]:
        return {**ret, "comment": f"'{name}' is already in the desired state."}
    if test:
        return {**ret, "result": None, "comment": f"Configuration for '{name}' will change."}
    return {**ret, "comment": f"'{name}' was configured."}


def _see_to_service(ret: Result, noun: str, current: List[str], wanted: List[str]) -> None:
    """Adds ports or protocols to a service, and removes all others."""
    missing = [item for item in wanted if item not in current]
    doomed = [item for item in current if item not in wanted]
    if not missing and not doomed:
        return
    for items, verb in ((missing, "add"), (doomed, "remove")):
        for item in items if not __opts__["test"] else ():
            __salt__[f"firewalld.{verb}_service_{noun}"](ret["name"], item)
    ret["changes"][f"{noun}s"] = {"old": current, "new": wanted}
