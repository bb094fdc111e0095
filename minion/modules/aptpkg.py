"""Packages of Debian and its derivatives, by APT: what is installed, installing, removing, upgrading."""

from __future__ import annotations

import copy
import os
import re
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion import data
from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.modules import _apt, _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"

_LISTS = "/var/lib/apt/lists"


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def normalize_name(name: str) -> str:
    """The name without an architecture that is the system's own.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.normalize_name zsh:amd64
    """
    plain, _, arch = name.rpartition(":")
    return plain if plain and arch in (__grains__.get("osarch"), "all", "any") else name


def parse_arch(name: str) -> Dict[str, Optional[str]]:
    """Splits a name into package and architecture.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.parse_arch zsh:amd64
    """
    plain, _, arch = name.rpartition(":")
    return {"name": plain, "arch": arch} if plain else {"name": name, "arch": None}


def version_cmp(pkg1: Any, pkg2: Any, ignore_epoch: bool = False, **kwargs: Any) -> Optional[int]:
    """Compares two versions as dpkg does: -1 if the first is older, 0 if they are equal, 1 if it is newer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version_cmp '0.2.4-0ubuntu1' '0.2.4.1-0ubuntu1'
    """
    return _pkg.compare_deb(pkg1, pkg2, ignore_epoch)


def version(*names: str, **kwargs: Any) -> Any:
    """The version of an installed package, "" if it is not installed; of several, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version <package name>
        salt '*' pkg.version <package1> <package2> <package3> ...
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def list_pkgs(
    versions_as_list: Any = False, removed: Any = False, purge_desired: Any = False, **kwargs: Any
) -> Dict[str, Any]:
    """Installed packages and their versions.

    Args:
        versions_as_list: lists of versions instead of text.
        removed: only packages that were removed but not purged.
        purge_desired: only packages that are marked to be purged but are still there.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_pkgs
        salt '*' pkg.list_pkgs versions_as_list=True
    """
    if _pkg.CONTEXT_KEY not in __context__ or not kwargs.get("use_context", True):
        __context__[_pkg.CONTEXT_KEY] = _query_packages()
    kept = __context__[_pkg.CONTEXT_KEY]
    if is_true(removed):
        found = copy.deepcopy(kept["removed"])
    else:
        found = copy.deepcopy(kept["purge_desired"])
        if not is_true(purge_desired):
            found.update(copy.deepcopy(kept["installed"]))
    if not is_true(versions_as_list):
        _pkg.stringify(found)
    return dict(found)


def _query_packages() -> Dict[str, _pkg.Versions]:
    """dpkg's rows, for example `install ok installed zsh 4.3.17-1 amd64`, by what became of the package."""
    found: Dict[str, _pkg.Versions] = {"installed": {}, "removed": {}, "purge_desired": {}}
    showformat = "${Status} ${Package} ${Version} ${Architecture}\n"
    own = __grains__.get("osarch")
    for line in _tools.output(__salt__, ["dpkg-query", "--showformat", showformat, "-W"]).splitlines():
        columns = line.split()
        if len(columns) < 6:
            continue
        wanted, status, name, number, arch = columns[0], *columns[2:6]
        if own == "amd64" and arch not in ("all", own):
            name += f":{arch}"
        if wanted in ("install", "hold") and "installed" in status:
            kind = "installed"
        elif wanted == "deinstall":
            kind = "removed"
        elif wanted == "purge" and status == "installed":
            kind = "purge_desired"
        else:
            continue
        found[kind].setdefault(name, []).append(number)
    for packages in found.values():
        for name, numbers in packages.items():
            packages[name] = sorted(set(numbers))
    return found


def refresh_db(cache_valid_time: Any = 0, failhard: Any = False, **kwargs: Any) -> Dict[str, Optional[bool]]:
    """Fetches the lists of available packages; for each list: True (new), None (was up to date) or False (failed).

    Args:
        cache_valid_time: do nothing if the lists are younger than so many seconds.
        failhard: raise an error if any list can't be fetched.
        kwargs: `timeout` in seconds.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.refresh_db
    """
    _pkg.clear_refresh_mark(__opts__)
    if cache_valid_time and _age_of_lists() < float(cache_valid_time):
        return {}
    timeout = kwargs.get("timeout") or __opts__.get("aptpkg_refresh_db_timeout", 30)
    done = _apt.run(__salt__, ["apt-get", "-q", "update"], timeout=timeout, ignore_retcode=True)
    if "Timed out" in done["stdout"]:  # a broken cache may be the cause
        _apt.run(__salt__, ["apt-get", "-q", "clean"])
        done = _apt.run(__salt__, ["apt-get", "-q", "update"])
    if done["retcode"]:
        raise CommandExecutionError(done["stderr"] or done["stdout"])
    results = _parse_update(done["stdout"])
    failed = [name for name, result in results.items() if result is False]
    if failed and is_true(failhard):
        raise CommandExecutionError(f"Error getting repos: {', '.join(failed)}")
    return results


