"""The packet filter, by nftables.

`table` is a table, `chain` a chain in it, `rule` the words of a rule as `nftables.build_rule` makes them. `family` is
ipv4, ipv6, inet, arp, bridge or netdev. Functions that change something return `result` and `comment`.
"""

from __future__ import annotations

import json
import os
from typing import Any, Callable, Dict, List, Optional, Union

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _nftables, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

Verdict = Dict[str, Any]

_FOLDER = "/etc/nftables"
_FAMILIES_WITH_FILE = ("RedHat", "Arch", "Debian", "Gentoo")


def __virtual__() -> Any:
    if not _tools.which("nft"):
        return False, "The nftables execution module failed to load: nftables is not installed."
    return True


def _nft(text: str, *flags: str, quiet: bool = False) -> Dict[str, Any]:
    """What `cmd.run_all` says of a command in nft's own language."""
    return _tools.result(__salt__, ["nft", *flags, "--", text], ignore_retcode=quiet)


def _family(family: str) -> str:
    try:
        return _nftables.FAMILIES[family]
    except KeyError:
        raise SaltInvocationError(f"{family} is none of {', '.join(_nftables.FAMILIES)}") from None


def _verdict(result: bool, comment: str) -> Verdict:
    return {"comment": comment, "result": result}


def _needed(**values: Any) -> Optional[Verdict]:
    """What is missing; None if nothing is."""
    for name, value in values.items():
        if not value:
            return _verdict(False, f"{name.capitalize()} needs to be specified")
    return None


def _missing_place(table: str, chain: Optional[str], family: str) -> Optional[Verdict]:
    """The verdict that there is no such table or chain; None if they are there."""
    for found in (check_table(table, family), check_chain(table, chain, family) if chain else _verdict(True, "")):
        if not found["result"]:
            return found
    return None


def version() -> str:
    """The version of nftables.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.version
    """
    return _tools.output(__salt__, ["nft", "--version"]).split()[1]


def build_rule(
    table: Optional[str] = None,
    chain: Optional[str] = None,
    command: Optional[str] = None,
    position: Any = "",
    full: Any = None,
    family: str = "ipv4",
    **kwargs: Any,
) -> Verdict:
    """The words of a rule, as `rule`.

    Args:
        command: with `full`: add, insert, delete, ...
        position: with `full`: the handle of the rule to insert before.
        full: return the whole command instead of just the rule.
        kwargs: `if`, `of`, `proto`, `connstate`, `icmp-type`, `pkttype`, `counter`, `saddr` or `source`, `daddr` or
            `destination`, `dport`, `dports`, `sport`, `sports`, `jump`, `redirect-to`, `to-source`, `reject-with`, ...

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.build_rule match=state connstate=RELATED,ESTABLISHED jump=ACCEPT
        salt '*' nftables.build_rule filter input command=insert position=3 full=True dport=22 proto=tcp jump=accept
    """
    rule = _nftables.build(family, kwargs)
    if str(full).lower() == "true":
        missing = _needed(table=table, chain=chain, command=command)
        if missing:
            return {**missing, "rule": rule}
        at = f"position {position} " if position and str(command).lower() == "insert" else ""
        verb = "insert" if str(command).lower() == "insert" else command
        rule = f"nft {verb} rule {_family(family)} {table} {chain} {at}{rule}"
    return {"comment": "Successfully built rule" if rule else "", "rule": rule, "result": True}


def get_saved_rules(conf_file: Optional[str] = None) -> List[str]:
    """The lines, without comments, of the file that is loaded when the host starts.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.get_saved_rules
    """
    path = conf_file or _default_file()
    try:
        with open(path, encoding="utf-8") as source:
            lines = source.readlines()
    except OSError as exc:
        raise CommandExecutionError(f"The saved rules can't be read: {exc}") from exc
    return [line for line in lines if line.strip() and not line.strip().startswith("#")]


def _default_file() -> str:
    if __grains__.get("os_family") not in _FAMILIES_WITH_FILE:
        raise SaltInvocationError(f"Name the file: on {__grains__.get('os')} there is no usual place for rules")
    return os.path.join(_FOLDER, "salt-all-in-one.nft") if os.path.isdir(_FOLDER) else _FOLDER


def list_tables(family: str = "ipv4") -> List[Dict[str, Any]]:
    """The tables: family, name and handle.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.list_tables
    """
    return [item["table"] for item in _json(f"list tables {_family(family)}") if "table" in item]


def _json(command: str) -> List[Dict[str, Any]]:
    text = _nft(command, "--json", "--numeric", quiet=True)["stdout"]
    try:
        return list(json.loads(text)["nftables"]) if text else []
    except (ValueError, KeyError):
        return []


