"""What the modules of all package managers share: versions, lists of packages, the mark that asks for a refresh."""

from __future__ import annotations

import fnmatch
import logging
import os
import re
from typing import Any, Callable, Dict, Iterable, List, Mapping, MutableMapping, Optional, Sequence, Tuple

from minion import data
from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError

log = logging.getLogger(__name__)

Versions = Dict[str, List[str]]
Compare = Callable[..., Optional[int]]

CONTEXT_KEY = "pkg.list_pkgs"
_MEANING = {"<": (-1,), "<=": (-1, 0), "==": (0,), ">=": (0, 1), ">": (1,), "!=": (-1, 1)}
_COMPARISON = re.compile(r"(<=>|!=|>=|<=|>>|<<|<>|>|<|==|=)?\s*([^<>=]+)")


def targets(names: Any) -> List[Any]:
    """A list of names from a list, or from text with commas between them."""
    return names.split(",") if isinstance(names, str) else list(names)


# Versions


def split_epoch(version: str) -> Tuple[int, str]:
    """(epoch, rest) of `1:2.3-4`."""
    epoch, colon, rest = version.partition(":")
    return (int(epoch), rest) if colon and epoch.isdigit() else (0, version)


def without_epoch(version: Any) -> str:
    """The version without what stands before the colon."""
    return str(version).split(":", 1)[-1]


def compare_deb(one: Any, other: Any, ignore_epoch: bool = False) -> int:
    """-1, 0 or 1, as `dpkg --compare-versions` would order two versions."""
    (epoch1, rest1), (epoch2, rest2) = split_epoch(str(one)), split_epoch(str(other))
    if epoch1 != epoch2 and not ignore_epoch:
        return -1 if epoch1 < epoch2 else 1
    upstream1, _, revision1 = rest1.rpartition("-") if "-" in rest1 else (rest1, "", "")
    upstream2, _, revision2 = rest2.rpartition("-") if "-" in rest2 else (rest2, "", "")
    return _compare_deb_part(upstream1, upstream2) or _compare_deb_part(revision1, revision2)


def _compare_deb_part(one: str, other: str) -> int:
    """Alternately the longest part without digits, by letters, and the longest number."""
    while one or other:
        text1, text2 = _leading(r"\D*", one), _leading(r"\D*", other)
        weight1, weight2 = _deb_weights(text1), _deb_weights(text2)
        if weight1 != weight2:
            return -1 if weight1 < weight2 else 1
        one, other = one[len(text1) :], other[len(text2) :]
        digits1, digits2 = _leading(r"\d*", one), _leading(r"\d*", other)
        if int(digits1 or 0) != int(digits2 or 0):
            return -1 if int(digits1 or 0) < int(digits2 or 0) else 1
        one, other = one[len(digits1) :], other[len(digits2) :]
    return 0


def _leading(pattern: str, text: str) -> str:
    match = re.match(pattern, text)
    return match.group() if match else ""


def _deb_weights(text: str) -> List[int]:
    """Tilde before the end, the end before letters, letters before everything else."""
    return [-1 if char == "~" else ord(char) if char.isalpha() else ord(char) + 256 for char in text] + [0]


def compare_rpm(one: Any, other: Any, ignore_epoch: bool = False) -> int:
    """-1, 0 or 1, as rpm orders `epoch:version-release`; a release that only one has is not compared."""
    (epoch1, rest1), (epoch2, rest2) = split_epoch(str(one)), split_epoch(str(other))
    if epoch1 != epoch2 and not ignore_epoch:
        return -1 if epoch1 < epoch2 else 1
    version1, _, release1 = rest1.partition("-")
    version2, _, release2 = rest2.partition("-")
    result = _compare_rpm_part(version1, version2)
    if result or not release1 or not release2:
        return result
    return _compare_rpm_part(release1, release2)


def _compare_rpm_part(one: str, other: str) -> int:
    """Segments of digits or letters; `~` sorts before everything, `^` after what it follows but before more."""
    parts1, parts2 = re.findall(r"\d+|[a-zA-Z]+|~|\^", one), re.findall(r"\d+|[a-zA-Z]+|~|\^", other)
    for part1, part2 in zip(parts1 + [""], parts2 + [""]):
        if part1 == part2:
            continue
        if "~" in (part1, part2):
            return -1 if part1 == "~" else 1
        if "^" in (part1, part2):
            return (-1 if part2 else 1) if part1 == "^" else (1 if part1 else -1)
        if part1.isdigit() != part2.isdigit():  # a number is newer than letters, and more is newer than nothing
            return 1 if part1.isdigit() or not part2 else -1
        if part1.isdigit():
            if int(part1) != int(part2):
                return 1 if int(part1) > int(part2) else -1
            continue
        return 1 if part1 > part2 else -1
    return (len(parts1) > len(parts2)) - (len(parts1) < len(parts2))


