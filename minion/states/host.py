"""Addresses and names in /etc/hosts."""

from __future__ import annotations

import ipaddress
from typing import Any, Callable, Dict, List, Tuple

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def present(name: str, ip: Any, comment: str = "", clean: bool = False) -> Result:
    """Sees to it that a name stands for addresses.

    Args:
        name: the name.
        ip: the address, or a list of them.
        comment: a comment behind them.
        clean: take the name from all other addresses.
    """
    addresses = ip if isinstance(ip, list) else [ip]
    ret, comments = begun(name), []
    known = {key: info for key, info in __salt__["hosts.list_hosts"]().items() if isinstance(info, dict)}
    to_add: List[Tuple[str, str]] = []
    to_comment: List[Tuple[str, str]] = []
    for address in dict.fromkeys([*(each for each in known if each in addresses), *addresses]):
        has_name = name in known.get(address, {}).get("aliases", ())
        has_comment = not comment or known.get(address, {}).get("comment") == comment
        if not has_name and not _is_address(address):
            ret["result"] = False
            comments.append(f"Invalid IP Address for {name} ({address})")
            continue
        if not has_name:
            to_add.append((address, name))
        if not has_comment:
            to_comment.append((address, comment))
        if has_name and has_comment:
            comments.append(f"Host {name} ({address}) already present")
    others = [each for each, info in known.items() if each not in addresses and name in info.get("aliases", ())]
    if others and not clean:
        ret["warnings"] = [_warning(name, each) for each in others]
    comments += _change(ret, to_add, "hosts.add_host", "added", ("Added host", "would be added", "add"))
    comments += _comment(ret, to_comment)
    to_remove = [(each, name) for each in others] if clean else []
    comments += _change(ret, to_remove, "hosts.rm_host", "removed", ("Removed host", "would be removed", "remove"))
    ret["comment"] = "\n".join(comments)
    return ret


def _is_address(text: Any) -> bool:
    try:
        ipaddress.ip_address(str(text))
    except ValueError:
        return False
    return True


def _warning(name: str, address: str) -> str:
    return (
        f"Host {name} present for IP address {address}. To get rid of this warning, either run this state with 'clean' "
        f"set to True to remove {name} from {address}, or add {address} to the 'ip' argument."
    )


def _change(
    ret: Result, pairs: List[Tuple[str, str]], function: str, key: str, words: Tuple[str, str, str]
) -> List[str]:
    """Calls a function for each address and name, notes it in the result, and returns what is to be said."""
    done, prediction, verb = words
    comments = []
    for address, name in pairs:
        if __opts__["test"]:
            ret["result"] = None if ret["result"] else ret["result"]
            comments.append(f"Host {name} ({address}) {prediction}")
        elif __salt__[function](address, name):
            comments.append(f"{done} {name} ({address})")
        else:
            ret["result"] = False
            comments.append(f"Failed to {verb} host {name} ({address})")
            continue
        ret["changes"].setdefault(key, {}).setdefault(address, []).append(name)
    return comments


def _comment(ret: Result, pairs: List[Tuple[str, str]]) -> List[str]:
    comments = []
    for address, text in pairs:
        if __opts__["test"]:
            ret["result"] = None if ret["result"] else ret["result"]
            comments.append(f"Comment for {address} ({text}) would be added")
        elif __salt__["hosts.set_comment"](address, text):
            comments.append(f"Set comment for host {address} ({text})")
        else:
            ret["result"] = False
            comments.append(f"Failed to add comment for host {address} ({text})")
            continue
        ret["changes"].setdefault("comment_added", {}).setdefault(address, []).append(text)
    return comments


def absent(name: str, ip: Any) -> Result:
    """Sees to it that a name does not stand for addresses.

    Args:
        name: the name.
        ip: the address, or a list of them.
    """
    ret, comments = begun(name), []
    for address in ip if isinstance(ip, list) else [ip]:
        if not __salt__["hosts.has_pair"](address, name):
            comments.append(f"Host {name} ({address}) already absent")
        elif __opts__["test"]:
            ret["result"] = None
            comments.append(f"Host {name} ({address}) needs to be removed")
        elif __salt__["hosts.rm_host"](address, name):
            ret["changes"] = {"host": name}
            comments.append(f"Removed host {name} ({address})")
        else:
            ret["result"] = False
            comments.append("Failed to remove host")
    ret["comment"] = "\n".join(comments)
    return ret


def only(name: str, hostnames: Any) -> Result:
    """Sees to it that an address has just these names.

    Args:
        name: the address.
        hostnames: the names.
    """
    ret = begun(name)
    old = " ".join(__salt__["hosts.get_alias"](name))
    new = " ".join(each.strip() for each in ([hostnames] if isinstance(hostnames, str) else hostnames))
    if old == new:
        ret["comment"] = f'IP address {name} already set to "{new}"'
        return ret
    if __opts__["test"]:
        return predicted(ret, f'Would change {name} from "{old}" to "{new}"')
    if not __salt__["hosts.set_host"](name, new):
        return failed(ret, f'hosts.set_host failed to change {name} from "{old}" to "{new}"')
    ret["comment"] = f'successfully changed {name} from "{old}" to "{new}"'
    ret["changes"] = {name: {"old": old, "new": new}}
    return ret
