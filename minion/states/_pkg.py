"""What the `pkg` states share: wanted versions, and what became of packages."""

from __future__ import annotations

import fnmatch
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from minion.errors import CommandExecutionError
from minion.modules._pkg import split_comparison
from minion.states._result import Result, failed

Salt = Mapping[str, Callable[..., Any]]
Wanted = Dict[str, Optional[str]]  # package -> version or comparison; None for any
Installed = Mapping[str, Sequence[str]]


def packed(salt: Salt, pkgs: Any, normalize: bool = True) -> Wanted:
    """Package -> wanted version, of what an SLS file lists; nothing if that makes no sense."""
    found, _ = salt["pkg_resource.parse_targets"](None, pkgs, normalize=normalize)
    return found or {}


def as_pkgs(name: str, version: Any, pkgs: Any) -> Any:
    """`pkgs`; if that is not given, `name` and `version` in its form."""
    if pkgs is not None and (pkgs or not name):
        return pkgs
    return [{name: str(version)}] if version else [name]


def conditions(wanted: str) -> List[Tuple[str, str]]:
    """(operator, version) of each part of `>=1.2,<2`."""
    found = [split_comparison(part.strip()) for part in wanted.split(",") if wanted.strip()]
    return [("==" if operator in ("", "=") else operator, version) for operator, version in found]


def fulfilled(
    salt: Salt, versions: Iterable[str], wanted: str, ignore_epoch: Optional[bool] = None, or_newer: bool = False
) -> bool:
    """Is one of the versions as wanted?

    Args:
        salt: execution functions.
        versions: those that there are.
        wanted: a version, a glob, or comparisons with commas between.
        ignore_epoch: compare without epochs; None: if none is wanted.
        or_newer: a newer version will do, if just one version is wanted.
    """
    parts = conditions(wanted)
    if or_newer and len(parts) == 1 and parts[0][0] == "==":
        parts = [(">=", parts[0][1])]
    return any(all(_holds(salt, version, *part, ignore_epoch) for part in parts) for version in versions)


def _holds(salt: Salt, version: str, operator: str, wanted: str, ignore_epoch: Optional[bool]) -> bool:
    if operator == "==" and fnmatch.fnmatch(version, wanted):
        return True
    if ignore_epoch is None:
        ignore_epoch = "<" not in operator and ">" not in operator and ":" not in wanted
    return bool(salt["pkg_resource.version_compare"](version, operator, wanted, ignore_epoch=ignore_epoch))


def with_version(name: str, version: Optional[str]) -> str:
    """A package and its wanted version, as users read it."""
    return f"{name}{version}" if version and version[0] in "<>=" else f"{name}={version}" if version else name


def with_versions(names: Iterable[str], wanted: Wanted) -> str:
    """Packages and their wanted versions, as users read them."""
    return ", ".join(with_version(name, wanted[name]) for name in names)


def installable(salt: Salt, wanted: Wanted, current: Optional[Mapping[str, str]] = None) -> Dict[str, Any]:
    """The changes that an installation would make, as far as the repositories tell."""
    offered: Dict[str, str] = {}
    any_version = [name for name, version in wanted.items() if not version]
    if any_version:
        latest = salt["pkg.latest_version"](*any_version)
        offered.update({any_version[0]: latest} if isinstance(latest, str) else latest)
    if len(any_version) < len(wanted):
        listed = [with_version(name, version) for name, version in wanted.items() if version]
        found = salt["pkg.list_repo_pkgs"](*listed)
        offered.update((name, versions[0]) for name, versions in found.items() if versions)
    old = current or {}
    return {name: {"new": offered.get(name) or "installed", "old": old.get(name, "")} for name in wanted}


def versions_of(salt: Salt, name: str, present: Installed, provides: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The versions that there are of a package, by its name, its name without architecture, or what it provides."""
    found = present.get(name)
    if not found and "pkg.normalize_name" in salt:
        found = present.get(salt["pkg.normalize_name"](name))
    if not found and name in provides:
        found = present.get(provides[name][0])
    return found or []


def arrived(
    salt: Salt,
    wanted: Wanted,
    present: Installed,
    ignore_epoch: Optional[bool] = None,
    provides: Optional[Mapping[str, Sequence[str]]] = None,
) -> Tuple[List[str], List[str]]:
    """Which of the wanted packages are there as wanted, and which are not."""
    there: List[str] = []
    missing: List[str] = []
    for name, version in wanted.items():
        versions = versions_of(salt, name.split("=")[0], present, provides or {})
        any_will_do = not version or version == "latest"
        fine = versions and (any_will_do or fulfilled(salt, versions, str(version), ignore_epoch))
        (there if fine else missing).append(name)
    return there, missing


def told_error(ret: Result, exc: CommandExecutionError, action: str) -> Result:
    """The result after the package manager failed; what it had changed until then is part of it."""
    if isinstance(exc.info, dict):
        return {**failed(ret, exc.strerror_without_changes), "changes": exc.info.get("changes", {})}
    return failed(ret, f"An error was encountered while {action}: {exc}")


def resolved(salt: Salt, pkgs: Any, refresh: Any, kwargs: Mapping[str, Any]) -> Tuple[Any, Any]:
    """Packages in the place of what they provide, and whether a refresh is still wanted."""
    if not pkgs or "pkg.resolve_capabilities" not in salt:
        return pkgs, refresh
    return salt["pkg.resolve_capabilities"](pkgs, refresh=refresh, **kwargs), False