def get_rules(family: str = "ipv4") -> List[str]:
    """The rules in force: for each table what nft lists.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.get_rules
    """
    names = [table["name"] for table in list_tables(family)]
    return [str(_nft(f"list table {_family(family)} {name}", "--numeric")["stdout"]) for name in names]


def get_rules_json(family: str = "ipv4") -> List[Dict[str, Any]]:
    """The rules in force, as nft's JSON.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.get_rules_json
    """
    return _json(f"list ruleset {_family(family)}")


def save(filename: Optional[str] = None, family: str = "ipv4") -> str:
    """Writes the rules of all families in force to a file, by default that which is loaded when the host starts.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.save /etc/nftables
    """
    path = filename or _default_file()
    if os.path.isdir(path):
        path = os.path.join(path, "salt-all-in-one.nft")
    text = "#! nft -f\n"
    for name in dict.fromkeys(_nftables.FAMILIES.values()):
        rules = get_rules(name)
        text += ("\n" if rules else "") + "\n".join(rules)
    text += "\n"
    try:
        atomic.write(path, text)
    except OSError as exc:
        raise CommandExecutionError(f"Problem writing to configuration file: {exc}") from exc
    return text


def _handles(table: str, chain: str, family: str) -> Dict[str, str]:
    text = _nft(f"list chain {_family(family)} {table} {chain}", "--handle", quiet=True)["stdout"]
    return _nftables.handles(text)


