"""Versions of Python packages: their order, and what fulfils a requirement (PEP 440 and 508)."""

from __future__ import annotations

import re
from typing import Any, List, NamedTuple, Optional, Tuple

_VERSION = re.compile(
    r"\s*v?(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)"
    r"(?:[-_.]?(?P<pre>alpha|a|beta|b|preview|pre|c|rc)[-_.]?(?P<pre_number>\d*))?"
    r"(?P<post>-(?P<post_only>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?"
    r"(?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?"
    r"(?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$",
    re.I,
)
_STAGES = {"a": 0, "alpha": 0, "b": 1, "beta": 1, "c": 2, "rc": 2, "pre": 2, "preview": 2}
_REQUIREMENT = re.compile(r"\s*(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(?P<rest>.*)$", re.S)
_SPECIFIER = re.compile(r"\s*(===|==|~=|!=|<=|>=|<|>)\s*([^\s,;()]+)\s*$")

Specifiers = List[Tuple[str, str]]


def key(version: str) -> Tuple[Any, ...]:
    """Sorts versions; what is none comes before all."""
    match = _VERSION.match(version)
    if match is None:
        return (-1, (), 0, 0, 0, (), version)
    number = {name: int(value or 0) for name, value in match.groupdict().items() if name.endswith(("number", "only"))}
    pre: Tuple[int, int] = (9, 0)  # after all that come before a release
    if match["pre"]:
        pre = (_STAGES[match["pre"].lower()], number["pre_number"])
    elif match["dev"] and not match["post"]:
        pre = (-1, 0)
    post = max(number["post_number"], number["post_only"]) if match["post"] else -1
    dev = number["dev_number"] if match["dev"] else float("inf")
    local = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in _parts(match["local"]))
    return (int(match["epoch"] or 0), _release(match["release"]), pre, post, dev, local, "")


def _parts(local: Optional[str]) -> List[str]:
    return re.split(r"[-_.]", local.lower()) if local else []


def _release(text: str) -> Tuple[int, ...]:
    numbers = [int(part) for part in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def is_prerelease(version: str) -> bool:
    """Whether a version is one before a release."""
    match = _VERSION.match(version)
    return match is not None and bool(match["pre"] or match["dev"])


def fulfils(version: str, specifiers: Specifiers) -> bool:
    """Whether a version is one that all of some conditions mean."""
    return all(_holds(version, operator, wanted) for operator, wanted in specifiers)


def _holds(version: str, operator: str, wanted: str) -> bool:
    if operator == "===":
        return version.lower() == wanted.lower()
    if operator in ("==", "!="):
        return _is(version, wanted) == (operator == "==")
    if operator == "~=":
        series = wanted.rpartition(".")[0] + ".*"
        return _public(version) >= _public(wanted) and _is(version, series)
    have, limit = _public(version), _public(wanted)
    if operator == "<=":
        return have <= limit
    if operator == ">=":
        return have >= limit
    if operator == "<":
        return have < limit and not (is_prerelease(version) and not is_prerelease(wanted) and have[1] == limit[1])
    return have > limit and not (have[3] >= 0 and limit[3] < 0 and have[1] == limit[1])


def _is(version: str, wanted: str) -> bool:
    """Whether a version is the wanted one, or in the wanted series."""
    if not wanted.endswith(".*"):
        return key(version) == key(wanted) if "+" in wanted else _public(version) == _public(wanted)
    match, series = _VERSION.match(version), _VERSION.match(wanted[:-2])
    if match is None or series is None:
        return False
    numbers, first = ([int(part) for part in found["release"].split(".")] for found in (match, series))
    numbers += [0] * (len(first) - len(numbers))
    return (match["epoch"] or "0") == (series["epoch"] or "0") and numbers[: len(first)] == first


def _public(version: str) -> Tuple[Any, ...]:
    """The key without what somebody added locally."""
    return key(version.split("+")[0])


class Requirement(NamedTuple):
    """A package and which of its versions will do; no name if only an installation can tell."""

    name: str
    specifiers: Specifiers


def requirement(line: str) -> Requirement:
    """What a line of a requirements file asks for.

    Raises:
        ValueError: it is not one.
    """
    egg = re.search(r"[#&]egg=([A-Za-z0-9][\w.-]*)", line)
    if re.match(r"\s*(?:[a-z]+\+)?[a-z]+://", line, re.I):
        return Requirement(egg.group(1) if egg else "", [])
    named = re.match(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*@", line)
    if named:
        return Requirement(named.group(1), [])
    path = line.strip()
    if path.endswith(".whl"):
        name, version = (path.rpartition("/")[2].split("-") + [""])[:2]
        return Requirement(name, [("==", version)])
    if path.startswith((".", "/")) or path.endswith((".zip", ".tar.gz", ".tar.bz2", ".tgz")):
        return Requirement("", [])
    match = _REQUIREMENT.match(line)
    if match is None:
        raise ValueError(f"Invalid requirement: {line!r}")
    rest = match["rest"].partition(";")[0].strip()
    if rest.startswith("(") and rest.endswith(")"):
        rest = rest[1:-1]
    specifiers = [_SPECIFIER.match(part) for part in rest.split(",") if part.strip()]
    if None in specifiers:
        raise ValueError(f"Invalid requirement: {line!r}")
    return Requirement(match["name"], [(found[1], found[2]) for found in specifiers if found])
