"""Packages of RHEL, Fedora, Amazon Linux and their like, by dnf or yum."""

from __future__ import annotations

import fnmatch
from typing import Any, Callable, Dict, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _rpm, _yum

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"

_BEST = ["--best", "--allowerasing"]


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


def list_pkgs(versions_as_list: Any = False, **kwargs: Any) -> Dict[str, Any]:
    """Installed packages and their versions.

    Args:
        versions_as_list: lists of versions instead of text.
        kwargs: `attr`: `all` or a list of epoch, version, release, arch, install_date, install_date_time_t, to
            return these instead of versions.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_pkgs
        salt '*' pkg.list_pkgs attr=version,arch
    """
    if is_true(kwargs.get("removed")) or is_true(kwargs.get("purge_desired")):
        return {}
    installed = _rpm.installed(__salt__, __context__, _rpm.own_arch(__grains__), None, kwargs.get("use_context", True))
    as_list = is_true(versions_as_list)
    return dict(__salt__["pkg_resource.format_pkg_list"](installed, as_list, kwargs.get("attr")))


def latest_version(*names: str, **kwargs: Any) -> Any:
    """The version that an upgrade or installation would bring, "" if the newest is installed; of several, a mapping.

    Args:
        names: packages.
        kwargs: `refresh` (default True), `fromrepo`, `enablerepo`, `disablerepo`, `disableexcludes`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.latest_version <package1> <package2> fromrepo=epel-testing
    """
    if not names:
        return ""
    if is_true(kwargs.pop("refresh", True)):
        refresh_db(**kwargs)
    installed = list_pkgs(versions_as_list=True)
    rows = _yum.listing(__salt__, "available", _rpm.own_arch(__grains__), names, *_yum.options(**kwargs))
    found = {}
    for name in names:
        versions = _rpm.newest_first(
            [row.version for row in rows if row.name == _rpm.normalize(name, _rpm.own_arch(__grains__))]
        )
        present = installed.get(_rpm.normalize(name, _rpm.own_arch(__grains__)), [])
        is_newer = versions and all(_pkg.compare_rpm(known, versions[0]) < 0 for known in present)
        found[name] = versions[0] if is_newer else ""
    return _pkg.single(found, names)


available_version = latest_version


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """Whether a newer version of a package is on offer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade_available <package name>
    """
    return bool(latest_version(name, **kwargs))


def list_upgrades(refresh: Any = True, **kwargs: Any) -> Dict[str, str]:
    """Packages that an upgrade would change, and their new versions.

    Args:
        refresh: fetch the lists of available packages first.
        kwargs: `fromrepo`, `enablerepo`, `disablerepo`, `disableexcludes`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_upgrades
    """
    if is_true(refresh):
        refresh_db(check_update=False, **kwargs)
    return {
        row.name: row.version
        for row in _yum.listing(__salt__, "upgrades", _rpm.own_arch(__grains__), [], *_yum.options(**kwargs))
    }


list_updates = list_upgrades


def list_repo_pkgs(*args: str, **kwargs: Any) -> Dict[str, Any]:
    """All versions on offer, newest first.

    Args:
        args: packages, also as globs; all if none is named.
        kwargs: `byrepo=True`: by repository; `cacheonly=True`: do not refresh; `fromrepo`, `enablerepo`,
            `disablerepo`, `disableexcludes`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repo_pkgs foo bar baz
    """
    by_repo, cache_only = kwargs.pop("byrepo", False), kwargs.pop("cacheonly", False)
    flags = ["--showduplicates", *(["-C"] if cache_only else []), *_yum.options(**kwargs)]
    found: Dict[str, Dict[str, List[str]]] = {}
    for row in _yum.listing(__salt__, "available", _rpm.own_arch(__grains__), args, *flags):
        if not args or any(fnmatch.fnmatch(row.name, pattern) for pattern in args):
            found.setdefault(row.repo, {}).setdefault(row.name, []).append(row.version)
    return _rpm.merged(found, bool(by_repo))


def refresh_db(**kwargs: Any) -> Optional[bool]:
    """Fetches the lists of available packages; True if there are upgrades, None if there are none, False if it failed.

    Args:
        kwargs: `check_update=False` fetches them when they are needed; `fromrepo`, `enablerepo`, `disablerepo`,
            `disableexcludes`, `setopt`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.refresh_db
    """
    _pkg.clear_refresh_mark(__opts__)
    check = kwargs.pop("check_update", True)
    flags = _yum.options(**kwargs)
    _yum.run(__salt__, ["--quiet", "--assumeyes", "clean", "expire-cache", *flags], ignore_retcode=True)
    if not check:
        return True
    done = _yum.run(__salt__, ["--quiet", "--assumeyes", "check-update", *flags], ignore_retcode=True)
    meanings: Dict[int, Optional[bool]] = {100: True, 0: None}
    return meanings.get(done["retcode"], False)


