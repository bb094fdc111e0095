"""The packet filter, by nftables: tables, chains, rules and policies.

Arguments that belong to a rule are those of `nftables.build_rule`: `proto`, `dport`, `connstate`, `jump`, ... `family`
is ipv4, ipv6, inet, arp, bridge or netdev. With `save: True` all rules in force are written to the usual file.

.. code-block:: yaml

    ssh:
      nftables.append:
        - family: inet
        - table: filter
        - chain: input
        - proto: tcp
        - dport: 22
        - connstate: new
        - jump: accept
        - save: True
"""

from __future__ import annotations

from typing import Any, Callable, Dict, NamedTuple, Optional

from minion.states._firewall import changed, needed
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


class _Words(NamedTuple):
    """What the state of a rule says."""

    settled: str
    needed: str
    done: str
    saved: str
    failed: str


_APPEND = _Words(
    settled="nftables rule for {name} already set ({rule}) for {family}",
    needed="nftables rule for {name} needs to be set ({rule}) for {family}",
    done="Set nftables rule for {name} to: {rule} for {family}",
    saved="Set and Saved nftables rule for {name} to: {rule} for {family}",
    failed="Failed to set nftables rule for {name}.\nAttempted rule was {rule} for {family}.\n{reason}",
)
_INSERT = _APPEND._replace(
    settled="nftables rule for {name} already set for {family} ({rule})",
    needed="nftables rule for {name} needs to be set for {family} ({rule})",
    failed="Failed to set nftables rule for {name}.\nAttempted rule was {rule}",
)
_DELETE = _Words(
    settled="nftables rule for {name} already absent for {family} ({rule})",
    needed="nftables rule for {name} needs to be deleted for {family} ({rule})",
    done="Delete nftables rule for {name} {rule}",
    saved="Deleted and Saved nftables rule for {name} for {rule}{family}",
    failed="Failed to delete nftables rule for {name}.\nAttempted rule was {rule}",
)


def __virtual__() -> Any:
    return True if "nftables.version" in __salt__ else (False, "nftables module could not be loaded")


def chain_present(
    name: str,
    table: str = "filter",
    table_type: Optional[str] = None,
    hook: Optional[str] = None,
    priority: Any = None,
    family: str = "ipv4",
) -> Result:
    """Sees to it that there is a chain.

    Args:
        name: the chain.
        table: where it lies.
        table_type: filter, nat or route; with `hook` and `priority`, packets pass the chain by themselves.
        hook: input, output, forward, prerouting, postrouting or ingress.
        priority: a number; chains of a hook are passed in this order.
        family: ipv4, ipv6, inet, ...
    """
    ret = begun(name)
    if __salt__["nftables.check_chain"](table, name, family=family)["result"]:
        return {**ret, "comment": f"nftables {name} chain is already exist in {table} table for {family}"}
    if __opts__["test"]:
        return predicted(ret, f"nftables chain {name} would be created in table {table} for family {family}")
    how = {"table_type": table_type, "hook": hook, "priority": priority}
    done = __salt__["nftables.new_chain"](table, name, family=family, **how)
    if not done["result"]:
        return failed(ret, f"Failed to create {name} chain in {table} table: {done['comment'].strip()} for {family}")
    return changed(ret, f"nftables {name} chain in {table} table create success for {family}")


def chain_absent(name: str, table: str = "filter", family: str = "ipv4") -> Result:
    """Sees to it that there is no such chain; its rules go first.

    Args:
        name: the chain.
        table: where it lies.
        family: ipv4, ipv6, inet, ...
    """
    ret = begun(name)
    if not __salt__["nftables.check_chain"](table, name, family=family)["result"]:
        return {**ret, "comment": f"nftables {name} chain is already absent in {table} table for {family}"}
    if __opts__["test"]:
        return predicted(ret, f"nftables chain {name} would be deleted from table {table} for family {family}")
    for function, verb in (("flush", "flush"), ("delete_chain", "delete")):
        done = __salt__[f"nftables.{function}"](table, name, family)
        if not done["result"]:
            reason = done["comment"].strip()
            return failed(ret, f"Failed to {verb} {name} chain in {table} table: {reason} for {family}")
    return changed(ret, f"nftables {name} chain in {table} table delete success for {family}")


