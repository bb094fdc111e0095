"""The packet filter, by iptables: rules, chains and policies.

Arguments that belong to a rule have the names of iptables' own long options, but for `connstate` (its `--state`) and
`name_` (its `--name`); an option that takes no value gets an empty text. `family` is ipv4 or ipv6. With `save: True`
the rules in force are written to the file which is loaded when the host starts; `save: PATH` names another file.

.. code-block:: yaml

    web:
      iptables.append:
        - chain: INPUT
        - proto: tcp
        - dports: [80, 443]
        - match: comment
        - comment: the web server
        - jump: ACCEPT
        - save: True
"""

from __future__ import annotations

import copy
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from minion.errors import CommandExecutionError
from minion.state.tags import tag_of
from minion.states._firewall import changed, needed
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_SAVED = "{done} iptables rule {name} for {family}\n{command}\n{out}"


class _Words(NamedTuple):
    """What the state of a rule says; `command` is iptables' own."""

    letter: str
    settled: str
    needed: str
    done: str
    done_and_saved: str
    failed: str


_APPEND = _Words(
    letter="A",
    settled="iptables rule for {name} already set ({command}) for {family}",
    needed="iptables rule for {name} needs to be set ({command}) for {family}",
    done="Set iptables rule for {name} to: {command} for {family}",
    done_and_saved="Set and saved",
    failed="Failed to set iptables rule for {name}.\nAttempted rule was {command} for {family}",
)
_INSERT = _APPEND._replace(
    letter="I",
    settled="iptables rule for {name} already set for {family} ({command})",
    needed="iptables rule for {name} needs to be set for {family} ({command})",
    failed="Failed to set iptables rule for {name}.\nAttempted rule was {command}",
)
_DELETE = _Words(
    letter="D",
    settled="iptables rule for {name} already absent for {family} ({command})",
    needed="iptables rule for {name} needs to be deleted for {family} ({command})",
    done="Delete iptables rule for {name} {command}",
    done_and_saved="Deleted and saved",
    failed="Failed to delete iptables rule for {name}.\nAttempted rule was {command}",
)


def __virtual__() -> Any:
    return True if "iptables.version" in __salt__ else (False, "iptables module could not be loaded")


def chain_present(name: str, table: str = "filter", family: str = "ipv4") -> Result:
    """Sees to it that there is a chain.

    Args:
        name: the chain.
        table: where it lies.
        family: ipv4 or ipv6.
    """
    ret = begun(name)
    if __salt__["iptables.check_chain"](table, name, family) is True:
        return {**ret, "comment": f"iptables {name} chain is already exist in {table} table for {family}"}
    if __opts__["test"]:
        return predicted(ret, f"iptables {name} chain in {table} table needs to be set for {family}")
    done = __salt__["iptables.new_chain"](table, name, family)
    if done is not True:
        return failed(ret, f"Failed to create {name} chain in {table} table: {done.strip()} for {family}")
    return changed(ret, f"iptables {name} chain in {table} table create success for {family}")


def chain_absent(name: str, table: str = "filter", family: str = "ipv4") -> Result:
    """Sees to it that there is no such chain; its rules go first.

    Args:
        name: the chain.
        table: where it lies.
        family: ipv4 or ipv6.
    """
    ret = begun(name)
    if not __salt__["iptables.check_chain"](table, name, family):
        return {**ret, "comment": f"iptables {name} chain is already absent in {table} table for {family}"}
    if __opts__["test"]:
        return predicted(ret, f"iptables {name} chain in {table} table needs to be removed {family}")
    error = __salt__["iptables.flush"](table, name, family)
    if error:
        return failed(ret, f"Failed to flush {name} chain in {table} table: {error.strip()} for {family}")
    done = __salt__["iptables.delete_chain"](table, name, family)
    if done is not True:
        return failed(ret, f"Failed to delete {name} chain in {table} table: {done.strip()} for {family}")
    return changed(ret, f"iptables {name} chain in {table} table delete success for {family}")


