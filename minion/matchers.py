"""Decides whether a target names a minion: the same code on the minion, on the master and in top files.

`parse` turns a target into a function of one minion, and says by a TargetError what is wrong with a target; a master
parses once and asks for many minions. `match` asks for one, and there a target that is wrong names nobody.

The kinds are those of Salt's commands:

    glob            web*
    pcre            a regular expression, from the beginning of the id
    list            web1,web2
    grain           os:Deb*; the delimiter joins the keys of nested grains, items of lists are tried one by one
    grain_pcre      os:Deb.*
    pillar, pillar_pcre, pillar_exact
    ipcidr          10.0.0.0/8, or an address
    nodegroup       a name from the option `nodegroups`
    compound        G@os:Debian and ( web* or not L@db1,db2 )
    data            key:value of the minion's data store
"""

from __future__ import annotations

import dataclasses
import fnmatch
import ipaddress
import logging
import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple, Union

from minion.data import DEFAULT_DELIMITER
from minion.errors import MinionError
from minion.nested_match import Compare, equals, globs, matches_nested, searches

log = logging.getLogger(__name__)

MAX_TARGET = 1 << 20  # a list of some ten thousand minions
MAX_TERM = 4096
MAX_DEPTH = 50

Target = Union[str, Sequence[str]]
Nodegroups = Mapping[str, Any]


class TargetError(MinionError):
    """A target can't be understood; says which part of it and why."""


class View(Protocol):
    """What is known of one minion."""

    @property
    def id(self) -> str: ...
    @property
    def grains(self) -> Mapping[str, Any]: ...
    @property
    def pillar(self) -> Mapping[str, Any]: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


@dataclasses.dataclass(frozen=True)
class MinionView:
    """A view of which everything is known beforehand."""

    id: str
    grains: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    pillar: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)


Matcher = Callable[[View], bool]

_NESTED: Dict[str, Tuple[str, Compare]] = {
    "grain": ("grains", globs),
    "grain_pcre": ("grains", searches),
    "pillar": ("pillar", globs),
    "pillar_pcre": ("pillar", searches),
    "pillar_exact": ("pillar", equals),
}
KINDS = ("glob", "pcre", "list", "ipcidr", "nodegroup", "compound", "data", *_NESTED)


def match(
    target: Target,
    kind: str,
    view: View,
    delimiter: str = DEFAULT_DELIMITER,
    nodegroups: Optional[Nodegroups] = None,
) -> bool:
    """Whether the target names this minion; a target that is wrong names nobody."""
    try:
        return parse(target, kind, delimiter, nodegroups)(view)
    except TargetError as exc:
        log.error("Invalid %s target: %s", kind, exc)
        return False


def parse(
    target: Target,
    kind: str = "glob",
    delimiter: str = DEFAULT_DELIMITER,
    nodegroups: Optional[Nodegroups] = None,
    max_regex: int = MAX_TERM,
) -> Matcher:
    """A function that tells for one minion whether the target names it.

    Args:
        target: the expression; a list of ids, or of the words of a compound expression, may come as a list.
        kind: how to read it.
        delimiter: between the keys of nested grains and pillars.
        nodegroups: name -> compound expression, as text or as a list of its words.
        max_regex: longest regular expression; short for those who may not do everything anyway.

    Raises:
        TargetError: the target can't be understood.
    """
    if not isinstance(target, (str, list, tuple)):
        raise TargetError(f"a {kind} target is text or a list, not {type(target).__name__}")
    if len(target) > MAX_TARGET:
        raise TargetError(f"it has {len(target)} characters; at most {MAX_TARGET} are accepted")
    if kind == "list":
        return _list(target)
    if kind == "compound":
        return _Compound(target.split() if isinstance(target, str) else target, nodegroups or {}, max_regex).parse()
    if not isinstance(target, str):
        raise TargetError(f"a {kind} target is text, not a list")
    if kind == "nodegroup":
        return _Compound([f"N@{target}"], nodegroups or {}, max_regex).parse()
    return _term(target, kind, delimiter, max_regex)


