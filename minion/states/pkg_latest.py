"""Packages that shall be as new as the repositories allow."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, MinionError
from minion.modules._pkg import refresh_wanted
from minion.states import _pkg
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "pkg"

_LIMIT = 10  # so many packages are named one by one


def latest(
    name: str,
    refresh: Any = None,
    fromrepo: Optional[str] = None,
    skip_verify: bool = False,
    pkgs: Any = None,
    watch_flags: bool = True,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages are installed in the newest version that there is.

    Args:
        name: the package.
        refresh: fetch the lists of available packages first; if not given, the first `pkg` state of a run does so.
        fromrepo: take packages from this repository or release.
        skip_verify: install packages that are not signed.
        pkgs: several packages.
        watch_flags: of no effect but on Gentoo.
        kwargs: `resolve_capabilities` accepts what a package provides for its name; the rest is passed on to
            `pkg.install`.
    """
    ret = begun(name)
    if kwargs.get("sources"):
        return failed(ret, 'The "sources" parameter is not supported.')
    if pkgs == []:
        return {**ret, "comment": "No packages to install provided"}
    kwargs["saltenv"] = __env__
    try:
        wanted = list(_pkg.packed(__salt__, pkgs)) if pkgs else [name]
        if not wanted:
            return failed(ret, 'Invalidly formatted "pkgs" parameter. See minion log.')
        wanted, refresh = _pkg.resolved(__salt__, wanted, refresh_wanted(__opts__, refresh), kwargs)
        offered = _by_name(
            wanted, __salt__["pkg.latest_version"](*wanted, fromrepo=fromrepo, refresh=refresh, **kwargs)
        )
        current = _by_name(wanted, __salt__["pkg.version"](*wanted, **kwargs))
    except CommandExecutionError as exc:
        what = "checking the newest available version of package(s)"
        return failed(ret, f"An error was encountered while {what}: {exc}")
    unknown = [pkg for pkg in wanted if not offered.get(pkg) and not current.get(pkg)]
    if unknown:
        return failed(ret, " ".join(f"No information found for '{pkg}'." for pkg in unknown))
    targets = {pkg: offered[pkg] for pkg in wanted if offered.get(pkg)}
    if not targets:
        return {**ret, "comment": _all_up_to_date(wanted)}
    untouched = sorted(pkg for pkg in wanted if pkg not in targets) if pkgs else []
    if __opts__["test"]:
        return _predict(ret, targets, untouched, current)
    try:
        options = {"fromrepo": fromrepo, "skip_verify": skip_verify, **kwargs}
        ret["changes"] = __salt__["pkg.install"](name=None, refresh=False, pkgs=list(targets), **options)
    except CommandExecutionError as exc:
        return failed(ret, f"An error was encountered while installing package(s): {exc}")
    return _tell(ret, targets, untouched)


def _by_name(names: List[str], found: Any) -> Dict[str, str]:
    by_name: Dict[str, str] = {names[0]: found} if isinstance(found, str) else found
    return by_name


def _all_up_to_date(names: List[str]) -> str:
    if len(names) == 1:
        return f"Package {names[0]} is already up-to-date"
    if len(names) > _LIMIT:
        return f"All {len(names)} packages are up-to-date."
    return f"All packages are up-to-date ({', '.join(sorted(names))})."


def _predict(ret: Result, targets: Dict[str, str], untouched: List[str], current: Dict[str, str]) -> Result:
    lines = [f"The following packages would be installed/upgraded: {', '.join(sorted(targets))}"]
    if len(untouched) > _LIMIT:
        lines.append(f"{len(untouched)} packages are already up-to-date")
    elif untouched:
        shown = ", ".join(f"{pkg} ({current[pkg]})" for pkg in untouched)
        lines.append(f"The following packages are already up-to-date: {shown}")
    changes = _pkg.installable(__salt__, dict(targets), current)
    return {**ret, "result": None, "changes": changes, "comment": "\n".join(lines)}


def _tell(ret: Result, targets: Dict[str, str], untouched: List[str]) -> Result:
    done = sorted(pkg for pkg, version in targets.items() if _is_new(ret["changes"].get(pkg), version))
    left = sorted(pkg for pkg in targets if pkg not in done)
    texts = []
    if left and ret["changes"]:
        texts.append(f"The following packages failed to update: {', '.join(left)}")
    elif left:
        texts.append(_nothing_updated(left))
    if done:
        texts.append(f"The following packages were successfully installed/upgraded: {', '.join(done)}")
    if len(untouched) > _LIMIT:
        texts.append(f"{len(untouched)} packages were already up-to-date")
    elif untouched:
        texts.append(f"The following packages were already up-to-date: {', '.join(untouched)}")
    return {**ret, "result": not left, "comment": " ".join(texts)}


def _is_new(change: Any, version: str) -> bool:
    if not change:
        return False
    new = change.get("new")
    return new is None or version == "latest" or version in new.split(",")


def _nothing_updated(names: List[str]) -> str:
    if len(names) > _LIMIT:
        return f"{len(names)} targeted packages failed to update. See debug log for details."
    if len(names) > 1:
        shown = ", ".join(names)
        return f"The following targeted packages failed to update. See debug log for details: ({shown})."
    return f"Package {names[0]} failed to update."


def uptodate(name: str, refresh: Any = False, pkgs: Any = None, **kwargs: Any) -> Result:
    """Sees to it that all packages of the system are up to date.

    Args:
        name: any text.
        refresh: fetch the lists of available packages first.
        pkgs: only these packages.
        kwargs: passed on to `pkg.upgrade`, `dist_upgrade` for example.
    """
    ret = begun(name)
    if "pkg.list_upgrades" not in __salt__:
        return failed(ret, "State pkg.uptodate is not available")
    if not isinstance(refresh, bool):
        return failed(ret, "refresh must be either True or False")
    try:
        pkgs, refresh = _pkg.resolved(__salt__, pkgs, refresh, kwargs)
        offered = __salt__["pkg.list_upgrades"](refresh=refresh, **kwargs)
        expected = {
            pkg: {"new": version, "old": __salt__["pkg.version"](pkg, **kwargs)}
            for pkg, version in offered.items()
            if not isinstance(pkgs, list) or pkg in pkgs
        }
    except MinionError as exc:
        return failed(ret, str(exc))
    if not expected:
        return {**ret, "comment": "System is already up-to-date"}
    if __opts__["test"]:
        return {**ret, "result": None, "changes": expected, "comment": "System update will be performed"}
    try:
        ret["changes"] = __salt__["pkg.upgrade"](refresh=refresh, pkgs=pkgs, **kwargs)
    except CommandExecutionError as exc:
        return _pkg.told_error(ret, exc, "updating packages")
    missing = [pkg for pkg in expected if pkg not in ret["changes"]] if isinstance(pkgs, list) else []
    if missing:
        return failed(ret, f"The following package(s) failed to update: {', '.join(missing)}")
    return {**ret, "comment": "Upgrade ran successfully"}
