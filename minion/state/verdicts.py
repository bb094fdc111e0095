"""What the results of a chunk's requisites mean for the chunk."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Set

from minion.state.tags import Chunks, Result

Requisites = Dict[str, Chunks]


class Verdict(NamedTuple):
    """What the requisites of a chunk say.

    Attributes:
        status: unmet, pending, fail, skip_req, skip_watch, pre, onfail, onchanges, change or met.
        requisites: the chunks behind it, by kind.
    """

    status: str
    requisites: Requisites


def judge(kind: str, outcomes: List[Optional[Result]]) -> Set[str]:
    """What the chunks behind one kind of requisite say together."""
    base = kind.replace("_any", "").replace("_all", "")
    stats: Set[str] = set()
    for outcome in outcomes:
        stats |= {"unmet"} if outcome is None else _judge_one(base, outcome)
    if kind.endswith("_any") or kind == "onfail":
        if stats & {"met", "change"}:
            stats.discard("fail")
        if "onchangesmet" in stats:
            stats -= {"onchanges", "fail"}
        if "met" in stats:
            stats.discard("onfail")
    if kind.endswith("_all") and "onfail" in stats:
        stats.discard("met")
    return stats


def _judge_one(base: str, outcome: Result) -> Set[str]:
    stats = {"skip_req"} if outcome.get("skip_req") else set()
    result, changes = outcome["result"], outcome["changes"]
    if base == "onfail":
        if result is True:
            return stats | {"onfail"}
    elif base == "onchanges":
        return stats | {"onchanges" if result is False or not changes else "onchangesmet"}
    elif result is False:
        return stats | {"fail"}
    if base == "watch" and changes:
        return stats | {"change"}
    if base == "prereq":
        return stats | {"premet" if result is None else "pre"}
    return stats | ({"met"} if outcome.get("__state_ran__", True) else set())


def status_of(stats: Set[str]) -> str:
    """The status that what all kinds of requisites say amounts to."""
    if "unmet" in stats:
        return "unmet"
    if "fail" in stats:
        return "fail"
    if "skip_req" in stats and stats & {"onchangesmet", "premet"}:
        return "skip_req"
    if {"skip_req", "change"} <= stats:
        return "skip_watch"
    if "pre" in stats:
        return "met" if "premet" in stats else "pre"
    if "onchangesmet" not in stats:
        for status in ("onfail", "onchanges"):
            if status in stats:
                return status
    return next((status for status in ("change", "onfail") if status in stats), "met")