def satisfies(compare: Compare, version: Any, oper: str, other: Any, ignore_epoch: bool = False) -> bool:
    """Whether `version OPER other` holds; unknown operators and what can't be compared do not."""
    if oper not in _MEANING:
        log.error("Invalid operator '%s' for version comparison", oper)
        return False
    result = compare(version, other, ignore_epoch=ignore_epoch)
    return result is not None and max(-1, min(1, result)) in _MEANING[oper]


def split_comparison(text: str) -> Tuple[str, str]:
    """(operator, version) of `>=1.2`; the operator is "" if there is none."""
    match = _COMPARISON.fullmatch(text.strip())
    return (match.group(1) or "", match.group(2)) if match else ("", text)


def match_version(
    desired: str, available: Iterable[str], compare: Compare, ignore_epoch: bool = False
) -> Optional[str]:
    """The first of the versions that satisfies `>=1.2`, `<2`, `1.2`, `>=1.2,<2`, or the glob `1.2*`."""
    wanted = [split_comparison(part.strip()) for part in desired.split(",")]
    for candidate in available:
        if all(_matches(candidate, *part, compare, ignore_epoch) for part in wanted):
            return candidate
    return None


def _matches(candidate: str, oper: str, version: str, compare: Compare, ignore_epoch: bool) -> bool:
    if not oper and "*" in version:
        return any(fnmatch.fnmatchcase(text, version) for text in (candidate, without_epoch(candidate)))
    return satisfies(compare, candidate, "==" if oper in ("", "=") else oper, version, ignore_epoch)


# Lists of packages


def match_wildcard(present: Iterable[str], names: Iterable[str]) -> List[str]:
    """The names, with each glob replaced by what it matches."""
    present = list(present)
    found: Dict[str, None] = {}
    for name in names:
        found.update(dict.fromkeys(fnmatch.filter(present, name) if "*" in name else [name]))
    return list(found)


def named(name: Optional[str], pkgs: Any, sources: Any = None) -> List[str]:
    """The package names of `name`, `pkgs` (names or one-element mappings) or `sources`."""
    if not name and not pkgs and not sources:
        raise SaltInvocationError("One of name, pkgs, or sources must be specified.")
    if pkgs and sources:
        raise SaltInvocationError("Only one of pkgs or sources can be specified.")
    listed = targets(pkgs) if pkgs else sources if sources else [name]
    return [next(iter(item)) if isinstance(item, Mapping) else str(item) for item in listed]


