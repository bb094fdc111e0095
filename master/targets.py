"""Whom a target means: decided on the master for the list of minions that are expected to answer.

The matching itself is `minion.matchers`, which each minion applies to itself when a job arrives. The master knows less:
of a minion whose grains or pillar it never saw, it expects an answer wherever these could make the target true.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from master.bounded import within
from master.errors import TargetError
from minion import matchers
from transports import names

_SOURCES = {
    "grain": "grains", "grain_pcre": "grains", "ipcidr": "grains", "pillar": "pillar", "pillar_pcre": "pillar",
    "pillar_exact": "pillar", "data": "data",
}  # fmt: skip
_SOURCE_OF_LETTER = {"G": "grains", "P": "grains", "S": "grains", "I": "pillar", "J": "pillar"}
_DATA_TERM = re.compile(r"(?:([GPIJ]).?|(S))@.", re.S)
_ALWAYS, _NEVER = "*", "E@(?!)"
_REGEX_KINDS = ("pcre", "grain_pcre", "pillar_pcre")
_REGEX_TERM = re.compile(r"(?:E|[PJ].?)@", re.S)
_PILLAR_TERM = re.compile(r"(?:^|[\s(])[IJ]\S*@")
_MAX_REGEX = 256
_MAX_WORDS = 512
_SECONDS = 0.5


class Data(Protocol):
    """What is kept of minions; `master.miniondata.MinionData` is one."""

    def grains(self, minion_id: str) -> dict[str, Any] | None: ...

    def pillar(self, minion_id: str) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class Resolved:
    """Whom a target means.

    Attributes:
        minions: who is expected to answer, sorted.
        missing: who was named but is not accepted.
        words: a compound expression without nodegroups, which minions do not know.
    """

    minions: tuple[str, ...]
    missing: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class _View:
    """What the master knows of one minion, looked up when a matcher asks."""

    data: Mapping[str, Any] = {}

    def __init__(self, known: Data, minion_id: str = "") -> None:
        self._known, self.id = known, minion_id

    @property
    def grains(self) -> Mapping[str, Any]:
        return self._known.grains(self.id) or {}

    @property
    def pillar(self) -> Mapping[str, Any]:
        return self._known.pillar(self.id) or {}


def resolve(
    tgt: str | Sequence[str],
    tgt_type: str,
    delimiter: str,
    accepted: Collection[str],
    known: Data,
    nodegroups: Mapping[str, Any],
    max_regex: int = matchers.MAX_TERM,
    unknown: bool = True,
) -> Resolved:
    """Whom a target means.

    Args:
        tgt: the expression; ids, or the words of a compound expression, may come as a list.
        tgt_type: how to read it.
        delimiter: between the keys of nested grains and pillars.
        accepted: the ids of all accepted minions.
        known: grains and pillars.
        nodegroups: name -> compound expression.
        max_regex: longest regular expression.
        unknown: whether what is not known of a minion counts in favour of the target (somebody is asked once too
            often) or against it (nobody is let in by what he keeps to himself).

    Raises:
        TargetError: the expression is wrong.
    """
    try:
        if tgt_type == "list":
            return _listed(tgt, accepted)
        if tgt == "*" and tgt_type == "glob":
            return Resolved(tuple(sorted(accepted)))
        if tgt_type in ("compound", "nodegroup"):
            words = [f"N@{tgt}"] if tgt_type == "nodegroup" else tgt.split() if isinstance(tgt, str) else list(tgt)
            words = matchers.expand_nodegroups(words, nodegroups)
            return Resolved(_compound(words, accepted, known, max_regex, unknown), words=tuple(words))
        matcher = matchers.parse(tgt, tgt_type, delimiter, nodegroups, max_regex)
    except matchers.TargetError as exc:
        raise TargetError(f"The {tgt_type} target {_shown(tgt)} is wrong: {exc}") from None
    source = _SOURCES.get(tgt_type)
    view = _View(known)
    matched = []
    for view.id in accepted:
        if unknown if source and _lacks(view, known, source) else matcher(view):
            matched.append(view.id)
    return Resolved(tuple(sorted(matched)), _missing(tgt, matched) if tgt_type == "glob" else ())


def resolve_guarded(
    tgt: str | Sequence[str],
    tgt_type: str,
    delimiter: str,
    accepted: Collection[str],
    known: Data,
    nodegroups: Mapping[str, Any],
    unknown: bool = True,
) -> Resolved:
    """Like `resolve`, for those who are not trusted with regular expressions that may take for ever.

    Raises:
        TargetError: see there; or it has too many words, or its regular expressions are too long, or take too long.
    """
    if tgt_type == "compound" and len(tgt.split() if isinstance(tgt, str) else tgt) > _MAX_WORDS:
        raise TargetError(f"The compound target {_shown(tgt)} has more than {_MAX_WORDS} words")
    if not _has_regex(tgt, tgt_type):
        return resolve(tgt, tgt_type, delimiter, accepted, known, nodegroups, _MAX_REGEX, unknown)

    def work() -> bytes:
        try:
            found = resolve(tgt, tgt_type, delimiter, accepted, known, nodegroups, _MAX_REGEX, unknown)
        except TargetError as exc:
            return json.dumps({"error": str(exc)}).encode()
        return json.dumps({"minions": found.minions, "missing": found.missing, "words": found.words}).encode()

    done = within(_SECONDS, work)
    answer = json.loads(done) if done else {"error": f"The {tgt_type} target {_shown(tgt)} takes too long to match"}
    if "error" in answer:
        raise TargetError(answer["error"])
    return Resolved(tuple(answer["minions"]), tuple(answer["missing"]), tuple(answer["words"]))


def asks_for_pillar(words: object) -> bool:
    """Whether a compound expression, as text or as a list of words, looks at pillars: whoever may ask such questions
    of others' pillars finds out each value, letter by letter.
    """
    return (
        _PILLAR_TERM.search(" ".join(map(str, words)) if isinstance(words, (list, tuple)) else str(words)) is not None
    )


def decidable(
    tgt: str | Sequence[str], tgt_type: str, minions: Sequence[str], words: Sequence[str] = ()
) -> tuple[str | tuple[str, ...], str]:
    """A target as a host can decide it of which the master may know nothing; a list where there is nothing to decide.

    Args:
        tgt, tgt_type: the target.
        minions: whom it means, as far as the master knows.
        words: of a compound expression, without nodegroups.
    """
    if tgt_type not in ("compound", "nodegroup"):
        return (tgt if isinstance(tgt, str) else tuple(tgt)), tgt_type
    if any(map(_source, words)):
        return " ".join(words), "compound"
    return tuple(minions), "list"


def _has_regex(tgt: str | Sequence[str], tgt_type: str) -> bool:
    words = tgt.split() if isinstance(tgt, str) else tgt
    return tgt_type in _REGEX_KINDS or (tgt_type == "compound" and any(map(_REGEX_TERM.match, words)))


def _listed(tgt: str | Sequence[str], accepted: Collection[str]) -> Resolved:
    listed = dict.fromkeys(tgt.split(",") if isinstance(tgt, str) else tgt)
    ids = accepted if isinstance(accepted, (set, frozenset, dict)) else frozenset(accepted)
    return Resolved(
        tuple(sorted(name for name in listed if name in ids)),
        tuple(name for name in listed if name and name not in ids),
    )


def _missing(tgt: str | Sequence[str], matched: Sequence[str]) -> tuple[str, ...]:
    """A glob that is a plain name names one minion, as a list would."""
    return (tgt,) if not matched and isinstance(tgt, str) and names.is_minion_id(tgt) else ()


def _lacks(view: _View, known: Data, source: str) -> bool:
    if source == "data":  # only minions have their data store
        return True
    return (known.grains(view.id) if source == "grains" else known.pillar(view.id)) is None


def _compound(
    words: Sequence[str], accepted: Collection[str], known: Data, max_regex: int, unknown: bool
) -> tuple[str, ...]:
    sources = {source for word in words if (source := _source(word))}

    @lru_cache
    def matcher_without(lacking: frozenset[str]) -> matchers.Matcher:
        return matchers.parse(_decided(words, lacking, unknown), "compound", max_regex=max_regex)

    matcher_without(frozenset())
    view = _View(known)
    matched = []
    for view.id in accepted:
        lacking = frozenset(source for source in sources if _lacks(view, known, source))
        if matcher_without(lacking)(view):
            matched.append(view.id)
    return tuple(sorted(matched))


def _decided(words: Sequence[str], lacking: frozenset[str], outcome: bool) -> list[str]:
    """The expression with each term that needs what is not known replaced by what makes it true (false) as a whole."""
    made: list[str] = []
    opened = [False]  # for each open parenthesis, whether what is in it is denied
    denied = False
    for word in words:
        made.append((_ALWAYS if opened[-1] ^ denied ^ outcome else _NEVER) if _source(word) in lacking else word)
        if word == "(":
            opened.append(opened[-1] ^ denied)
        elif word == ")" and len(opened) > 1:
            opened.pop()
        denied = word == "not"
    return made


def _source(word: str) -> str | None:
    term = _DATA_TERM.match(word)
    return _SOURCE_OF_LETTER[term[1] or term[2]] if term else None


def _shown(tgt: str | Sequence[str]) -> str:
    text = tgt if isinstance(tgt, str) else ",".join(map(str, tgt))
    return repr(text if len(text) <= 100 else text[:97] + "...")