def _term(target: str, kind: str, delimiter: str, max_regex: int) -> Matcher:
    """A target that is one term and needs no nodegroups."""
    if kind != "list" and len(target) > MAX_TERM:
        raise TargetError(f"one of its terms has {len(target)} characters; at most {MAX_TERM} are accepted")
    if kind == "glob":
        return _glob(target)
    if kind == "list":
        return _list(target)
    if kind == "ipcidr":
        return _ipcidr(target)
    if kind == "data":
        return _data(target)
    if kind == "pcre":
        return _pcre(target, max_regex)
    try:
        source, compare = _NESTED[kind]
    except KeyError:
        raise TargetError(f"{kind!r} is no kind of target; there are {', '.join(KINDS)}") from None
    if compare is searches and len(target) > max_regex:
        raise TargetError(f"a regular expression may have {max_regex} characters, not {len(target)}")
    if delimiter not in target:
        log.error("The %s target %r matches nothing: there is no %r between key and value", kind, target, delimiter)
    return lambda view: matches_nested(getattr(view, source) or {}, target, delimiter, compare)


def _glob(target: str) -> Matcher:
    pattern = re.compile(fnmatch.translate(target))
    return lambda view: pattern.match(view.id) is not None


def _list(target: Target) -> Matcher:
    ids = frozenset(target.split(",") if isinstance(target, str) else target)
    return lambda view: view.id in ids


def _pcre(target: str, max_regex: int) -> Matcher:
    if len(target) > max_regex:
        raise TargetError(f"a regular expression may have {max_regex} characters, not {len(target)}")
    try:
        pattern = re.compile(target)
    except (re.error, OverflowError, RecursionError) as exc:
        raise TargetError(f"{target!r} is no regular expression: {exc}") from None
    return lambda view: pattern.match(view.id) is not None


def _ipcidr(target: str) -> Matcher:
    try:
        network = ipaddress.ip_network(target)
    except ValueError as exc:
        log.error("Invalid IP/CIDR target: %s", exc)
        return lambda view: False
    grain = f"ipv{network.version}"

    def matches(view: View) -> bool:
        addresses = (view.grains or {}).get(grain) or ()
        return any(_within(address, network) for address in ([addresses] if isinstance(addresses, str) else addresses))

    return matches


def _within(address: Any, network: Any) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False


def _data(target: str) -> Matcher:
    """`key:glob`: the value, one of its items, or (exactly) one of its keys."""
    key, found, wanted = target.partition(":")
    wanted = wanted.split(":")[0]

    def matches(view: View) -> bool:
        value = view.data.get(key)
        if not found or value is None:
            return False
        if isinstance(value, list):
            return any(fnmatch.fnmatchcase(str(item).lower(), wanted.lower()) for item in value)
        if isinstance(value, dict):
            return wanted in value
        return fnmatch.fnmatchcase(str(value), wanted)

    return matches


# Compound expressions.

_OPERATORS = ("and", "or", "not", "(", ")")
_TERM = re.compile(r"(?:(?P<engine>[GPIJLNSERTM])(?P<delimiter>(?<=[GPIJ]).)?@)?(?P<pattern>.+)", re.S)
_ENGINES = {
    "G": "grain",
    "P": "grain_pcre",
    "I": "pillar",
    "J": "pillar_pcre",
    "L": "list",
    "S": "ipcidr",
    "E": "pcre",
}
_REFUSED = {"R": "range servers", "T": "resources", "M": "resources"}


