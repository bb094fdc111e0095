"""Packages that shall not be installed."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states import _pkg
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__env__: str
__virtualname__ = "pkg"


def removed(
    name: str,
    version: Any = None,
    pkgs: Any = None,
    normalize: bool = True,
    ignore_epoch: Optional[bool] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages are not installed. Their configuration may stay.

    Args:
        name: the package.
        version: only if it is installed in this version; comparisons (`<1.2`) are allowed.
        pkgs: several packages: names, or mappings of a name to a version.
        normalize: remove from names the architecture that is the system's own.
        ignore_epoch: compare versions without what stands before the colon; if not given, unless one is asked for.
        kwargs: passed on to `pkg.remove`.
    """
    return _uninstall("remove", name, version, pkgs, normalize, ignore_epoch, kwargs)


def purged(
    name: str,
    version: Any = None,
    pkgs: Any = None,
    normalize: bool = True,
    ignore_epoch: Optional[bool] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages are not installed and that their configuration is gone, too.

    Args:
        name: the package.
        version: only if it is installed in this version; comparisons (`<1.2`) are allowed.
        pkgs: several packages: names, or mappings of a name to a version.
        normalize: remove from names the architecture that is the system's own.
        ignore_epoch: compare versions without what stands before the colon; if not given, unless one is asked for.
        kwargs: passed on to `pkg.purge`.
    """
    return _uninstall("purge", name, version, pkgs, normalize, ignore_epoch, kwargs)


def _uninstall(
    action: str,
    name: str,
    version: Any,
    pkgs: Any,
    normalize: bool,
    ignore_epoch: Optional[bool],
    kwargs: Dict[str, Any],
) -> Result:
    ret = begun(name)
    kwargs["saltenv"] = __env__
    try:
        wanted = _pkg.packed(__salt__, _pkg.as_pkgs(name, version, pkgs or None), normalize)
        if not wanted:
            return failed(ret, "Invalidly formatted pkgs parameter. See minion log.")
        targets = _present(wanted, ignore_epoch, kwargs)
        if action == "purge":
            targets += [pkg for pkg in wanted if pkg in _left_over(kwargs) and pkg not in targets]
        targets.sort()
        if not targets:
            return {**ret, "comment": _nothing_to_do(action, wanted)}
        if __opts__["test"]:
            comment = f"The following packages will be {action}d: {', '.join(targets)}."
            changes = {pkg: {"new": f"{action}d", "old": ""} for pkg in targets}
            return {**ret, "result": None, "changes": changes, "comment": comment}
        ret["changes"] = __salt__[f"pkg.{action}"](name, pkgs=pkgs, version=version, split_arch=False, **kwargs)
        still_there = _still_there(action, wanted, kwargs)
    except CommandExecutionError as exc:
        return _pkg.told_error(ret, exc, "removing package(s)" if action == "remove" else "purging package(s)")
    if still_there:
        return failed(ret, f"The following packages failed to {action}: {', '.join(still_there)}.")
    return {**ret, "comment": _tell(action, wanted, targets)}


def _present(wanted: _pkg.Wanted, ignore_epoch: Optional[bool], kwargs: Dict[str, Any]) -> List[str]:
    present = __salt__["pkg.list_pkgs"](versions_as_list=True, **kwargs)
    return [
        pkg
        for pkg, version in wanted.items()
        if pkg in present and (not version or _pkg.fulfilled(__salt__, present[pkg], version, ignore_epoch))
    ]


def _left_over(kwargs: Dict[str, Any]) -> Dict[str, Any]:
    """Packages of which the configuration is still there."""
    found: Dict[str, Any] = __salt__["pkg.list_pkgs"](versions_as_list=True, removed=True, **kwargs)
    return found


def _nothing_to_do(action: str, wanted: _pkg.Wanted) -> str:
    if action == "purge":
        return "None of the targeted packages are installed or partially installed"
    present = __salt__["pkg.list_pkgs"](versions_as_list=True)
    compared = any(version and pkg in present for pkg, version in wanted.items())
    matching = " (matching specified versions)" if compared else ""
    return f"All specified packages{matching} are already absent"


def _still_there(action: str, wanted: _pkg.Wanted, kwargs: Dict[str, Any]) -> List[str]:
    present = __salt__["pkg.list_pkgs"](versions_as_list=True, **kwargs)
    several_versions = __grains__["os_family"] in ("Suse", "RedHat")
    found = []
    for pkg, version in wanted.items():
        if several_versions and version:
            found += [f"{pkg}-{version}"] if version in present.get(pkg, ()) else []
        elif pkg in present:
            found.append(pkg)
    if action == "purge":
        found += [pkg for pkg in wanted if pkg in _left_over(kwargs)]
    return sorted(found)


def _tell(action: str, wanted: _pkg.Wanted, targets: List[str]) -> str:
    others = sorted(pkg for pkg in wanted if pkg not in targets)
    if not others:
        return f"All targeted packages were {action}d."
    return (
        f"The following packages were not installed: {', '.join(others)} "
        f"The following packages were {action}d: {', '.join(targets)}."
    )
