"""Names of addresses in /etc/hosts."""

from __future__ import annotations

import ipaddress
from typing import Any, Callable, Dict, List, Tuple, Union

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

Step = Tuple[str, str, str]  # what to do, an address, a name or comment

_STEPS = {  # key of the changes, function, what is predicted, done, failed
    "added": (
        "add_host",
        "Host {1} ({0}) would be added",
        "Added host {1} ({0})",
        "Failed to add host {1} ({0})",
    ),
    "comment_added": (
        "set_comment",
        "Comment for {0} ({1}) would be added",
        "Set comment for host {0} ({1})",
        "Failed to add comment for host {0} ({1})",
    ),
    "removed": (
        "rm_host",
        "Host {1} ({0}) would be removed",
        "Removed host {1} ({0})",
        "Failed to remove host {1} ({0})",
    ),
}


def present(name: str, ip: Union[str, List[str]], comment: str = "", clean: bool = False) -> Result:
    """Sees to it that addresses have a certain name.

    Args:
        name: the name.
        ip: the address, or several.
        comment: a comment at the end of their lines.
        clean: take the name from all other addresses.
    """
    ret = begun(name)
    addresses = ip if isinstance(ip, list) else [ip]
    known = {address: entry for address, entry in __salt__["hosts.list_hosts"]().items() if isinstance(entry, dict)}
    lines: List[str] = []
    steps: List[Step] = []
    for address in addresses:
        entry = known.get(address, {"aliases": []})
        if not _is_address(address):
            ret["result"] = False
            lines.append(f"Invalid IP Address for {name} ({address})")
            continue
        if name not in entry["aliases"]:
            steps.append(("added", address, name))
        if comment and entry.get("comment") != comment:
            steps.append(("comment_added", address, comment))
        elif name in entry["aliases"]:
            lines.append(f"Host {name} ({address}) already present")
    for address, entry in known.items():
        if address not in addresses and name in entry["aliases"]:
            if clean:
                steps.append(("removed", address, name))
            else:
                ret.setdefault("warnings", []).append(_warning(name, address))
    for kind in _STEPS:
        lines += [_take(ret, step) for step in steps if step[0] == kind]
    return {**ret, "comment": "\n".join(lines)}


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _warning(name: str, address: str) -> str:
    return (
        f"Host {name} present for IP address {address}. To get rid of this warning, either run this state with "
        f"'clean' set to True to remove {name} from {address}, or add {address} to the 'ip' argument."
    )


def _take(ret: Result, step: Step) -> str:
    """Takes one step; the line that tells of it."""
    kind, address, value = step
    function, predicted, done, failure = _STEPS[kind]
    line = done
    if __opts__["test"]:
        ret["result"] = ret["result"] and None
        line = predicted
    elif not __salt__[f"hosts.{function}"](address, value):
        ret["result"] = False
        return failure.format(address, value)
    ret["changes"].setdefault(kind, {}).setdefault(address, []).append(value)
    return line.format(address, value)


def absent(name: str, ip: Union[str, List[str]]) -> Result:
    """Sees to it that addresses do not have a certain name.

    Args:
        name: the name.
        ip: the address, or several.
    """
    ret = begun(name)
    lines = []
    for address in ip if isinstance(ip, list) else [ip]:
        if not __salt__["hosts.has_pair"](address, name):
            lines.append(f"Host {name} ({address}) already absent")
        elif __opts__["test"]:
            ret["result"] = None
            lines.append(f"Host {name} ({address}) needs to be removed")
        elif __salt__["hosts.rm_host"](address, name):
            ret["changes"] = {"host": name}
            lines.append(f"Removed host {name} ({address})")
        else:
            ret["result"] = False
            lines.append("Failed to remove host")
    return {**ret, "comment": "\n".join(lines)}


def only(name: str, hostnames: Union[str, List[str]]) -> Result:
    """Sees to it that an address has certain names and no others.

    Args:
        name: the address.
        hostnames: its names.
    """
    ret = begun(name)
    old = " ".join(__salt__["hosts.get_alias"](name))
    new = " ".join(part.strip() for part in ([hostnames] if isinstance(hostnames, str) else hostnames))
    if old == new:
        return {**ret, "comment": f'IP address {name} already set to "{new}"'}
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f'Would change {name} from "{old}" to "{new}"'}
    try:
        done = __salt__["hosts.set_host"](name, new)
    except CommandExecutionError as exc:
        return failed(ret, str(exc))
    if not done:
        return failed(ret, f'hosts.set_host failed to change {name} from "{old}" to "{new}"')
    changes = {name: {"old": old, "new": new}}
    return {**ret, "changes": changes, "comment": f'successfully changed {name} from "{old}" to "{new}"'}
