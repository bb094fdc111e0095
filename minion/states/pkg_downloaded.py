"""Packages, advisories and groups: downloading, patching, and installing by the group."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.states import _pkg
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "pkg"


def downloaded(
    name: str,
    version: Any = None,
    pkgs: Any = None,
    fromrepo: Optional[str] = None,
    ignore_epoch: Optional[bool] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that packages have been downloaded, but does not install them.

    Args:
        name: the package.
        version: its version; comparisons (`>=1.2`) are allowed.
        pkgs: several packages: names, or mappings of a name to a version.
        fromrepo: take packages from this repository or release.
        ignore_epoch: compare versions without what stands before the colon; if not given, unless one is asked for.
        kwargs: `resolve_capabilities`, and what `pkg.install` takes.
    """
    ret = begun(name)
    if "pkg.list_downloaded" not in __salt__:
        return failed(ret, "The pkg.downloaded state is not available on this platform")
    if pkgs == []:
        return {**ret, "comment": "No packages to download provided"}
    kwargs.pop("downloadonly", None)
    try:
        pkgs, _ = _pkg.resolved(__salt__, _pkg.as_pkgs(name, version, pkgs), False, kwargs)
        wanted = _pkg.packed(__salt__, pkgs)
        if not wanted:
            return failed(ret, "Invalidly formatted pkgs parameter. See minion log.")
        there, targets = _pkg.arrived(__salt__, wanted, _downloaded(kwargs), ignore_epoch)
        if not targets:
            matching = " (matching specified versions)" if any(wanted[pkg] for pkg in there) else ""
            return {**ret, "comment": f"All specified packages{matching} are already downloaded"}
        if __opts__["test"]:
            comment = f"The following packages would be downloaded: {', '.join(targets)}"
            return {**ret, "result": None, "comment": comment}
        options = {"fromrepo": fromrepo, "ignore_epoch": ignore_epoch, **kwargs}
        ret["changes"].update(__salt__["pkg.install"](name=name, pkgs=pkgs, downloadonly=True, **options))
        _, missing = _pkg.arrived(__salt__, {pkg: wanted[pkg] for pkg in targets}, _downloaded(kwargs), ignore_epoch)
    except CommandExecutionError as exc:
        return _pkg.told_error(ret, exc, "downloading package(s)")
    if missing:
        return failed(ret, f"The following packages failed to download: {_pkg.with_versions(missing, wanted)}")
    return {**ret, "comment": f"Packages downloaded: {', '.join(targets)}"}


def _downloaded(kwargs: Dict[str, Any]) -> Dict[str, List[str]]:
    return {pkg: list(versions) for pkg, versions in __salt__["pkg.list_downloaded"](**kwargs).items()}


def patch_installed(name: str, advisory_ids: Any = None, downloadonly: Optional[bool] = None, **kwargs: Any) -> Result:
    """Sees to it that what security advisories ask for is installed, where the package manager knows advisories.

    Args:
        name: the advisory.
        advisory_ids: several advisories.
        downloadonly: only download the packages.
        kwargs: passed on to `pkg.install`.
    """
    ret = begun(name)
    if "pkg.list_patches" not in __salt__:
        return failed(ret, "The pkg.patch_installed state is not available on this platform")
    if advisory_ids == []:
        return {**ret, "comment": "No advisory ids provided"}
    known = __salt__["pkg.list_installed_patches"](**kwargs)
    targets = [advisory for advisory in advisory_ids or [name] if advisory not in known]
    if not targets:
        many = "All specified advisory patches are already installed"
        return {**ret, "comment": many if advisory_ids else f"Advisory patch {name} is already installed"}
    if __opts__["test"]:
        comment = f"The following advisory patches would be downloaded: {', '.join(targets)}"
        return {**ret, "result": None, "comment": comment}
    try:
        options = {"advisory_ids": advisory_ids, "downloadonly": downloadonly, **kwargs}
        ret["changes"].update(__salt__["pkg.install"](name=name, **options))
    except CommandExecutionError as exc:
        return _pkg.told_error(ret, exc, "downloading package(s)")
    if not ret["changes"]:
        done = "downloaded" if downloadonly else "installed"
        ret["comment"] = f"Advisory patch is not needed or related packages are already {done}"
    return ret


def patch_downloaded(name: str, advisory_ids: Any = None, **kwargs: Any) -> Result:
    """Sees to it that what security advisories ask for has been downloaded, but does not install it.

    Args:
        name: the advisory.
        advisory_ids: several advisories.
        kwargs: passed on to `pkg.install`.
    """
    if "pkg.list_patches" not in __salt__:
        return failed(begun(name), "The pkg.patch_downloaded state is not available on this platform")
    return patch_installed(name, advisory_ids, **{**kwargs, "downloadonly": True})


def group_installed(name: str, skip: Any = None, include: Any = None, **kwargs: Any) -> Result:
    """Sees to it that a group of packages is installed, where the package manager knows groups.

    Args:
        name: the group.
        skip: default packages of it that are not wanted.
        include: optional packages of it that are wanted.
        kwargs: passed on to `pkg.install`.
    """
    ret = begun(name)
    if "pkg.group_diff" not in __salt__:
        return failed(ret, "pkg.group_install not available for this platform")
    for option, value in (("skip", skip), ("include", include)):
        if value is not None and not isinstance(value, list):
            return failed(ret, f"{option} must be formatted as a list")
    skip, include = [str(pkg) for pkg in skip or ()], [str(pkg) for pkg in include or ()]
    try:
        diff = __salt__["pkg.group_diff"](name, **kwargs)
    except (CommandExecutionError, TypeError) as exc:
        return failed(ret, f"An error was encountered while installing/updating group '{name}': {exc}.")
    mandatory = diff["mandatory"]["not installed"]
    refused = [pkg for pkg in [*diff["mandatory"]["installed"], *mandatory] if pkg in skip]
    if refused:
        return failed(ret, f"The following mandatory packages cannot be skipped: {', '.join(refused)}")
    targets = [*mandatory, *(pkg for pkg in diff["default"]["not installed"] if pkg not in skip), *include]
    if not targets:
        return {**ret, "comment": f"Group '{name}' is already installed"}
    partial = any(diff[kind]["installed"] for kind in ("mandatory", "default", "optional"))
    if __opts__["test"]:
        what = "is partially installed and will be updated" if partial else "will be installed"
        return {**ret, "result": None, "comment": f"Group '{name}' {what}"}
    try:
        ret["changes"] = __salt__["pkg.install"](pkgs=targets, **kwargs)
    except CommandExecutionError as exc:
        return _pkg.told_error(ret, exc, f"installing/updating group '{name}'")
    present = __salt__["pkg.list_pkgs"](**kwargs)
    missing = [pkg for pkg in [*mandatory, *include] if pkg not in present]
    if missing:
        return failed(ret, f"Failed to install the following packages: {', '.join(missing)}")
    return {**ret, "comment": f"Group '{name}' was {'updated' if partial else 'installed'}"}
