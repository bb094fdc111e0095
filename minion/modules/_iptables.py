"""Rules of iptables: built from arguments, and read from what iptables-save prints."""

from __future__ import annotations

import re
import shlex
from typing import Any, Callable, Dict, List, Mapping, Sequence

from minion.modules import _firewall

_SHORT = {
    "p": "protocol",
    "s": "source",
    "d": "destination",
    "j": "jump",
    "g": "goto",
    "i": "in-interface",
    "o": "out-interface",
    "f": "fragment",
    "c": "set-counters",
    "m": "match",
}
_OTHER_NAMES = {
    "sport": "source_port",
    "source-port": "source_port",
    "dport": "destination_port",
    "destination-port": "destination_port",
    "sports": "source-ports",
    "dports": "destination-ports",
    "src-cc": "source-country",
    "dst-cc": "destination-country",
}
# Options of targets: they must follow the jump.
_OPTIONS_OF_TARGETS = (
    "j jump add-set and-mark and-tos checksum-fill clamp-mss-to-pmtu clustermac ctevents ctmask del-set "
    "ecn-tcp-remove exist expevents gateway hash-init hashmode helper label local-node log-ip-options log-level "
    "log-prefix log-tcp-options log-tcp-sequence log-uid map-set mask mss new nfmask nflog-group nflog-prefix "
    "nflog-range nflog-threshold nodst notrack on-ip on-port or-mark or-tos persistent queue-balance queue-bypass "
    "queue-num random random-fully rateest-ewmalog rateest-interval rateest-name reject-with restore restore-mark "
    "sack-perm save-mark selctx set-class set-dscp set-dscp-class set-mark set-mss set-tos set-xmark strip-options "
    "timeout timestamp to to-destination to-ports to-source total-nodes tproxy-mark ttl-dec ttl-inc ttl-set type "
    "ulog-cprange ulog-nlgroup ulog-prefix ulog-qthreshold wscale xor-mark xor-tos zone zone-orig zone-reply dst-pfx "
    "hl-dec hl-inc hl-set hmark-dport-mask hmark-dst-prefix hmark-mod hmark-offset hmark-proto-mask hmark-rnd "
    "hmark-spi-mask hmark-sport-mask hmark-src-prefix hmark-tuple led-always-blink led-delay led-trigger-id "
    "queue-cpu-fanout src-pfx to-port addr and-mask delude honeypot or-mask prefix reset reuse set-mac shift static "
    "tarpit tname ttl"
)
_OF_TARGETS = tuple(_OPTIONS_OF_TARGETS.split())


class RuleError(ValueError):
    """The arguments make no rule."""


def build(kwargs: Mapping[str, Any]) -> str:
    """The words of a rule as a shell would read them: matches first, then the jump and its options."""
    given = _firewall.of_rule(kwargs)
    words: List[str] = []

    def take(name: str, option: str) -> bool:
        if name not in given:
            return False
        negation, value = _negation(given.pop(name))
        words.append(f"{negation}{option} {value}")
        return True

    take("if", "-i")
    take("of", "-o")
    if given.get("match") != "policy" and "proto" in given:
        given["protocol"] = given.pop("proto")
    has_protocol = take("protocol", "-p")
    _add_matches(words, given, take)
    _add_ports(words, given, has_protocol, take)
    if "comment" in given:
        _need_match(words, "comment")
        words.append(f'--comment "{given.pop("comment")}"')
    if given.get("set"):
        take("set", "--match-set")
    jump = [_option(name, given.pop(name)) for name in _OF_TARGETS if name in given]
    for name, value in given.items():
        negation, text = _negation(value)
        words.append(f"{negation}{_option(name, text, quoted=False)}")
    return " ".join(words + jump)


def _negation(value: Any) -> Any:
    """("! ", rest) of `!22` or `not 22`."""
    text = "" if value is None else str(value)
    if text.startswith(("!", "not")):
        return "! ", re.sub(r"(!|not)\s?", "", text)
    return "", text


def _option(name: str, value: Any, quoted: bool = True) -> str:
    dashes = "-" if len(name) == 1 and not quoted else "--"
    if value in (None, ""):
        return f"{dashes}{name}"
    if quoted and re.search(r"\s", str(value)):
        return f'{dashes}{name} "{value}"'
    return f"{dashes}{name} {value}"


def _need_match(words: List[str], name: str) -> None:
    if f"-m {name}" not in words:
        words.append(f"-m {name}")


def _add_matches(words: List[str], given: Dict[str, Any], take: Callable[[str, str], bool]) -> None:
    if "match" in given:
        matches = given.pop("match")
        for match in matches if isinstance(matches, list) else str(matches).split(","):
            words.append(f"-m {match}")
            if "name_" in given and match.strip() in ("pknock", "quota2", "recent"):
                words.append(f"--name {given.pop('name_')}")
        take("proto", "--proto")
    if "match-set" in given:
        sets = given.pop("match-set")
        for name in [sets] if isinstance(sets, str) else sets:
            negation, text = _negation(name)
            words.append(f"-m set {negation}--match-set {text}")
    if "connstate" in given:
        _need_match(words, "state")
        take("connstate", "--state")


def _add_ports(words: List[str], given: Dict[str, Any], has_protocol: bool, take: Callable[[str, str], bool]) -> None:
    take("dport", "--dport")
    take("sport", "--sport")
    for name in ("dports", "sports"):
        if name not in given:
            continue
        if not has_protocol:
            raise RuleError("Error: protocol must be specified")
        _need_match(words, "multiport")
        value = given.pop(name)
        ports = [_negation(port) for port in (value if isinstance(value, list) else [value])]
        if any(negation for negation, _ in ports):
            words.append("!")
        words.append(f"--{name} {','.join(port for _, port in ports)}")


def parse(text: str) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Table -> chain -> policy, counters, rules and rules by comment, from what iptables-save prints."""
    found: Dict[str, Dict[str, Dict[str, Any]]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
            found[table] = {}
        elif line.startswith(":"):
            chain, policy, counters = line[1:].split()
            packets, size = counters.strip("[]").split(":")
            found[table][chain] = {
                "policy": policy,
                "packet count": packets,
                "byte count": size,
                "rules": [],
                "rules_comment": {},
            }
        elif line.startswith("-A"):
            _, chain, *words = shlex.split(line)
            rule = _parse_rule(words)
            if "comment" in rule:
                found[table][chain]["rules_comment"][rule["comment"][0]] = rule
            found[table][chain]["rules"].append(rule)
    return found


def _parse_rule(words: Sequence[str]) -> Dict[str, List[str]]:
    """Option -> its values; a negation stands at the beginning of the value."""
    rule: Dict[str, List[str]] = {}
    negated, name, values = "", "", [""]
    for word in words:
        if word == "!":
            negated = "! "
        elif word.startswith("-") and len(word) > 1 and not word[1].isdigit():
            plain = word.lstrip("-")
            name = _SHORT.get(plain, plain) if not word.startswith("--") else _OTHER_NAMES.get(plain, plain)
            values = rule.setdefault(name, [])
            values.append(negated.strip())
            negated = ""
        elif name:
            before = f"{values[-1]} " if values[-1] else ""
            values[-1] = f"{before}{negated}{word}"
            negated = ""
    return rule
