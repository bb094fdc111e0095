"""Packages that shall keep the version they have."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional

from minion.states._pkg import as_pkgs
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "pkg"

_VERSIONLOCK = re.compile(r"(.+)-(\d+):(.*)\.\*")
_NO_LIST = """\
No any function to get the list of held packages available.
Check if the package manager supports package locking."""


def held(name: str, version: Any = None, pkgs: Any = None, replace: bool = False, **kwargs: Any) -> Result:
    """Sees to it that packages are held at the version they have.

    Args:
        name: the package.
        version: the version to hold it at, where the package manager can do that.
        pkgs: several packages: names, or mappings of a name to a version.
        replace: release all other packages.
        kwargs: ignored.
    """
    ret = begun(name)
    if pkgs == [] and not replace:
        return {**ret, "comment": "No packages to be held provided"}
    locks = _locks()
    if locks is None:
        return failed(ret, _NO_LIST)
    if "pkg.hold" not in __salt__:
        return failed(ret, "`hold` function is not implemented for the package manager.")
    lines: List[str] = []
    wanted = _wanted(as_pkgs(name, version, pkgs))
    for pkg, wanted_version in wanted.items():
        if pkg not in locks or ("pkg.list_locks" in __salt__ and _version(locks[pkg]) != wanted_version):
            lines.append(_hold(ret, pkg, wanted_version, pkg in locks))
    if replace:
        lines += [_release(ret, pkg) for pkg in locks if pkg not in wanted and _is_of_package(locks[pkg])]
    return _told(ret, lines)


def unheld(name: str, version: Any = None, pkgs: Any = None, all: bool = False, **kwargs: Any) -> Result:
    """Sees to it that packages are not held.

    Args:
        name: the package.
        version: only if it is held at this version, where the package manager can do that.
        pkgs: several packages: names, or mappings of a name to a version.
        all: release all packages.
        kwargs: ignored.
    """
    ret = begun(name)
    if pkgs == [] and not all:
        return {**ret, "comment": "No packages to be unheld provided"}
    locks = _locks()
    if locks is None:
        return failed(ret, _NO_LIST)
    wanted = _wanted(as_pkgs(name, version, pkgs))
    lines = []
    for pkg, lock in locks.items():
        locked = _version(lock) if "pkg.list_locks" in __salt__ else None
        if _is_of_package(lock) and (all or (pkg in wanted and (not locked or locked == wanted[pkg]))):
            lines.append(_release(ret, pkg, locked if wanted.get(pkg) else None))
    return _told(ret, lines)


def _wanted(pkgs: Any) -> Dict[str, Optional[str]]:
    found: Dict[str, Optional[str]] = {}
    for item in pkgs:
        found.update(item if isinstance(item, dict) else {item: None})
    return found


def _locks() -> Optional[Dict[str, Dict[str, Any]]]:
    """Held package -> what is known of the hold; None if the package manager does not tell."""
    if "pkg.list_locks" in __salt__:
        locks: Dict[str, Dict[str, Any]] = __salt__["pkg.list_locks"]()
        return locks
    if "pkg.list_holds" in __salt__:
        matches = [(hold, _VERSIONLOCK.match(hold)) for hold in __salt__["pkg.list_holds"](full=True)]
        return {match.group(1) if match else hold: {} for hold, match in matches}
    if "pkg.get_selections" in __salt__:
        return {pkg: {} for pkg in __salt__["pkg.get_selections"](state="hold").get("hold", ())}
    return None


def _version(lock: Dict[str, Any]) -> Optional[str]:
    return str(lock["version"]).lstrip("= ") if "version" in lock else None


def _is_of_package(lock: Dict[str, Any]) -> bool:
    return bool(lock.get("type", "package") == "package")


def _hold(ret: Result, pkg: str, version: Optional[str], is_held: bool) -> str:
    """Holds a package; the line that tells of it."""
    if __opts__["test"]:
        at = f" (version = {version})" if version else ""
        if is_held:
            return f"The following package's hold rule would be updated: {pkg}{at}"
        return f"The following package would be held: {pkg}{at}"
    if is_held:
        __salt__["pkg.unhold"](name=ret["name"], pkgs=[pkg])
    verdicts = __salt__["pkg.hold"](name=ret["name"], pkgs=[{pkg: version} if version else pkg])
    ret["changes"].update(verdicts)
    if not verdicts.get(pkg, {}).get("result"):
        ret["result"] = False
        return f"Package {pkg} was not held"
    return f"Package {pkg} was updated with hold rule" if is_held else f"Package {pkg} is now being held"


def _release(ret: Result, pkg: str, version: Optional[str] = None) -> str:
    """Releases a package; the line that tells of it."""
    if __opts__["test"]:
        return f"The following package would be unheld: {pkg}" + (f" (version = {version})" if version else "")
    verdicts = __salt__["pkg.unhold"](name=ret["name"], pkgs=[pkg])
    ret["changes"].update(verdicts)
    verdict = verdicts.get(pkg, {})
    ret["result"] = ret["result"] and bool(verdict.get("result"))
    return str(verdict.get("comment") or "")


def _told(ret: Result, lines: List[str]) -> Result:
    if not lines and not ret["changes"]:
        return {**ret, "comment": "No changes made"}
    if __opts__["test"]:
        ret["result"] = None
    return {**ret, "comment": "\n".join(filter(None, lines))}