class Plan:
    """What to install, and in which way: anew or newer, older than it is, or once more.

    Args:
        installed: package -> its versions.
        compare: orders two versions.
        reinstall: install again what is there in the wanted version.
    """

    def __init__(
        self,
        installed: Mapping[str, Sequence[str]],
        compare: Compare,
        reinstall: bool = False,
        ignore_epoch: bool = False,
    ) -> None:
        self.installed, self.compare = installed, compare
        self.reinstall, self.ignore_epoch = reinstall, ignore_epoch
        self.forward: Dict[str, str] = {}
        self.back: Dict[str, str] = {}
        self.again: Dict[str, str] = {}
        self.errors: List[str] = []

    @property
    def names(self) -> List[str]:
        """All packages of the plan."""
        return [*self.forward, *self.back, *self.again]

    def add(self, name: str, argument: str, version: Optional[str] = None) -> None:
        """Adds a package; `argument` is how the package manager is told of it."""
        present = self.installed.get(name, ())
        orders = [self.compare(version, known, ignore_epoch=self.ignore_epoch) for known in present] if version else []
        if self.reinstall and present and (not version or 0 in orders):
            self.again[name] = argument
        elif orders and all(order is not None and order < 0 for order in orders):
            self.back[name] = argument
        else:
            self.forward[name] = argument

    def add_wanted(
        self,
        wanted: Mapping[str, Optional[str]],
        offers: Callable[..., Mapping[str, Sequence[str]]],
        argument: Callable[[str, Optional[str]], str],
    ) -> None:
        """Adds packages of repositories.

        Args:
            wanted: name -> version, comparison or glob; None for any.
            offers: the versions on offer of some packages, newest first.
            argument: how the package manager is told of a package and a version.
        """
        compared = [name for name, version in wanted.items() if is_comparison(version)]
        available = offers(*compared) if compared else {}
        for name, version in wanted.items():
            if name in compared:
                version = self.choose(name, str(version), available.get(name, []))
                if version is None:
                    continue
            elif version:
                version = version.lstrip("=")
            self.add(name, argument(name, version), version)

    def choose(self, name: str, wanted: str, candidates: Sequence[str]) -> Optional[str]:
        """The first candidate that a comparison or a glob accepts; if there is none, that becomes an error."""
        version = match_version(wanted, candidates, self.compare, self.ignore_epoch)
        if version is None:
            shown = ", ".join(candidates) or "None"
            self.errors.append(f"No version matching '{name}{wanted}' could be found (available: {shown})")
        return version

    def changes(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> Dict[str, Any]:
        """What changed; what was installed again counts as a change."""
        found = data.compare_dicts(old, new)
        for name in self.again:
            found.setdefault(name, {"old": old.get(name, ""), "new": new.get(name, "")})
        return found


def is_comparison(version: Any) -> bool:
    """Whether a wanted version is an expression or a glob instead of one version."""
    return bool(version) and (str(version)[0] in "<>!" or "*" in str(version))


def stringify(packages: MutableMapping[str, Any]) -> None:
    """Replaces lists of versions by text."""
    for name, versions in packages.items():
        packages[name] = ",".join(versions)


def verdict(
    package: str, result: Optional[bool], comment: str, changes: Optional[Mapping[str, Any]] = None
) -> Dict[str, Any]:
    """What `hold` and `unhold` say of a package."""
    return {"name": package, "changes": dict(changes or {}), "result": result, "comment": comment}


def single(found: Dict[str, Any], names: Sequence[str]) -> Any:
    """Just the value if one name was asked for, else the mapping."""
    return next(iter(found.values()), "") if len(names) == 1 and len(found) <= 1 else found


def forget(context: MutableMapping[str, Any]) -> None:
    """Package lists kept for the job are no longer true."""
    for key in [key for key in context if str(key).startswith(CONTEXT_KEY)]:
        del context[key]


def finish(
    action: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    errors: Sequence[str],
    **info: Any,
) -> Dict[str, Any]:
    """What changed; an error that also tells what changed, if something failed."""
    changes = data.compare_dicts(before, after)
    if errors:
        raise CommandExecutionError(
            f"Problem encountered {action}", info={"errors": list(errors), "changes": changes, **info}
        )
    return changes


# The mark that package states leave for each other, so that one run refreshes once


def refresh_mark(opts: Mapping[str, Any]) -> str:
    """Path of the file that says: the next package state shall refresh."""
    return os.path.join(opts["cachedir"], "pkg_refresh")


def clear_refresh_mark(opts: Mapping[str, Any]) -> None:
    """Says that the refresh was done."""
    try:
        os.remove(refresh_mark(opts))
    except FileNotFoundError:
        pass
    except (OSError, KeyError) as exc:
        log.warning("Encountered error removing rtag: %s", exc)


def write_refresh_mark(opts: Mapping[str, Any]) -> None:
    """Asks the next package state for a refresh."""
    try:
        with open(refresh_mark(opts), "a"):
            pass
    except OSError as exc:
        log.warning("Encountered error writing rtag: %s", exc)


def refresh_wanted(opts: Mapping[str, Any], refresh: Any = None) -> bool:
    """Whether a state shall refresh: if told so, or if it was left open and the mark is there."""
    return is_true(refresh) or (refresh is not False and os.path.isfile(refresh_mark(opts)))


# Running package managers


def scope(salt: Mapping[str, Callable[..., Any]]) -> List[str]:
    """Words to put before a command that may restart the minion's own service, so that it survives that."""
    if not os.path.isdir("/run/systemd/system") or not os.path.exists("/usr/bin/systemd-run"):
        return []
    config = salt.get("config.get")
    if config is not None and not config("systemd.scope", True):
        return []
    return ["systemd-run", "--scope", "--description", "packages changed by the minion"]


def complaint(done: Mapping[str, Any]) -> List[str]:
    """What a failed program said, as a list of errors; empty if it did not fail."""
    if not done["retcode"]:
        return []
    return [done["stderr"] or done["stdout"] or f"exit code {done['retcode']}"]
