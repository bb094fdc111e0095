"""Packages of SUSE and openSUSE, by zypper."""

from __future__ import annotations

import fnmatch
import re
from typing import Any, Callable, Dict, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.modules import _pkg, _rpm, _zypper

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"


def __virtual__() -> Any:
    return _zypper.is_suse(__grains__)


def list_pkgs(
    versions_as_list: Any = False, root: Optional[str] = None, includes: Any = None, **kwargs: Any
) -> Dict[str, Any]:
    """Installed packages and their versions.

    Args:
        versions_as_list: lists of versions instead of text.
        root: another root folder.
        includes: also `product`, `pattern` or `patch`, under names like `pattern:base`.
        kwargs: `attr`: `all` or a list of epoch, version, release, arch, install_date, install_date_time_t, to
            return these instead of versions.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_pkgs
        salt '*' pkg.list_pkgs attr=version,arch
    """
    if is_true(kwargs.get("removed")) or is_true(kwargs.get("purge_desired")):
        return {}
    installed = dict(
        _rpm.installed(__salt__, __context__, _rpm.own_arch(__grains__), root, kwargs.get("use_context", True))
    )
    for kind in includes or ():
        for node in _zypper.rows(__salt__, ["search", "-i", "-s", "-t", kind], "solvable", root, failhard=False):
            number, _, release = node.get("edition", "").partition("-")
            entry = {"epoch": "", "version": number, "release": release, "arch": node.get("arch")}
            installed[f"{kind}:{node.get('name')}"] = [entry]
    as_list = is_true(versions_as_list)
    return dict(__salt__["pkg_resource.format_pkg_list"](installed, as_list, kwargs.get("attr")))


