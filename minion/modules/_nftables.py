"""Rules of nftables: built from arguments, and compared as nft prints them."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping

from minion.modules import _firewall

FAMILIES = {
    "ipv4": "ip",
    "ip4": "ip",
    "ip": "ip",
    "ipv6": "ip6",
    "ip6": "ip6",
    "inet": "inet",
    "arp": "arp",
    "bridge": "bridge",
    "netdev": "netdev",
}
# argument -> text of the rule, in the order in which they stand there
_SETS = {
    "connstate": "ct state",
    "icmp-type": "icmp type",
    "icmpv6-type": "icmpv6 type",
    "pkttype": "meta pkttype",
}
_AFTER_JUMP = {
    "jump": "{}",
    "j": "{}",
    "redirect-to": "redirect to {}",
    "to-port": "redirect to {}",
    "to-ports": "--to-ports {}",
    "to-source": "{}",
    "to-destination": "{}",
    "reject-with": "reject with {}",
}


def build(family: str, kwargs: Mapping[str, Any]) -> str:
    """The words of a rule."""
    given = _firewall.of_rule(kwargs)
    words: List[str] = []
    for name, text in (("if", "meta iifname"), ("of", "meta oifname")):
        if name in given:
            words.append(f"{text} {given[name]}")
    words += [f"{text} {{ {given[name]} }}" for name, text in _SETS.items() if name in given]
    if "counter" in given:
        words.append("counter")
    for name, other in (("saddr", "source"), ("daddr", "destination")):
        address = given.get(name) or given.get(other)
        if address:
            words.append(f"{FAMILIES[family]} {name} {address}")
    words += _ports(given)
    words += [text.format(given[name]) for name, text in _AFTER_JUMP.items() if name in given]
    return " ".join(words)


def _ports(given: Mapping[str, Any]) -> List[str]:
    protocol = given.get("proto", "")
    found = []
    for name in ("dport", "sport"):
        if name in given:
            found.append(f"{protocol} {name} {{ {str(given[name]).replace(':', '-')} }}")
    for name in ("dport", "sport"):
        if f"{name}s" in given:
            value = given[f"{name}s"]
            ports = sorted(
                (int(port) for port in (value if isinstance(value, list) else str(value).split(","))), reverse=True
            )
            found.append(f"{protocol} {name} {{ {', '.join(map(str, ports))} }}")
    return [text.strip() for text in found]


def normalized(rule: str) -> str:
    """A rule in one form: nft prints sets in its own order, one element without braces, counters with numbers."""

    def set_of(match: re.Match[str]) -> str:
        elements = sorted(element.strip() for element in match.group(1).split(","))
        return elements[0] if len(elements) == 1 else "{ " + ", ".join(elements) + " }"

    text = re.sub(r"\{([^{}]*)\}", set_of, rule.split(" # handle ")[0])
    text = re.sub(r"\bcounter packets \d+ bytes \d+", "counter", text)
    text = re.sub(r"\bmeta (iifname|oifname|iif|oif|pkttype|mark|skuid|skgid)\b", r"\1", text)
    text = re.sub(r"\bct state ([\w,]+)(?= |$)", _states, text)
    return " ".join(text.replace('"', "").split())


def _states(match: re.Match[str]) -> str:
    """nft prints several states both as a set and with commas only."""
    states = sorted(match.group(1).split(","))
    return "ct state " + (states[0] if len(states) == 1 else "{ " + ", ".join(states) + " }")


def handles(listing: str) -> Dict[str, str]:
    """Rule, normalized -> its handle, from `nft --handle list chain`."""
    found: Dict[str, str] = {}
    for line in listing.splitlines():
        match = re.match(r"^\s+(.*) # handle (\d+)$", line)
        if match and not match.group(1).startswith("chain "):
            found.setdefault(normalized(match.group(1)), match.group(2))
    return found