def _age_of_lists() -> float:
    try:
        return time.time() - os.stat(_LISTS).st_mtime
    except OSError:
        return float("inf")


def _parse_update(text: str) -> Dict[str, Optional[bool]]:
    meanings = {"Get": True, "Hit": None, "Ign": False, "Err": False}
    results: Dict[str, Optional[bool]] = {}
    for line in text.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word[:3] in meanings:
            name = " ".join(rest.split())
            results[re.sub(r" \[.+B\]$", "", name)] = meanings[word[:3]]
    return results


def install(
    name: Optional[str] = None,
    refresh: Any = False,
    fromrepo: Optional[str] = None,
    skip_verify: bool = False,
    debconf: Optional[str] = None,
    pkgs: Any = None,
    sources: Any = None,
    reinstall: bool = False,
    downloadonly: bool = False,
    ignore_epoch: bool = False,
    normalize: bool = True,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Installs packages; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between; `name:i386` for another architecture.
        refresh: fetch the lists of available packages first.
        fromrepo: take packages from this release (`apt-get -t`).
        skip_verify: install packages that are not signed.
        debconf: file with answers to debconf's questions, set before installing.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to a .deb file or its URL.
        reinstall: install again what is installed in the wanted version.
        downloadonly: only fetch the packages.
        ignore_epoch: compare versions without what stands before the colon.
        normalize: remove from names the architecture that is the system's own.
        kwargs: `version` (also `>=1.2`, `1.2*`), `install_recommends`, `only_upgrade`, `force_conf_new`,
            `force_yes`, `cache_valid_time`, `env`, `repo` (the old name of fromrepo).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.install <package name>
        salt '*' pkg.install pkgs='["foo", {"bar": "1.2.3-0ubuntu0"}]'
        salt '*' pkg.install sources='[{"foo": "salt://foo.deb"}]'
    """
    if debconf:
        __salt__["debconf.set_file"](debconf)
    wanted, kind = __salt__["pkg_resource.parse_targets"](
        name, pkgs, sources, normalize=normalize and kwargs.get("split_arch", True), **kwargs
    )
    if not wanted:
        return {}
    if is_true(refresh) and _needs_refresh(wanted if kind == "repository" else {}):
        refresh_db(kwargs.pop("cache_valid_time", 0))
    old = list_pkgs()
    plan = _pkg.Plan(list_pkgs(versions_as_list=True), version_cmp, reinstall, ignore_epoch)
    if kind == "repository":
        plan.add_wanted(
            wanted, __salt__["pkg.list_repo_pkgs"], lambda name, number: f"{name}={number}" if number else name
        )
    else:
        for path in wanted:
            about = __salt__["lowpkg.bin_pkg_info"](path)
            plan.add(about["name"], path, about["version"])
    options = dict(kwargs, skip_verify=skip_verify, downloadonly=downloadonly)
    options["fromrepo"] = (fromrepo or kwargs.get("repo")) if kind == "repository" else None
    commands = _commands(plan, options)
    errors = plan.errors
    held = _held(plan.names) if commands else []
    if held:
        __salt__["pkg.unhold"](pkgs=held)
    try:
        for words in commands:
            errors += _pkg.complaint(_apt.run(__salt__, words, scope=True, env=_apt.environment(kwargs.get("env"))))
    finally:
        if held:
            __salt__["pkg.hold"](pkgs=held)
    _pkg.forget(__context__)
    new = list_pkgs() if commands else old
    changes = plan.changes(old, new)
    if errors:
        raise CommandExecutionError(
            "Problem encountered installing package(s)", info={"errors": errors, "changes": changes}
        )
    return changes


def _commands(plan: _pkg.Plan, options: Dict[str, Any]) -> List[List[str]]:
    """The calls of apt-get that carry out a plan."""
    steps: Tuple[Tuple[Dict[str, str], Dict[str, Any]], ...] = (
        (plan.forward, {}),
        (plan.back, {"allow_downgrades": True}),
        (plan.again, {"reinstall": True}),
    )
    return [
        _apt.changing("install", **{**options, **more}) + list(arguments.values())
        for arguments, more in steps
        if arguments
    ]


def _needs_refresh(wanted: Dict[str, Optional[str]]) -> bool:
    """No, if all wanted versions are those that the lists already offer."""
    if not wanted or not all(wanted.values()):
        return True
    offered = __salt__["pkg.latest_version"](*wanted, refresh=False, show_installed=True)
    if len(wanted) == 1:
        offered = {next(iter(wanted)): offered}
    return any(offered.get(name) != number for name, number in wanted.items())


def _held(names: List[str]) -> List[str]:
    held = __salt__["pkg.get_selections"](state="hold").get("hold", [])
    return [package for package in held if package in names or normalize_name(package) in names]


def _uninstall(action: str, name: Optional[str], pkgs: Any, **kwargs: Any) -> Tuple[Dict[str, Any], Dict[str, Any]]:
    """What changed of the installed packages, and of those of which only the configuration is left."""
    wanted = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    old, old_removed = list_pkgs(), list_pkgs(removed=True)
    targets = [package for package in _pkg.match_wildcard(old, wanted) if package in old]
    if action == "purge":
        targets += [package for package in _pkg.match_wildcard(old_removed, wanted) if package in old_removed]
    if not targets:
        return {}, {}
    words = ["apt-get", "-q", "-y", action, *targets]
    done = _apt.run(__salt__, words, scope=True, env=_apt.environment(kwargs.get("env")))
    _pkg.forget(__context__)
    installed = data.compare_dicts(old, list_pkgs())
    removed = data.compare_dicts(old_removed, list_pkgs(removed=True))
    errors = _pkg.complaint(done)
    if errors:
        changes = {"removed": removed, "installed": installed} if action == "purge" else installed
        raise CommandExecutionError(
            "Problem encountered removing package(s)", info={"errors": errors, "changes": changes}
        )
    return installed, removed


def remove(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages, but keeps their configuration; returns what changed.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: a list of packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.remove <package name>
        salt '*' pkg.remove pkgs='["foo", "bar"]'
    """
    return _uninstall("remove", name, pkgs, **kwargs)[0]


def purge(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages and their configuration; returns what changed, as `installed` and `removed`.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: a list of packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.purge <package name>
        salt '*' pkg.purge pkgs='["foo", "bar"]'
    """
    installed, removed = _uninstall("purge", name, pkgs, **kwargs)
    return {"removed": removed, "installed": installed} if installed or removed else {}


def autoremove(list_only: bool = False, purge: bool = False) -> Any:
    """Removes packages that nothing needs any more; returns what changed.

    Args:
        list_only: only return their names.
        purge: remove their configuration, too.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.autoremove
        salt '*' pkg.autoremove list_only=True
    """
    more = ["--purge"] if purge else []
    if list_only:
        done = _apt.run(__salt__, ["apt-get", "--assume-no", *more, "autoremove"], ignore_retcode=True)
        listed = re.search(r"The following packages will be REMOVED:\n((?: .*\n?)*)", done["stdout"])
        return sorted(package.rstrip("*") for package in listed.group(1).split()) if listed else []
    old = list_pkgs()
    done = _apt.run(__salt__, ["apt-get", "--assume-yes", *more, "autoremove"], scope=True)
    _pkg.forget(__context__)
    return _pkg.finish("removing package(s)", old, list_pkgs(), _pkg.complaint(done))


def upgrade(refresh: Any = True, dist_upgrade: bool = False, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Upgrades all packages; returns for each that changed its old and new version.

    Args:
        refresh: fetch the lists of available packages first.
        dist_upgrade: also remove packages or install further ones where an upgrade needs that.
        pkgs: a list of the only packages to upgrade.
        kwargs: `downloadonly`, `force_conf_new`, `force_yes`, `skip_verify`, `allow_downgrades`, `cache_valid_time`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade
        salt '*' pkg.upgrade dist_upgrade=True
    """
    if is_true(refresh):
        refresh_db(kwargs.pop("cache_valid_time", 0))
    old = list_pkgs()
    kwargs.pop("install_recommends", None)
    if pkgs:
        words = [*_apt.changing("install", **{**kwargs, "only_upgrade": True}), *_pkg.named(None, pkgs)]
    else:
        words = _apt.changing("dist-upgrade" if dist_upgrade else "upgrade", **kwargs)
    done = _apt.run(__salt__, words, scope=True)
    _pkg.forget(__context__)
    return _pkg.finish("upgrading packages", old, list_pkgs(), _pkg.complaint(done), result=done)