def info_available(*names: str, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """What the repositories say of packages.

    Args:
        names: packages.
        kwargs: `refresh` (default True), `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.info_available <package1> <package2>
    """
    if not names:
        return {}
    root = kwargs.get("root")
    if is_true(kwargs.get("refresh", True)):
        refresh_db(root=root)
    found: Dict[str, Dict[str, Any]] = {}
    text = _zypper.run(__salt__, ["info", "-t", "package", *sorted(set(names))], root)["stdout"]
    for section in re.split(r"^Information for package .*$", text, flags=re.M)[1:]:
        fields: Dict[str, Any] = {}
        for key, value in re.findall(r"^(\w[\w ]*?)\s*: (.+)$", section, re.M):
            fields.setdefault(key.lower(), value.strip())
        if "installed" in fields:
            fields["installed"] = str(fields["installed"]).lower().startswith("yes")
        if "name" in fields:
            found[fields.pop("name")] = fields
    return found


def latest_version(*names: str, **kwargs: Any) -> Any:
    """The version that an upgrade or installation would bring, "" if the newest is installed; of several, a mapping.

    Args:
        names: packages.
        kwargs: `refresh` (default True), `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.latest_version <package1> <package2>
    """
    if not names:
        return {}
    details = info_available(*names, **kwargs)
    found = {}
    for name in names:
        about = details.get(name, {})
        is_news = re.search("not installed|out-of-date", str(about.get("status", "")))
        found[name] = about.get("version", "") if is_news else ""
    return _pkg.single(found, names)


available_version = latest_version


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """Whether a newer version of a package is on offer, also if it is not installed yet.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade_available <package name>
    """
    return bool(latest_version(name, **kwargs))


def list_upgrades(refresh: Any = True, root: Optional[str] = None, **kwargs: Any) -> Dict[str, str]:
    """Packages that an upgrade would change, and their new versions.

    Args:
        refresh: fetch the lists of available packages first.
        root: another root folder.
        kwargs: `fromrepo`: only these repositories.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_upgrades
    """
    if is_true(refresh):
        refresh_db(root=root)
    words = ["list-updates"]
    for repo in _pkg.targets(kwargs.get("fromrepo") or []):
        words += ["--repo", str(repo)]
    found = _zypper.rows(__salt__, words, "update", root)
    return {node.get("name"): node.get("edition") for node in found if node.get("kind") == "package"}


list_updates = list_upgrades


def list_repo_pkgs(*args: str, **kwargs: Any) -> Dict[str, Any]:
    """All versions on offer, newest first.

    Args:
        args: packages, also as globs; all if none is named.
        kwargs: `byrepo=True`: by repository; `fromrepo`: only this repository; `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repo_pkgs foo bar baz
    """
    found: Dict[str, Dict[str, List[str]]] = {}
    words = ["search", "-s", "-t", "package", *args]
    for node in _zypper.rows(__salt__, words, "solvable", kwargs.get("root"), failhard=False):
        name, repo = node.get("name", ""), node.get("repository", "")
        is_wanted = not args or any(fnmatch.fnmatch(name, pattern) for pattern in args)
        if node.get("kind") == "package" and is_wanted and kwargs.get("fromrepo") in (None, "", repo):
            found.setdefault(repo, {}).setdefault(name, []).append(node.get("edition", ""))
    return _rpm.merged(found, bool(kwargs.get("byrepo")))


def refresh_db(
    force: Optional[bool] = None, root: Optional[str] = None, gpgautoimport: bool = False, **kwargs: Any
) -> Dict[str, bool]:
    """Fetches the lists of available packages; for each repository True (new) or False (was up to date).

    Args:
        force: also if they are up to date; by default what the pillar `zypper:refreshdb_force` says, else True.
        root: another root folder.
        gpgautoimport: accept keys of repositories.
        kwargs: `repos`: only these.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.refresh_db force=True
    """
    _pkg.clear_refresh_mark(__opts__)
    if force is None:
        force = (__pillar__.get("zypper") or {}).get("refreshdb_force", True)
    words = ["--gpg-auto-import-keys"] if gpgautoimport else []
    words += ["refresh", *(["--force"] if force else []), *_pkg.targets(kwargs.get("repos") or [])]
    text = _zypper.run(__salt__, words, root, refresh=True)["stdout"]
    found = dict.fromkeys(re.findall(r"^Repository '(.+)' is up to date", text, re.M), False)
    found.update(dict.fromkeys(re.findall(r"^Building repository '(.+)' cache .*done", text, re.M), True))
    return found


def install(
    name: Optional[str] = None,
    refresh: Any = False,
    fromrepo: Optional[str] = None,
    pkgs: Any = None,
    sources: Any = None,
    downloadonly: Optional[bool] = None,
    skip_verify: bool = False,
    version: Optional[str] = None,
    ignore_repo_failure: bool = False,
    no_recommends: bool = False,
    root: Optional[str] = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Installs packages; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        refresh: fetch the lists of available packages first.
        fromrepo: take packages from this repository.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to a .rpm file or its URL.
        downloadonly: only fetch the packages.
        skip_verify: install packages that are not signed.
        version: of a single package; also `>=1.2` and `1.2*`.
        ignore_repo_failure: a repository that can't be refreshed is no failure.
        no_recommends: not what is only recommended.
        root: another root folder.
        kwargs: `resolve_capabilities`: names may be capabilities; `advisory_ids`; `diff_attr` (as `attr` of list_pkgs).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.install <package name>
        salt '*' pkg.install pkgs='["foo", {"bar": "1.2.3-4"}]'
        salt '*' pkg.install sources='[{"foo": "salt://foo.rpm"}]'
    """
    if is_true(refresh):
        refresh_db(root=root)
    wanted, kind = __salt__["pkg_resource.parse_targets"](name, pkgs, sources, version=version, **kwargs)
    if not wanted:
        return {}
    targets = _targets(wanted, kind, root)
    words = [] if not skip_verify else ["--no-gpg-checks"]
    words += ["install", "--auto-agree-with-licenses", "--oldpackage"]
    if kind != "file":
        words.append("--capability" if kwargs.get("resolve_capabilities") else "--name")
    words += ["--download-only"] if downloadonly else []
    words += ["--force", "--force-resolution", "--from", fromrepo] if fromrepo else []
    words += ["--no-recommends"] if no_recommends else []
    includes = sorted({target.split(":")[0] for target in targets if re.match("(product|pattern|patch):", target)})

    def state() -> Dict[str, Any]:
        if downloadonly:
            return dict(__salt__["pkg.list_downloaded"](root))
        return list_pkgs(root=root, includes=includes, attr=kwargs.get("diff_attr"))

    old = state()
    done = _zypper.run(__salt__, [*words, *targets], root, refresh=is_true(refresh), scope=True, failhard=False)
    _pkg.forget(__context__)
    errors = [] if _zypper.succeeded(done, ignore_repo_failure) else [_zypper.complaint(done)]
    return _pkg.finish(f"{'downloading' if downloadonly else 'installing'} package(s)", old, state(), errors)


def _targets(wanted: Any, kind: str, root: Optional[str]) -> List[str]:
    """How zypper is told of the packages."""
    if kind == "file":
        return list(wanted)
    if kind == "advisory":
        known = __salt__["pkg.list_patches"](root=root)
        for advisory in wanted:
            if advisory not in known:
                raise CommandExecutionError(f'Advisory id "{advisory}" not found')
        return [f"patch:{advisory}" for advisory in wanted]
    found = []
    for name, number in wanted.items():
        oper, text = _pkg.split_comparison(str(number or ""))
        if number and "*" in text:
            available = list_repo_pkgs(name, root=root).get(name, [])
            match = _pkg.match_version(text, available, _pkg.compare_rpm)
            if match is None:
                shown = ", ".join(available) or "None"
                raise CommandExecutionError(f"No version matching '{name}{number}' found (available: {shown})")
            text = match
        found.append(f"{name}{oper or '='}{text}" if number else name)
    return found


def upgrade(
    name: Optional[str] = None,
    pkgs: Any = None,
    refresh: Any = True,
    dryrun: bool = False,
    dist_upgrade: bool = False,
    fromrepo: Any = None,
    novendorchange: bool = False,
    skip_verify: bool = False,
    no_recommends: bool = False,
    root: Optional[str] = None,
    diff_attr: Any = None,
    **kwargs: Any,
) -> Any:
    """Upgrades packages, all if none is named; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        pkgs: a list of packages.
        refresh: fetch the lists of available packages first.
        dryrun: only return what zypper would do.
        dist_upgrade: upgrade the distribution.
        fromrepo: only from these repositories.
        novendorchange: with dist_upgrade, not to packages of another vendor.
        skip_verify: install packages that are not signed.
        no_recommends: with dist_upgrade, not what is only recommended.
        root: another root folder.
        diff_attr: as `attr` of list_pkgs.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade
        salt '*' pkg.upgrade dist_upgrade=True fromrepo='["MyRepoName"]' novendorchange=True
    """
    if is_true(refresh):
        refresh_db(root=root)
    words = ["--no-gpg-checks"] if skip_verify else []
    words += ["dist-upgrade" if dist_upgrade else "update", "--auto-agree-with-licenses"]
    words += ["--dry-run"] if dryrun else []
    for repo in _pkg.targets(fromrepo or []):
        words += ["--from" if dist_upgrade else "--repo", str(repo)]
    if dist_upgrade:
        words += ["--no-allow-vendor-change"] if novendorchange else []
        words += ["--no-recommends"] if no_recommends else []
    elif name or pkgs:
        words += list(__salt__["pkg_resource.parse_targets"](name, pkgs)[0] or ())
    old = list_pkgs(root=root, attr=diff_attr)
    done = _zypper.run(__salt__, words, root, refresh=is_true(refresh), scope=True, failhard=False)
    _pkg.forget(__context__)
    errors = [] if _zypper.succeeded(done) else [_zypper.complaint(done)]
    changes = _pkg.finish("upgrading packages", old, list_pkgs(root=root, attr=diff_attr), errors, result=done)
    return f"{done['stdout']}\n{done['stderr']}".strip() if dryrun else changes


def remove(name: Optional[str] = None, pkgs: Any = None, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages; returns what changed.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: list of names or of one-element mappings of a name to the version to remove.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.remove <package name>
        salt '*' pkg.remove pkgs='["foo", "bar"]'
    """
    wanted = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    includes = sorted({target.split(":")[0] for target in wanted if re.match("(product|pattern|patch):", target)})
    old = list_pkgs(root=root, includes=includes)
    targets = []
    for package in _pkg.match_wildcard(old, wanted):
        number = wanted.get(package)
        if package in old and (not number or number in old[package].split(",")):
            targets.append(f"{package}={number}" if number else package)
    if not targets:
        return {}
    done = _zypper.run(__salt__, ["remove", *targets], root, scope=True, failhard=False)
    _pkg.forget(__context__)
    errors = [] if _zypper.succeeded(done) else [_zypper.complaint(done)]
    return _pkg.finish("removing package(s)", old, list_pkgs(root=root, includes=includes), errors)


def purge(name: Optional[str] = None, pkgs: Any = None, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """As `pkg.remove`: rpm knows no difference.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.purge <package name>
    """
    return remove(name, pkgs, root)
