"""The mine: what minions publish for each other."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from master import targets
from master.errors import TargetError
from master.miniondata import MAX_MINE_FUNCTIONS, MinionData

_ACL_MARK = "__saltmine_acl__"
_TARGETS = ("glob", "pcre", "list", "grain", "grain_pcre", "pillar", "pillar_exact", "compound", "ipcidr", "nodegroup")


class MasterMine:
    """Stores and hands out mine values.

    Args:
        data: where they are kept.
        accepted: ids of the accepted minions.
        rules: the option `mine_get`: minion id pattern -> function patterns; empty means that all may read all.
        nodegroups: names for targets.
    """

    def __init__(
        self,
        data: MinionData,
        accepted: Callable[[], list[str]],
        rules: Mapping[str, Any],
        nodegroups: Mapping[str, Any],
    ) -> None:
        self._data, self._accepted, self._rules, self._nodegroups = data, accepted, rules, nodegroups

    def store(self, minion_id: str, values: dict[str, Any], replace: bool) -> bool:
        """Keeps what a minion sends; whether that was done."""
        return self._data.store_mine(minion_id, {str(name): value for name, value in values.items()}, replace)

    def delete(self, minion_id: str, fun: str) -> bool:
        """Takes one function out of a minion's own mine."""
        self._data.delete_mine(minion_id, fun)
        return True

    def flush(self, minion_id: str) -> bool:
        """Empties a minion's own mine."""
        self._data.clear(minion_id, "mine")
        return True

    def get(self, minion_id: str, tgt: Any, fun: Any, tgt_type: str) -> dict[str, Any]:
        """What other minions published, as far as this one may read it.

        Args:
            minion_id: who asks.
            tgt, tgt_type: whose values; targets by pillar must be exact.
            fun: one function, several separated by commas, or a list.

        Returns:
            minion -> value for one function, function -> minion -> value for several.
        """
        functions = fun if isinstance(fun, list) else [name.strip() for name in str(fun).split(",")]
        if len(functions) > MAX_MINE_FUNCTIONS:
            return {}
        wanted = [str(name) for name in functions if self._may_read(minion_id, str(name))]
        found: dict[str, dict[str, Any]] = {name: {} for name in wanted}
        for owner in self._matching(tgt, tgt_type, self._accepted()) if wanted else ():
            values = self._data.mine(owner)
            for name in wanted:
                if name in values and self._shared_with(values[name], minion_id):
                    found[name][owner] = _value(values[name])
        if len(functions) == 1:
            return found.get(wanted[0], {}) if wanted else {}
        return {name: values for name, values in found.items() if values}

    def _matching(self, tgt: Any, tgt_type: str, among: Collection[str]) -> tuple[str, ...]:
        kind = "pillar_exact" if tgt_type == "pillar" else tgt_type
        if kind not in _TARGETS or (kind == "compound" and targets.asks_for_pillar(tgt)):
            return ()
        try:
            resolved = targets.resolve_guarded(tgt, kind, ":", among, self._data, self._nodegroups, unknown=False)
        except TargetError:
            return ()
        return resolved.minions

    def _may_read(self, minion_id: str, fun: str) -> bool:
        if not self._rules:
            return True
        for pattern, functions in self._rules.items():
            if _full_match(str(pattern), minion_id):
                listed = functions if isinstance(functions, list) else [functions]
                if any(_full_match(str(name), fun) for name in listed):
                    return True
        return False

    def _shared_with(self, value: Any, minion_id: str) -> bool:
        if not _guarded(value):
            return True
        tgt, kind = value.get("allow_tgt"), str(value.get("allow_tgt_type") or "glob")
        return bool(tgt) and minion_id in self._matching(tgt, kind, [minion_id])


def _guarded(value: Any) -> bool:
    return isinstance(value, dict) and _ACL_MARK in value


def _value(value: Any) -> Any:
    return value.get("__data__") if _guarded(value) else value


def _full_match(pattern: str, text: str) -> bool:
    try:
        return pattern == "*" or re.fullmatch(pattern, text) is not None
    except re.error:
        return False