clean_metadata = refresh_db


def install(
    name: Optional[str] = None,
    refresh: Any = False,
    skip_verify: bool = False,
    pkgs: Any = None,
    sources: Any = None,
    downloadonly: bool = False,
    reinstall: Any = False,
    normalize: bool = True,
    update_holds: bool = False,
    saltenv: str = "base",
    ignore_epoch: bool = False,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Installs packages; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between; `name.i686` for another architecture.
        refresh: fetch the lists of available packages first.
        skip_verify: install packages that are not signed.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to a .rpm file or its URL.
        downloadonly: only fetch the packages.
        reinstall: install again what is installed in the wanted version.
        normalize: remove from names the architecture that is the system's own.
        update_holds: also packages that are held; they are held again afterwards.
        saltenv: environment of `salt://` sources.
        ignore_epoch: compare versions without what stands before the colon.
        kwargs: `version` (also `>=1.2`, `1.2*`), `fromrepo`, `enablerepo`, `disablerepo`, `disableexcludes`, `branch`,
            `setopt`, `advisory_ids`, `diff_attr` (as `attr` of list_pkgs).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.install <package name>
        salt '*' pkg.install pkgs='["foo", {"bar": "1.2.3-4.el7"}]'
        salt '*' pkg.install sources='[{"foo": "salt://foo.rpm"}]'
    """
    if kwargs.get("version") is not None:
        kwargs["version"] = str(kwargs["version"])
    flags = _yum.options(**kwargs) + (["--nogpgcheck"] if skip_verify else [])
    flags += ["--downloadonly"] if downloadonly else []
    if is_true(refresh):
        refresh_db(**kwargs)
    normalize = normalize and kwargs.get("split_arch", True)
    wanted, kind = __salt__["pkg_resource.parse_targets"](
        name, pkgs, sources, saltenv=saltenv, normalize=normalize, **kwargs
    )
    if not wanted:
        return {}
    old = _state(downloadonly, kwargs)
    plan = _pkg.Plan(list_pkgs(versions_as_list=True), _pkg.compare_rpm, is_true(reinstall), ignore_epoch)
    if kind == "repository":
        _plan_from_repository(plan, wanted, kwargs)
    elif kind == "file":
        _plan_from_files(plan, wanted)
    else:
        plan.forward = {advisory: f"--advisory={advisory}" for advisory in wanted}
    released = _release(plan, update_holds)
    try:
        _carry_out(plan, flags, "install" if kind != "advisory" else "update")
    finally:
        if released:
            __salt__["pkg.hold"](pkgs=released)
    changes = plan.changes(old, _state(downloadonly, kwargs))
    if plan.errors:
        raise CommandExecutionError(
            f"Error occurred installing{'/reinstalling' if plan.again else ''} package(s)",
            info={"errors": plan.errors, "changes": changes},
        )
    return changes


def _state(downloadonly: bool, kwargs: Dict[str, Any]) -> Dict[str, Any]:
    _pkg.forget(__context__)
    return __salt__["pkg.list_downloaded"]() if downloadonly else list_pkgs(attr=kwargs.get("diff_attr"))


def _plan_from_repository(plan: _pkg.Plan, wanted: Dict[str, Optional[str]], kwargs: Dict[str, Any]) -> None:
    plan.add_wanted(wanted, lambda *names: list_repo_pkgs(*names, **kwargs), _with_version)
    for name in ("kernel", "kernel-devel"):
        if name in plan.back:  # several versions of it lie side by side
            plan.forward[name] = plan.back.pop(name)


def _with_version(name: str, number: Optional[str]) -> str:
    if not number:
        return name
    parts = _rpm.split_arch(name)
    arch = f".{parts['arch']}" if parts["arch"] else ""
    return f"{parts['name']}-{_pkg.without_epoch(number)}{arch}"


def _plan_from_files(plan: _pkg.Plan, paths: List[str]) -> None:
    for path in paths:
        about = __salt__["lowpkg.bin_pkg_info"](path)
        if about is None:
            raise CommandExecutionError(f"{path} is not a package")
        plan.add(about["name"], path, about["version"])


def _release(plan: _pkg.Plan, update_holds: bool) -> List[str]:
    """Takes packages that are held out of the plan, or releases them and returns which."""
    try:
        held = [name for name in __salt__["pkg.list_holds"](full=False) if name in plan.names]
    except SaltInvocationError:  # nothing can be held without the plugin
        return []
    if held and update_holds:
        __salt__["pkg.unhold"](pkgs=held)
        return held
    for name in held:
        for step in (plan.forward, plan.back, plan.again):
            step.pop(name, None)
    if held:
        plan.errors.append(
            f"The following package(s) could not be updated because they are being held: {', '.join(held)}. Set "
            "'update_holds' to True to temporarily unhold these packages so that they can be updated."
        )
    return []


def _carry_out(plan: _pkg.Plan, flags: List[str], action: str) -> None:
    best = _BEST if _yum.is_dnf() else []
    none: List[str] = []
    steps = ((action, plan.forward, best), ("downgrade", plan.back, none), ("reinstall", plan.again, none))
    for command, arguments, more in steps:
        if arguments:
            words = ["-y", command, *more, *flags, *arguments.values()]
            done = _yum.run(__salt__, words, scope=True, redirect_stderr=True)
            plan.errors += _pkg.complaint(done)


def upgrade(
    name: Optional[str] = None,
    pkgs: Any = None,
    refresh: Any = True,
    skip_verify: bool = False,
    normalize: bool = True,
    minimal: bool = False,
    obsoletes: bool = True,
    diff_attr: Any = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Upgrades packages, all if none is named; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        pkgs: a list of packages.
        refresh: fetch the lists of available packages first.
        skip_verify: install packages that are not signed.
        normalize: remove from names the architecture that is the system's own.
        minimal: only as far as needed to fix errors (`upgrade-minimal`).
        obsoletes: also replace packages by those that supersede them.
        diff_attr: as `attr` of list_pkgs.
        kwargs: `fromrepo`, `enablerepo`, `disablerepo`, `disableexcludes`, `branch`, `setopt`; others become options.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade
        salt '*' pkg.upgrade security=True
    """
    if not obsoletes and _yum.is_dnf():
        kwargs["setopt"] = [*_pkg.targets(kwargs.get("setopt") or []), "obsoletes=False"]
    if is_true(refresh):
        refresh_db(**kwargs)
    old = list_pkgs(attr=diff_attr)
    targets: List[str] = []
    if name or pkgs:
        targets = list(__salt__["pkg_resource.parse_targets"](name, pkgs, normalize=normalize)[0] or ())
    command = ("upgrade" if obsoletes or _yum.is_dnf() else "update") + ("-minimal" if minimal else "")
    flags = _yum.options(extra=True, **kwargs) + (["--nogpgcheck"] if skip_verify else [])
    done = _yum.run(__salt__, ["--quiet", "-y", *flags, command, *targets], scope=True)
    _pkg.forget(__context__)
    return _pkg.finish("upgrading packages", old, list_pkgs(attr=diff_attr), _pkg.complaint(done), result=done)


def update(
    name: Optional[str] = None,
    pkgs: Any = None,
    refresh: Any = True,
    skip_verify: bool = False,
    normalize: bool = True,
    minimal: bool = False,
    obsoletes: bool = False,
    **kwargs: Any,
) -> Dict[str, Any]:
    """As `pkg.upgrade`, but without replacing packages by those that supersede them.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.update
    """
    return upgrade(name, pkgs, refresh, skip_verify, normalize, minimal, obsoletes, **kwargs)


def remove(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages; returns what changed.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: list of names or of one-element mappings of a name to the version to remove.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.remove <package name>
        salt '*' pkg.remove pkgs='["foo", "bar"]'
    """
    wanted = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    old = list_pkgs()
    targets = []
    for package in _pkg.match_wildcard(old, wanted):
        number = wanted.get(package)
        if package in old and (not number or number in old[package].split(",")):
            targets.append(_with_version(package, number))
    if not targets:
        return {}
    done = _yum.run(__salt__, ["-y", "remove", *targets], scope=True)
    _pkg.forget(__context__)
    return _pkg.finish("removing package(s)", old, list_pkgs(), _pkg.complaint(done))


def purge(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """As `pkg.remove`: rpm knows no difference.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.purge <package name>
    """
    return remove(name, pkgs, **kwargs)