class _Compound:
    """Reads the words of a compound expression: `or` binds weakest, then `and`, then `not`."""

    def __init__(
        self, words: Sequence[str], nodegroups: Nodegroups, max_regex: int, inside: Tuple[str, ...] = ()
    ) -> None:
        self._words = words
        self._nodegroups = nodegroups
        self._max_regex = max_regex
        self._inside = inside
        self._next = 0
        self._depth = 0

    def parse(self) -> Matcher:
        matcher = self._any()
        if self._next < len(self._words):
            raise TargetError(f"expected 'and' or 'or' before {self._words[self._next]!r}")
        return matcher

    def _peek(self) -> str:
        return self._words[self._next] if self._next < len(self._words) else ""

    def _accept(self, word: str) -> bool:
        if self._peek() != word:
            return False
        self._next += 1
        return True

    def _any(self) -> Matcher:
        choices = [self._all()]
        while self._accept("or"):
            choices.append(self._all())
        return choices[0] if len(choices) == 1 else lambda view: any(choice(view) for choice in choices)

    def _all(self) -> Matcher:
        conditions = [self._not()]
        while self._accept("and") or self._peek() == "not":  # `a not b` is short for `a and not b`
            conditions.append(self._not())
        return conditions[0] if len(conditions) == 1 else lambda view: all(holds(view) for holds in conditions)

    def _not(self) -> Matcher:
        if not self._accept("not"):
            return self._one()
        denied = self._one()
        return lambda view: not denied(view)

    def _one(self) -> Matcher:
        word = self._peek()
        if self._accept("("):
            self._depth += 1
            if self._depth > MAX_DEPTH:
                raise TargetError(f"it has more than {MAX_DEPTH} parentheses inside each other")
            matcher = self._any()
            if not self._accept(")"):
                raise TargetError(f"expected ')' {f'before {self._peek()!r}' if self._peek() else 'at the end'}")
            self._depth -= 1
            return matcher
        if not word or word in _OPERATORS:
            raise TargetError(f"expected a target {f'before {word!r}' if word else 'at the end'}")
        self._next += 1
        return self._term(word)

    def _term(self, word: str) -> Matcher:
        parts = _TERM.fullmatch(word)
        assert parts is not None
        engine, pattern = parts["engine"], parts["pattern"]
        if engine == "N":
            return self._nodegroup(pattern)
        if engine in _REFUSED:
            raise TargetError(f"{word!r} asks for {_REFUSED[engine]}, which are not supported")
        if engine is None and ("(" in word or ")" in word):
            raise TargetError(f"{word!r} needs spaces around its parentheses")
        kind = _ENGINES[engine] if engine else "glob"
        return _term(pattern, kind, parts["delimiter"] or DEFAULT_DELIMITER, self._max_regex)

    def _nodegroup(self, name: str) -> Matcher:
        words = _definition(name, self._nodegroups, self._inside)
        try:
            return _Compound(words, self._nodegroups, self._max_regex, (*self._inside, name)).parse()
        except TargetError as exc:
            raise TargetError(str(exc) if self._inside else f"in the nodegroup {name!r}: {exc}") from None


def expand_nodegroups(words: Sequence[str], nodegroups: Nodegroups, inside: Tuple[str, ...] = ()) -> List[str]:
    """The words of a compound expression with each `N@name` replaced by what the name stands for, in parentheses.

    A master does this before it publishes, because minions do not know its nodegroups.

    Args:
        words: of the expression.
        nodegroups: name -> expression, as text or as a list of words.
        inside: the nodegroups that led here.

    Raises:
        TargetError: a nodegroup is not defined, is no expression, or contains itself.
    """
    expanded: List[str] = []
    for word in words:
        if word.startswith("N@") and len(word) > 2:
            definition = _definition(word[2:], nodegroups, inside)
            expanded += ["(", *expand_nodegroups(definition, nodegroups, (*inside, word[2:])), ")"]
        else:
            expanded.append(word)
    return expanded


def _definition(name: str, nodegroups: Nodegroups, inside: Tuple[str, ...]) -> List[str]:
    """The words that a nodegroup stands for."""
    if name in inside:
        raise TargetError(f"the nodegroup {name!r} contains itself: {' -> '.join([*inside, name])}")
    if name not in nodegroups:
        raise TargetError(f"there is no nodegroup {name!r}")
    definition = nodegroups[name]
    if not isinstance(definition, (str, list, tuple)):
        raise TargetError(f"the nodegroup {name!r} is neither text nor a list")
    words = definition.split() if isinstance(definition, str) else [str(word) for word in definition]
    if any(word in _OPERATORS or "*" in word or re.match("[A-Z]@", word) for word in words):
        return words
    # Plain names; or one regular expression, if they look like it.
    engine = "E" if any(char in word for word in words for char in "([{\\?}])") else "L"
    return [f"{engine}@{','.join(words)}"]