def get_rule_handle(
    table: str = "filter", chain: Optional[str] = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Verdict:
    """The handle of a rule.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.get_rule_handle filter input rule='tcp dport 22 log accept'
    """
    missing = _needed(chain=chain, rule=rule) or _missing_place(table, chain, family)
    if missing:
        return missing
    handle = _handles(table, str(chain), family).get(_nftables.normalized(str(rule)))
    if handle is None:
        return check(table, chain, rule, family)
    return {"result": True, "handle": handle}


def check(
    table: str = "filter", chain: Optional[str] = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Verdict:
    """Whether a rule is in a chain.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.check filter input rule='tcp dport 22 log accept'
    """
    missing = _needed(chain=chain, rule=rule) or _missing_place(table, chain, family)
    if missing:
        return missing
    present = _nftables.normalized(str(rule)) in _handles(table, str(chain), family)
    state = "exists" if present else "does not exist"
    return _verdict(present, f"Rule {rule} in chain {chain} in table {table} in family {family} {state}")


def check_chain(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Verdict:
    """Whether there is a chain.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.check_chain filter input
    """
    missing = _needed(chain=chain)
    if missing:
        return missing
    present = not _nft(f"list chain {_family(family)} {table} {chain}", quiet=True)["retcode"]
    state = "exists" if present else "does not exist"
    return _verdict(present, f"Chain {chain} in table {table} in family {family} {state}")


def check_table(table: Optional[str] = None, family: str = "ipv4") -> Verdict:
    """Whether there is a table.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.check_table nat
    """
    missing = _needed(table=table)
    if missing:
        return missing
    present = table in [known["name"] for known in list_tables(family)]
    return _verdict(present, f"Table {table} in family {family} {'exists' if present else 'does not exist'}")


def _change(command: str, done: str, failed: str) -> Verdict:
    """Carries out a command, and says which of the two it is."""
    result = _nft(command)
    if result["retcode"]:
        return _verdict(False, f"{failed}: {result['stderr']}" if result["stderr"] else failed)
    return _verdict(True, done)


def new_table(table: str, family: str = "ipv4") -> Verdict:
    """Makes a table.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.new_table filter
    """
    found = check_table(table, family)
    if found["result"] or not table:
        return found
    place = f"Table {table} in family {family}"
    return _change(f"add table {_family(family)} {table}", f"{place} created", f"{place} could not be created")


def delete_table(table: str, family: str = "ipv4") -> Verdict:
    """Removes a table and all in it.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.delete_table filter
    """
    found = check_table(table, family)
    if not found["result"]:
        return found
    place = f"Table {table} in family {family}"
    return _change(f"delete table {_family(family)} {table}", f"{place} deleted", f"{place} could not be deleted")


def new_chain(
    table: str = "filter",
    chain: Optional[str] = None,
    table_type: Optional[str] = None,
    hook: Optional[str] = None,
    priority: Any = None,
    family: str = "ipv4",
) -> Verdict:
    """Makes a chain; with type, hook and priority one that packets pass.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.new_chain filter input table_type=filter hook=input priority=0
        salt '*' nftables.new_chain filter foo
    """
    missing = _needed(chain=chain) or _missing_place(table, None, family)
    if missing:
        return missing
    place = f"Chain {chain} in table {table} in family {family}"
    if check_chain(table, chain, family)["result"]:
        return _verdict(False, f"{place} already exists")
    command = f"add chain {_family(family)} {table} {chain}"
    given = [value is not None and value != "" for value in (table_type, hook, priority)]
    if any(given):
        if not all(given):
            return _verdict(False, "Table_type, hook, and priority required.")
        command += f" {{ type {table_type} hook {hook} priority {priority}; }}"
    return _change(command, f"{place} created", f"{place} could not be created")


def delete_chain(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Verdict:
    """Removes a chain.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.delete_chain filter foo
    """
    missing = _needed(chain=chain) or _missing_place(table, chain, family)
    if missing:
        return missing
    place = f"Chain {chain} in table {table} in family {family}"
    return _change(
        f"delete chain {_family(family)} {table} {chain}", f"{place} deleted", f"{place} could not be deleted"
    )


def _add(verb: str, table: str, chain: Optional[str], rule: Optional[str], family: str, at: str = "") -> Verdict:
    missing = _needed(chain=chain, rule=rule) or _missing_place(table, chain, family)
    if missing:
        return missing
    if check(table, chain, rule, family)["result"]:
        return _verdict(False, f"Rule {rule} chain {chain} in table {table} in family {family} already exists")
    place = f'rule "{rule}" chain {chain} in table {table} in family {family}.'
    command = f"{verb} rule {_family(family)} {table} {chain} {at}{rule}"
    return _change(command, f"Added {place}", f"Failed to add {place}")


def append(
    table: str = "filter", chain: Optional[str] = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Verdict:
    """Appends a rule to a chain, unless it is there.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.append filter input rule='tcp dport 22 log accept'
    """
    return _add("add", table, chain, rule, family)


def insert(
    table: str = "filter",
    chain: Optional[str] = None,
    position: Any = None,
    rule: Optional[str] = None,
    family: str = "ipv4",
) -> Verdict:
    """Inserts a rule at the beginning of a chain, or before the rule with the handle `position`, unless it is there.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.insert filter input rule='tcp dport 22 log accept'
    """
    return _add("insert", table, chain, rule, family, f"position {position} " if position else "")


def delete(
    table: str, chain: Optional[str] = None, position: Any = None, rule: Optional[str] = None, family: str = "ipv4"
) -> Verdict:
    """Removes a rule, by its handle or by its words.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.delete filter input position=3
        salt '*' nftables.delete filter input rule='tcp dport 22 log accept'
    """
    if position and rule:
        return _verdict(False, "Only specify a position or a rule, not both")
    missing = _needed(chain=chain) or _missing_place(table, chain, family)
    if missing:
        return missing
    handle = position
    if not position:
        found = get_rule_handle(table, chain, rule, family)
        if not found["result"]:
            return found
        handle = found["handle"]
    place = f'rule "{rule or position}" in chain {chain} in table {table} in family {family}'
    command = f"delete rule {_family(family)} {table} {chain} handle {handle}"
    return _change(command, f"Deleted {place}.", f"Failed to delete {place}")


def flush(table: str = "filter", chain: str = "", family: str = "ipv4") -> Verdict:
    """Removes all rules of a chain, or of all chains of a table.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.flush filter input
    """
    missing = _missing_place(table, chain or None, family)
    if missing:
        return missing
    place = f"from {f'chain {chain} in ' if chain else ''}table {table} in family {family}."
    what = f"chain {_family(family)} {table} {chain}" if chain else f"table {_family(family)} {table}"
    return _change(f"flush {what}", f"Flushed rules {place}", f"Failed to flush rules {place}")


def _chain(table: str, chain: str, family: str) -> Dict[str, Any]:
    """What nft says of a chain; {} if there is none."""
    for item in get_rules_json(family):
        about: Dict[str, Any] = item.get("chain") or {}
        if about.get("table") == table and about.get("name") == chain:
            return about
    return {}


def get_policy(table: str = "filter", chain: Optional[str] = None, family: str = "ipv4") -> Optional[str]:
    """The policy of a chain; None if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.get_policy filter input
    """
    if not chain:
        return "Error: Chain needs to be specified"
    return _chain(table, chain, family).get("policy")


def set_policy(
    table: str = "filter", chain: Optional[str] = None, policy: Optional[str] = None, family: str = "ipv4"
) -> Union[bool, str]:
    """Sets the policy of a chain; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' nftables.set_policy filter input accept
    """
    if not chain:
        return "Error: Chain needs to be specified"
    if not policy:
        return "Error: Policy needs to be specified"
    about = _chain(table, chain, family)
    if not all(key in about for key in ("type", "hook", "prio")):
        return False
    kind = f"type {about['type']} hook {about['hook']} priority {about['prio']}; policy {policy};"
    return not _nft(f"add chain {_family(family)} {table} {chain} {{ {kind} }}")["retcode"]
