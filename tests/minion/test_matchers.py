"""Which minions a target names, compared with Salt 3008's decisions, and what is said of targets that are wrong."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from minion.matchers import MAX_TARGET, MAX_TERM, MinionView, TargetError, expand_nodegroups, match, parse

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("target_cases", HERE / "target_cases.py")
assert _spec and _spec.loader
cases = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

CASES: List[Tuple[str, Any, str, List[str]]] = json.loads((HERE / "targets.json").read_text())
VIEWS = {name: MinionView(name, known["grains"], known["pillar"]) for name, known in cases.MINIONS.items()}


def _matching(target: Any, kind: str, delimiter: str = ":", nodegroups: Any = None) -> List[str]:
    groups = cases.NODEGROUPS if nodegroups is None else nodegroups
    return [name for name, view in VIEWS.items() if match(target, kind, view, delimiter, groups)]


def test_the_table_is_complete() -> None:
    assert len(CASES) > 500
    assert sum(1 for case in CASES if case[3]) > 250


@pytest.mark.parametrize(("kind", "target", "delimiter", "minions"), CASES)
def test_same_minions_as_salt(kind: str, target: Any, delimiter: str, minions: List[str]) -> None:
    assert _matching(target, kind, delimiter) == minions


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("web* or", "expected a target at the end"),
        ("web* db*", "expected 'and' or 'or' before 'db\\*'"),
        ("web* AND db*", "before 'AND'"),
        ("( web*", r"expected '\)' at the end"),
        ("web* )", r"before '\)'"),
        ("not not web*", "expected a target before 'not'"),
        ("(web* or db*)", r"'\(web\*' needs spaces around its parentheses"),
        ("R@%cluster", "'R@%cluster' asks for range servers, which are not supported"),
        ("E@web(", r"'web\(' is no regular expression: missing \)"),
        ("N@nowhere", "there is no nodegroup 'nowhere'"),
        ("* and N@loop", "the nodegroup 'loop' contains itself: loop -> pool -> loop"),
        ("N@broken", "in the nodegroup 'broken': expected 'and' or 'or' before 'db\\*'"),
        ("N@number", "the nodegroup 'number' is neither text nor a list"),
        ("( " * 60 + "*" + " )" * 60, "more than 50 parentheses"),
        ("", "expected a target at the end"),
    ],
)
def test_what_is_wrong_is_said(target: str, words: str) -> None:
    with pytest.raises(TargetError, match=words):
        parse(target, "compound", nodegroups=cases.NODEGROUPS)
    assert _matching(target, "compound") == []


def test_kinds_and_types_are_checked() -> None:
    with pytest.raises(TargetError, match="'fancy' is no kind of target; there are glob, pcre, list"):
        parse("*", "fancy")
    with pytest.raises(TargetError, match="a glob target is text, not a list"):
        parse(["web1"], "glob")
    with pytest.raises(TargetError, match="a list target is text or a list, not int"):
        parse(7, "list")  # type: ignore[arg-type]
    with pytest.raises(TargetError, match="no regular expression"):
        parse("web(", "pcre")


def test_lengths_are_bounded() -> None:
    for kind, target in (
        ("list", "x" * (MAX_TARGET + 1)),
        ("glob", "x" * (MAX_TERM + 1)),
        ("grain", "os:" + "x" * MAX_TERM),
        ("compound", "G@os:" + "x" * MAX_TERM),
    ):
        with pytest.raises(TargetError, match="at most"):
            parse(target, kind)
    for kind, target in (("pcre", "w" * 11), ("grain_pcre", "os:Debian.*"), ("compound", "* and E@" + "w" * 11)):
        with pytest.raises(TargetError, match="a regular expression may have 10 characters, not 11"):
            parse(target, kind, max_regex=10)
    assert parse("x," * 20_000 + "web1", "list")(VIEWS["web1"])


def test_long_values_are_not_searched() -> None:
    view = MinionView("m", {"note": "a" * 1_000_000})
    began = time.monotonic()
    assert not match("note:.*.*.*b", "grain_pcre", view)
    assert time.monotonic() - began < 1


def test_regular_expressions_keep_their_classes() -> None:
    # Salt lowers the expression, which turns \D into \d.
    assert _matching("os:\\D+$", "grain_pcre") == ["web1", "db1.example.com"]
    assert _matching("num_cpus:\\D+$", "grain_pcre") == []


def test_a_nodegroup_is_one_term() -> None:
    # Salt pastes the words of `a* or b*` into the expression, so that `not` and `and` bind to its first or last word.
    groups: Dict[str, Any] = {"front": "web* or db*"}
    assert _matching("not N@front", "compound", nodegroups=groups) == ["bare"]
    assert _matching("bare and N@front", "compound", nodegroups=groups) == []


def test_expanded_for_publishing() -> None:
    def expanded(target: str) -> str:
        return " ".join(expand_nodegroups(target.split(), cases.NODEGROUPS))

    assert expanded("* and not N@both") == "* and not ( ( G@os:Debian ) or ( db* ) )"
    assert expanded("N@names or N@query") == "( L@web1,db1.example.com ) or ( E@web? )"
    assert expanded("N@ or x") == "N@ or x"
    with pytest.raises(TargetError, match="contains itself"):
        expanded("N@loop")


def test_an_expanded_expression_names_the_same_minions() -> None:
    checked = 0
    for kind, target, _, minions in CASES:
        if kind == "compound" and isinstance(target, str) and "N@" in target and minions:
            text = " ".join(expand_nodegroups(target.split(), cases.NODEGROUPS))
            assert _matching(text, kind, nodegroups={}) == minions
            checked += 1
    assert checked > 8


@pytest.mark.parametrize(
    ("target", "matches"),
    [
        ("role:web", True),
        ("role:we*", True),
        ("role:WEB", False),
        ("tags:b*", True),
        ("tags:BLUE", True),
        ("map:key", True),
        ("map:k*", False),
        ("number:7", True),
        ("role", False),
        ("missing:x", False),
        ("role:web:more", True),
    ],
)
def test_data(target: str, matches: bool) -> None:
    data = {"role": "web", "tags": ["red", "blue"], "map": {"key": "value"}, "number": 7}
    assert match(target, "data", MinionView("m", data=data)) is matches


def test_unknown_grains_and_pillar_match_nothing() -> None:
    view = MinionView("m", None, None)  # type: ignore[arg-type]
    assert not match("os:*", "grain", view)
    assert not match("10.0.0.1", "ipcidr", view)
    assert match("not I@role:web", "compound", view)