def append(name: str, family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is in a chain; at its end, if it has to be added.

    Args:
        name: any text that is no rule.
        family: ipv4, ipv6, inet, ...
        kwargs: `table`, `chain`, `save`, and the words of the rule.
    """
    return _add(_APPEND, name, family, kwargs)


def insert(name: str, family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is in a chain; at its beginning, if it has to be added.

    Args:
        name: any text that is no rule.
        family: ipv4, ipv6, inet, ...
        kwargs: `table`, `chain`, `save`, the words of the rule, and `position`, the handle of the rule to stand before.
    """
    return _add(_INSERT, name, family, kwargs)


def delete(name: str, family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a rule is not in a chain.

    Args:
        name: any text that is no rule.
        family: ipv4, ipv6, inet, ...
        kwargs: `table`, `chain`, `save`, the words of the rule, and `position`, if its handle is known.
    """
    rule = _Rule(_DELETE, name, family, kwargs)
    if rule.error:
        return rule.error
    if not rule.present():
        return {**begun(name), "comment": rule.says(_DELETE.settled)}
    if __opts__["test"]:
        return predicted(begun(name), rule.says(_DELETE.needed))
    target = {"position": kwargs["position"]} if "position" in kwargs else {"rule": rule.text}
    return rule.finished(__salt__["nftables.delete"](rule.table, rule.chain, family=family, **target))


def flush(name: str, family: str = "ipv4", ignore_absence: bool = False, **kwargs: Any) -> Result:
    """Removes all rules of a chain, or of all chains of a table.

    Args:
        name: any text.
        family: ipv4, ipv6, inet, ...
        ignore_absence: a table or chain that is missing is no failure.
        kwargs: `table` (filter, if none is given) and `chain`.
    """
    ret, table, chain = begun(name), kwargs.get("table", "filter"), kwargs.get("chain", "")
    if __opts__["test"]:
        return predicted(ret, "nftables flush not performed in test mode.")
    missing = ""
    if not __salt__["nftables.check_table"](table, family=family)["result"]:
        missing = f"Failed to flush table {table} in family {family}, table does not exist."
    elif chain and not __salt__["nftables.check_chain"](table, chain, family=family)["result"]:
        missing = f"Failed to flush chain {chain} in table {table} in family {family}, chain does not exist."
    if missing and not ignore_absence:
        return failed(ret, missing)
    if not missing and not __salt__["nftables.flush"](table, chain, family)["result"]:
        return failed(ret, "Failed to flush nftables rules")
    return changed(ret, f"Flush nftables rules in {table} table {chain} chain {family} family")


def set_policy(name: str, table: str = "filter", family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that a chain has a policy.

    Args:
        name: any text.
        table: where the chain lies.
        family: ipv4, ipv6, inet, ...
        kwargs: `chain`, `policy` (accept or drop), `save`, `save_filename`.
    """
    ret, chain, policy = begun(name), needed(kwargs, "chain"), str(needed(kwargs, "policy"))
    about = f"nftables default policy for chain {chain} on table {table} for {family}"
    current = __salt__["nftables.get_policy"](table, chain, family) or ""
    if current.lower() == policy.lower():
        return {**ret, "comment": f"{about} already set to {policy}"}
    if __opts__["test"]:
        return predicted(ret, f"{about} needs to be set to {policy}")
    if not __salt__["nftables.set_policy"](table, chain, policy.lower(), family):
        return failed(ret, "Failed to set nftables default policy")
    done = "Set"
    if kwargs.get("save"):
        __salt__["nftables.save"](filename=kwargs.get("save_filename"), family=family)
        done = "Set and saved"
    return changed(ret, f"{done} default policy for {chain} to {policy} family {family}")


def table_present(name: str, family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that there is a table.

    Args:
        name: the table.
        family: ipv4, ipv6, inet, ...
        kwargs: ignored.
    """
    ret = begun(name)
    if __salt__["nftables.check_table"](name, family=family)["result"]:
        return {**ret, "comment": f"nftables table {name} already exists in family {family}"}
    if __opts__["test"]:
        return predicted(ret, f"nftables table {name} would be created in family {family}")
    if not __salt__["nftables.new_table"](name, family=family)["result"]:
        return failed(ret, f"Failed to create table {name} for family {family}")
    return changed(ret, f"nftables table {name} successfully created in family {family}")


def table_absent(name: str, family: str = "ipv4", **kwargs: Any) -> Result:
    """Sees to it that there is no such table.

    Args:
        name: the table; all in it goes with it.
        family: ipv4, ipv6, inet, ...
        kwargs: ignored.
    """
    ret = begun(name)
    if not __salt__["nftables.check_table"](name, family=family)["result"]:
        return {**ret, "comment": f"nftables table {name} is already absent from family {family}"}
    if __opts__["test"]:
        return predicted(ret, f"nftables table {name} would be deleted from family {family}")
    if not __salt__["nftables.delete_table"](name, family=family)["result"]:
        return failed(ret, f"Failed to delete table {name} from family {family}")
    return changed(ret, f"nftables table {name} successfully deleted from family {family}")


class _Rule:
    """A rule and where it belongs.

    Args:
        words: what is said of it.
        name: of the state.
        family: ipv4, ipv6, inet, ...
        kwargs: table, chain, position, save and the words of the rule.
    """

    def __init__(self, words: _Words, name: str, family: str, kwargs: Dict[str, Any]) -> None:
        self.words, self.name, self.family, self.save = words, name, family, kwargs.get("save")
        self.table, self.chain = needed(kwargs, "table"), needed(kwargs, "chain")
        built = __salt__["nftables.build_rule"](family=family, **kwargs)
        self.text = built["rule"].strip()
        self.error = None if built["result"] else failed(begun(name), built["comment"])

    def present(self) -> bool:
        """Is it in force?"""
        return bool(__salt__["nftables.check"](self.table, self.chain, self.text, self.family)["result"])

    def says(self, text: str, reason: str = "") -> str:
        """A sentence about it."""
        return text.format(name=self.name, rule=self.text, family=self.family, reason=reason)

    def finished(self, done: Dict[str, Any]) -> Result:
        """The result when nft has been called."""
        if not done["result"]:
            return failed(begun(self.name), self.says(self.words.failed, done["comment"]))
        if self.save:
            __salt__["nftables.save"](filename=None, family=self.family)
        return changed(begun(self.name), self.says(self.words.saved if self.save else self.words.done))


def _add(words: _Words, name: str, family: str, kwargs: Dict[str, Any]) -> Result:
    rule = _Rule(words, name, family, kwargs)
    if rule.error:
        return rule.error
    if rule.present():
        return {**begun(name), "comment": rule.says(words.settled)}
    if __opts__["test"]:
        return predicted(begun(name), rule.says(words.needed))
    if words is _INSERT:
        position = kwargs.get("position")
        return rule.finished(__salt__["nftables.insert"](rule.table, rule.chain, position, rule.text, family))
    return rule.finished(__salt__["nftables.append"](rule.table, rule.chain, rule.text, family))