def append(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is in a chain; at its end, if it has to be added.

    Args:
        name: any text that is no rule.
        table: where the chain lies.
        family: ipv4 or ipv6.
        kwargs: `chain`, `save`, and the words of the rule.
    """
    return _each(_append, name, table, family, kwargs)


def insert(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is in a chain; at a certain position, if it has to be added.

    Args:
        name: any text that is no rule.
        table: where the chain lies.
        family: ipv4 or ipv6.
        kwargs: `chain`, `position` (counted from 1), `save`, and the words of the rule.
    """
    return _each(_insert, name, table, family, kwargs)


def delete(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is not in a chain.

    Args:
        name: any text that is no rule.
        table: where the chain lies.
        family: ipv4 or ipv6.
        kwargs: `chain`, `save`, and the words of the rule, or its `position`.
    """
    return _each(_delete, name, table, family, kwargs)


def set_policy(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a chain has a policy.

    Args:
        name: any text.
        table: where the chain lies.
        family: ipv4 or ipv6.
        kwargs: `chain`, `policy` (ACCEPT or DROP), `save`.
    """
    ret, chain, policy = begun(name), needed(kwargs, "chain"), needed(kwargs, "policy")
    if __salt__["iptables.get_policy"](table, chain, family) == policy:
        about = f"chain {chain} on table {table} for {family} already set to {policy}"
        return {**ret, "comment": f"iptables default policy for {about}"}
    if __opts__["test"]:
        about = f"chain {chain} on table {table} for {family} needs to be set to {policy}"
        return predicted(ret, f"iptables default policy for {about}")
    if __salt__["iptables.set_policy"](table, chain, policy, family):
        return failed(ret, "Failed to set iptables default policy")
    done = "Set"
    if kwargs.get("save"):
        _save(kwargs["save"], family)
        done = "Set and saved"
    return changed(ret, f"{done} default policy for {chain} to {policy} family {family}")


def flush(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Removes all rules of a chain, or of all chains of a table.

    Args:
        name: any text.
        table: where the rules lie.
        family: ipv4 or ipv6.
        kwargs: `chain`; without it, all of the table.
    """
    ret, chain = begun(name), kwargs.get("chain", "")
    if __opts__["test"]:
        return predicted(ret, f"iptables rules in {name} table {table} chain {family} family needs to be flushed")
    if __salt__["iptables.flush"](table, chain, family):
        return failed(ret, "Failed to flush iptables rules")
    return changed(ret, f"Flush iptables rules in {table} table {chain} chain {family} family")


def mod_aggregate(low: Dict[str, Any], chunks: List[Dict[str, Any]], running: Dict[str, Any]) -> Dict[str, Any]:
    """Takes over the rules of other states of the same function, so that they are set, and saved, together.

    Args:
        low: the state that is about to run.
        chunks: states that may be combined with it.
        running: results so far.
    """
    if low.get("fun") not in ("append", "insert"):
        return low
    rules = []
    for chunk in chunks:
        settled = tag_of(chunk) in running or "__agg__" in chunk
        if chunk is low or (all(chunk.get(key) == low[key] for key in ("state", "fun")) and not settled):
            rules.append(copy.deepcopy(chunk))
            chunk["__agg__"] = True
    if rules:
        low["rules"] = [*low.get("rules", ()), *rules]
    return low


def _save(where: Any, family: str) -> str:
    """Writes the rules to the usual file (True) or to another."""
    return str(__salt__["iptables.save"](filename=None if where is True else where, family=family))


def _each(
    rule_state: Callable[[str, str, str, Dict[str, Any]], Result],
    name: str,
    table: str,
    family: str,
    kwargs: Dict[str, Any],
) -> Result:
    """One rule, or several that were combined, which are saved once."""
    if "rules" not in kwargs:
        return rule_state(name, table, family, kwargs)
    results, saves = [], []
    for rule in kwargs["rules"]:
        words = {key: value for key, value in rule.items() if key not in ("name", "table", "family", "rules", "save")}
        saves += [(rule["save"], rule.get("family", family))] if rule.get("save") else []
        results.append(rule_state(rule["name"], rule.get("table", table), rule.get("family", family), words))
    if not __opts__["test"]:
        for where, its_family in dict.fromkeys(saves):
            _save(where, its_family)
    return _combined(name, results)


def _combined(name: str, results: List[Result]) -> Result:
    verdicts = [result["result"] for result in results]
    changed = [result["changes"]["locale"] for result in results if result["changes"]]
    return {
        "name": name,
        "changes": {"locale": changed} if changed else {},
        "result": False if False in verdicts else None if None in verdicts else True,
        "comment": "\n".join(result["comment"] for result in results),
    }


class _Rule:
    """A rule and where it belongs.

    Args:
        words: what is said of it.
        name: of the state.
        table: where the chain lies.
        family: ipv4 or ipv6.
        kwargs: chain, position, save and the words of the rule.
    """

    def __init__(self, words: _Words, name: str, table: str, family: str, kwargs: Dict[str, Any]) -> None:
        self.words, self.name, self.table, self.family = words, name, table, family
        self.chain, self.where = needed(kwargs, "chain"), kwargs.get("save")
        given = {**kwargs, "name": name, "table": table, "family": family}
        self.text = __salt__["iptables.build_rule"](**given)
        self.command = __salt__["iptables.build_rule"](full=True, command=words.letter, **given).strip()

    def present(self) -> bool:
        """Is it in force?"""
        return __salt__["iptables.check"](self.table, self.chain, self.text, self.family) is True

    def says(self, text: str) -> str:
        """A sentence about it."""
        return text.format(name=self.name, command=self.command, family=self.family)

    def saved(self, done: str) -> str:
        """Saves the rules; the sentence about it."""
        out = _save(self.where, self.family)
        return _SAVED.format(done=done, name=self.name, family=self.family, command=self.command, out=out)

    def changed(self) -> Result:
        """The result when iptables has done it."""
        comment = self.saved(self.words.done_and_saved) if self.where else self.says(self.words.done)
        return changed(begun(self.name), comment)


def _append(name: str, table: str, family: str, kwargs: Dict[str, Any]) -> Result:
    rule = _Rule(_APPEND, name, table, family, kwargs)
    return _settled(rule) or _verdict(rule, __salt__["iptables.append"](table, rule.chain, rule.text, family) is True)


def _insert(name: str, table: str, family: str, kwargs: Dict[str, Any]) -> Result:
    rule, position = _Rule(_INSERT, name, table, family, kwargs), needed(kwargs, "position")
    settled = _settled(rule)
    return settled or _verdict(rule, not __salt__["iptables.insert"](table, rule.chain, position, rule.text, family))


def _settled(rule: _Rule) -> Optional[Result]:
    """The result if nothing has to be done, or if nothing may be; None otherwise."""
    ret = begun(rule.name)
    if not rule.present():
        return predicted(ret, rule.says(rule.words.needed)) if __opts__["test"] else None
    ret["comment"] = rule.says(rule.words.settled)
    if rule.where and not __opts__["test"] and not _same_as_saved(rule.where, rule.family):
        ret["comment"] += "\n" + rule.saved("Saved")
    return ret


def _same_as_saved(where: Any, family: str) -> bool:
    try:
        saved = __salt__["iptables.get_saved_rules"](conf_file=None if where is True else where, family=family)
    except CommandExecutionError:
        return False  # there is no such file yet
    return _rules(saved) == _rules(__salt__["iptables.get_rules"](family=family))


def _rules(tables: Mapping[str, Mapping[str, Any]]) -> List[Any]:
    return [about.get("rules") for chains in tables.values() for about in chains.values()]


def _verdict(rule: _Rule, done: bool) -> Result:
    return rule.changed() if done else failed(begun(rule.name), rule.says(rule.words.failed))


def _delete(name: str, table: str, family: str, kwargs: Dict[str, Any]) -> Result:
    rule, position = _Rule(_DELETE, name, table, family, kwargs), kwargs.get("position")
    if position is None and not rule.present():
        return {**begun(name), "comment": rule.says(rule.words.settled)}
    if __opts__["test"]:
        return predicted(begun(name), rule.says(rule.words.needed))
    target = {"rule": rule.text} if position is None else {"position": position}
    return _verdict(rule, not __salt__["iptables.delete"](table, rule.chain, family=family, **target))
