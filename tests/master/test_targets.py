"""Whom a target means, with real files of grains and pillars."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from master.errors import TargetError
from master.miniondata import MinionData
from master.targets import Resolved, resolve
from minion import matchers

IDS = ("web1", "web2", "db1", "db2", "new1")
GROUPS = {"webs": "web*", "plain": ["db1", "gone"], "nested": "N@webs or G@os:Arch"}


@pytest.fixture
def known(tmp_path: Path) -> MinionData:
    """Nothing is known of new1, and no pillar of db2."""
    data = MinionData(str(tmp_path / "by_minion"))
    for name, os_name, address in (("web1", "Debian", "10.0.0.1"), ("web2", "Arch", "10.0.0.2"),
                                   ("db1", "Debian", "10.1.0.1"), ("db2", "Arch", "fd00::1")):  # fmt: skip
        kind = "ipv6" if ":" in address else "ipv4"
        data.store_grains(name, {"os": os_name, kind: [address], "deep": {"er": [name, "all"]}})
        if name != "db2":
            data.store_pillar(name, {"role": name[:-1]})
    return data


def minions(known: MinionData, tgt: Any, tgt_type: str = "glob", delimiter: str = ":") -> str:
    return " ".join(resolve(tgt, tgt_type, delimiter, IDS, known, GROUPS).minions)


@pytest.mark.parametrize(
    ("tgt_type", "tgt", "expected"),
    [
        ("glob", "*", "db1 db2 new1 web1 web2"),
        ("glob", "web*", "web1 web2"),
        ("glob", "[wd]*1", "db1 web1"),
        ("glob", "nobody", ""),
        ("pcre", r"(web|new)\d$", "new1 web1 web2"),
        ("list", "web1,db2,gone", "db2 web1"),
        ("list", ["web1", "web1", "gone"], "web1"),
        ("grain", "os:Debian", "db1 new1 web1"),
        ("grain", "deep:er:all", "db1 db2 new1 web1 web2"),
        ("grain_pcre", "os:A.*", "db2 new1 web2"),
        ("pillar", "role:w*", "db2 new1 web1 web2"),
        ("pillar_pcre", "role:d", "db1 db2 new1"),
        ("pillar_exact", "role:web", "db2 new1 web1 web2"),
        ("ipcidr", "10.0.0.0/16", "new1 web1 web2"),
        ("ipcidr", "fd00::1", "db2 new1"),
        ("data", "a:b", "db1 db2 new1 web1 web2"),
        ("nodegroup", "webs", "web1 web2"),
        ("nodegroup", "plain", "db1"),
        ("nodegroup", "nested", "db2 new1 web1 web2"),
        ("compound", "G@os:Debian and web*", "web1"),
        ("compound", "web* and not G@os:Debian", "web2"),
        ("compound", "not G@os:Debian", "db2 new1 web2"),
        ("compound", "new* and G@os:Arch", "new1"),
        ("compound", "new* and not ( G@os:Arch or I@role:web )", "new1"),
        ("compound", "not ( G@os:Arch and web* )", "db1 db2 new1 web1"),
        ("compound", "not ( web* or new* ) and I@role:db", "db1 db2"),
        ("compound", "N@webs and S@10.0.0.2", "web2"),
        ("compound", ["db*", "and", "J@role:d.*"], "db1 db2"),
        ("compound", "L@db1,db2 or E@new.", "db1 db2 new1"),
    ],
)
def test_targets(known: MinionData, tgt_type: str, tgt: Any, expected: str) -> None:
    assert minions(known, tgt, tgt_type) == expected


def test_another_delimiter(known: MinionData) -> None:
    assert minions(known, "deep|er|db1", "grain", "|") == "db1 new1"


def test_who_was_named_but_is_not_accepted_is_missing(known: MinionData) -> None:
    assert resolve("db1,gone,,pending", "list", ":", IDS, known, {}) == Resolved(("db1",), ("gone", "pending"))
    assert resolve("pending", "glob", ":", IDS, known, {}) == Resolved((), ("pending",))
    assert resolve("pend*", "glob", ":", IDS, known, {}) == Resolved(())


@pytest.mark.parametrize(
    ("tgt_type", "tgt", "why"),
    [
        ("pcre", "web(", "no regular expression"),
        ("pcre", "a" * 5000, "at most 4096"),
        ("compound", "web* and", "expected a target at the end"),
        ("compound", "( web*", r"expected '\)'"),
        ("compound", "R@%cluster", "not supported"),
        ("nodegroup", "unknown", "there is no nodegroup 'unknown'"),
        ("range", "%cluster", "no kind of target"),
    ],
)
def test_a_wrong_target_says_what_is_wrong(known: MinionData, tgt_type: str, tgt: str, why: str) -> None:
    with pytest.raises(TargetError, match=f"^The {tgt_type} target .* is wrong: .*{why}"):
        minions(known, tgt, tgt_type)


def test_a_minion_is_expected_exactly_if_what_is_not_known_could_make_it_match(tmp_path: Path) -> None:
    """Compared with trying out every combination of what the unknown grains and pillars could say."""
    nothing = MinionData(str(tmp_path))
    possible = [matchers.MinionView("m", {"g": grain}, {"p": pillar}) for grain in ("x", "y") for pillar in ("x", "y")]
    terms = ["G@g:x", "I@p:x", "m", "n"]
    shapes = [
        "{0} and not {1}",
        "not ( {0} and {1} ) and {2}",
        "not ( {0} or not {1} ) or {2}",
        "( {0} or {1} ) not {2}",
    ]
    for shape, chosen in itertools.product(shapes, itertools.permutations(terms, 3)):
        expression = shape.format(*chosen)
        expected = any(matchers.match(expression, "compound", view) for view in possible)
        assert bool(resolve(expression, "compound", ":", ["m"], nothing, {}).minions) is expected, expression
