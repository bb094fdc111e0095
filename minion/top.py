"""Top files, of states and of pillar: which SLS files a minion gets."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, NamedTuple

from minion.matchers import View, match


class Entry(NamedTuple):
    """What a top file says of one target.

    Attributes:
        matchers: its mappings, such as `match: grain`.
        sls: names of SLS files, each once.
        order: targets with lower numbers come first.
        ignore_missing: a missing SLS file is no error.
    """

    matchers: List[Dict[str, Any]]
    sls: List[str]
    order: int
    ignore_missing: bool

    @property
    def data(self) -> List[Any]:
        """Mappings and names, as the high data of a top file lists them."""
        return [*self.matchers, *self.sls]


def read_entry(items: Iterable[Any]) -> Entry:
    """Reads what stands below a target."""
    matchers: List[Dict[str, Any]] = []
    sls: Dict[str, None] = {}
    order, ignore_missing = 0, False
    for item in items:
        if isinstance(item, str):
            sls[item] = None
        elif isinstance(item, dict):
            if "match" in item:
                matchers.append(item)
            if "order" in item:
                order = _number(item["order"])
            ignore_missing = ignore_missing or bool(item.get("ignore_missing"))
    return Entry(matchers, list(sls), order, ignore_missing)


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def confirms(target: str, data: Iterable[Any], view: View, nodegroups: Mapping[str, Any]) -> bool:
    """Does a target of a top file name this minion? Without `match` it is a compound expression."""
    kind = "compound"
    for item in data:
        if isinstance(item, dict) and "match" in item:
            kind = str(item["match"])
    return match(str(target), kind, view, nodegroups=nodegroups)
