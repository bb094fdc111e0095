"""Packages of Arch Linux and its derivatives, by pacman."""

from __future__ import annotations

import copy
import fnmatch
import functools
import re
from typing import Any, Callable, Dict, List, Optional

from minion import atomic, data
from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.modules import _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"

_CONFIG = "/etc/pacman.conf"
_QUIET = ["--noprogressbar", "--noconfirm"]


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Arch":
        return __virtualname__
    return False, "The pacman module could not be loaded: unsupported OS family."


def _pacman(*words: str, root: Optional[str] = None, scope: bool = False, **options: Any) -> Dict[str, Any]:
    """What `cmd.run_all` says of a call; `scope` for those that change packages."""
    command = [*(_pkg.scope(__salt__) if scope else []), "pacman", *words, *(["-r", root] if root else [])]
    return _tools.result(__salt__, command, **options)


def version(*names: str, **kwargs: Any) -> Any:
    """The version of an installed package, "" if it is not installed; of several, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version <package1> <package2> <package3> ...
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def version_cmp(pkg1: Any, pkg2: Any, ignore_epoch: bool = False, **kwargs: Any) -> Optional[int]:
    """Compares two versions as pacman does: -1 if the first is older, 0 if they are equal, 1 if it is newer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version_cmp '0.2-1' '0.2.1-1'
    """
    pair = [_pkg.without_epoch(pkg) if ignore_epoch else str(pkg) for pkg in (pkg1, pkg2)]
    text = _tools.output(__salt__, ["vercmp", *pair])
    return int(text)


def list_pkgs(versions_as_list: Any = False, **kwargs: Any) -> Dict[str, Any]:
    """Installed packages and their versions.

    Args:
        versions_as_list: lists of versions instead of text.
        kwargs: `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_pkgs
    """
    if is_true(kwargs.get("removed")) or is_true(kwargs.get("purge_desired")):
        return {}
    root = kwargs.get("root")
    key = _pkg.CONTEXT_KEY + (f".{root}" if root else "")
    if key not in __context__ or not kwargs.get("use_context", True):
        rows = (line.split() for line in _pacman("-Q", root=root)["stdout"].splitlines())
        __context__[key] = {row[0]: [row[1]] for row in rows if len(row) == 2}
    found: Dict[str, Any] = copy.deepcopy(__context__[key])
    if not is_true(versions_as_list):
        _pkg.stringify(found)
    return found


def latest_version(*names: str, **kwargs: Any) -> Any:
    """The version that an upgrade or installation would bring, "" if the newest is installed; of several, a mapping.

    Args:
        names: packages.
        kwargs: `refresh` (default False), `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.latest_version <package1> <package2>
    """
    if not names:
        return ""
    if is_true(kwargs.get("refresh", False)):
        refresh_db(kwargs.get("root"))
    words = ["-Sp", "--needed", "--print-format", "%n %v", *names]
    text = _pacman(*words, root=kwargs.get("root"), ignore_retcode=True)["stdout"]
    offered = dict(re.findall(r"^(\S+) (\S+)$", text, re.M))
    return _pkg.single({name: offered.get(name, "") for name in names}, names)


available_version = latest_version


def upgrade_available(name: str) -> bool:
    """Whether a newer version of a package is on offer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade_available <package name>
    """
    return bool(latest_version(name))


def list_upgrades(refresh: Any = False, root: Optional[str] = None, **kwargs: Any) -> Dict[str, str]:
    """Packages that an upgrade would change, and their new versions.

    Args:
        refresh: fetch the lists of available packages first.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_upgrades
    """
    words = ["-Sup", "--print-format", "%n %v", *(["-y"] if is_true(refresh) else [])]
    done = _pacman(*words, root=root)
    if done["retcode"]:
        raise CommandExecutionError(f"Error listing upgrades: {done['stderr'] or done['stdout']}")
    pairs = dict(re.findall(r"^(\S+) (\S+)$", done["stdout"], re.M))
    return {name: number for name, number in pairs.items() if name != "downloading"}


def list_repo_pkgs(*args: str, **kwargs: Any) -> Dict[str, Any]:
    """All versions on offer, newest first.

    Args:
        args: packages, also as globs; all if none is named.
        kwargs: `byrepo=True`: by repository; `fromrepo`: only these, with commas between; `refresh` (default False).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repo_pkgs foo bar baz
    """
    if is_true(kwargs.get("refresh", False)):
        refresh_db()
    only = [repo.strip() for repo in _pkg.targets(kwargs.get("fromrepo") or [])]
    found: Dict[str, Dict[str, List[str]]] = {}
    for line in _pacman("-Sl", ignore_retcode=True)["stdout"].splitlines():
        columns = line.split()
        if len(columns) < 3 or (only and columns[0] not in only):
            continue
        if not args or any(fnmatch.fnmatch(columns[1], pattern) for pattern in args):
            found.setdefault(columns[0], {}).setdefault(columns[1], []).append(columns[2])
    if kwargs.get("byrepo"):
        return found
    merged: Dict[str, List[str]] = {}
    for packages in found.values():
        for name, versions in packages.items():
            merged.setdefault(name, []).extend(versions)
    newest_first = functools.cmp_to_key(lambda one, other: version_cmp(other, one) or 0)
    return {name: sorted(v, key=newest_first) if len(v) > 1 else v for name, v in merged.items()}


def refresh_db(root: Optional[str] = None, **kwargs: Any) -> Dict[str, bool]:
    """Fetches the lists of available packages; for each repository True (new) or False (was up to date).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.refresh_db
    """
    _pkg.clear_refresh_mark(__opts__)
    done = _pacman("-Sy", root=root)
    if done["retcode"]:
        raise CommandExecutionError(f"Error refreshing package database: {done['stderr']}")
    found: Dict[str, bool] = {}
    for line in done["stdout"].splitlines():
        words = line.split()
        if "is up to date" in line:
            found[words[0]] = False
        elif "downloading" in line and len(words) > 1:
            found[words[0 if words[1].startswith("downloading") else 1].split(".")[0]] = True
    return found


def install(
    name: Optional[str] = None,
    refresh: Any = False,
    sysupgrade: Optional[bool] = None,
    pkgs: Any = None,
    sources: Any = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Installs packages; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        refresh: fetch the lists of available packages first.
        sysupgrade: upgrade all other packages, too; pacman knows no safe way to upgrade only some.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to a package file or its URL.
        kwargs: `version` of a single package; also `>=1.2` and `1.2*`; `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.install <package name>
        salt '*' pkg.install pkgs='["foo", {"bar": "1.2.3-4"}]'
    """
    wanted, kind = __salt__["pkg_resource.parse_targets"](name, pkgs, sources, **kwargs)
    if not wanted:
        return {}
    if kind == "file":
        words = ["-U", *_QUIET, *wanted]
    else:
        flags = [flag for flag, chosen in (("-y", is_true(refresh)), ("-u", sysupgrade)) if chosen]
        words = ["-S", *flags, *_QUIET, "--needed", *_targets(wanted)]
    return _change("installing package(s)", words, kwargs.get("root"))


def _targets(wanted: Dict[str, Optional[str]]) -> List[str]:
    """How pacman is told of the packages."""
    found = []
    for name, number in wanted.items():
        oper, text = _pkg.split_comparison(str(number or ""))
        if number and "*" in text:
            available = list_repo_pkgs(name).get(name, [])
            match = next((candidate for candidate in available if fnmatch.fnmatch(candidate, text)), None)
            if match is None or oper not in ("", "="):
                shown = ", ".join(available) or "none"
                problem = f"No version matching '{number}' found for package '{name}' (available: {shown})"
                raise CommandExecutionError(
                    "Problem encountered installing package(s)", info={"errors": [problem], "changes": {}}
                )
            text = match
        found.append(f"{name}{oper or '='}{text}" if number else name)
    return found


def _change(action: str, words: List[str], root: Optional[str]) -> Dict[str, Any]:
    """What a call changed; an error that also tells that, if it failed."""
    old = list_pkgs(root=root)
    done = _pacman(*words, root=root, scope=True)
    _pkg.forget(__context__)
    return _pkg.finish(action, old, list_pkgs(root=root), _pkg.complaint(done), result=done)


def upgrade(refresh: Any = False, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """Upgrades all packages; returns for each that changed its old and new version.

    Args:
        refresh: fetch the lists of available packages first.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade refresh=True
    """
    words = ["-Su", *(["-y"] if is_true(refresh) else []), *_QUIET]
    return _change("upgrading packages", words, root)


def _uninstall(flags: str, name: Optional[str], pkgs: Any, root: Optional[str]) -> Dict[str, Any]:
    wanted = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    installed = list_pkgs(root=root)
    targets = [package for package in _pkg.match_wildcard(installed, wanted) if package in installed]
    return _change("removing package(s)", [flags, *_QUIET, *targets], root) if targets else {}


def remove(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages; returns what changed.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: a list of packages.
        kwargs: `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.remove <package name>
    """
    return _uninstall("-R", name, pkgs, kwargs.get("root"))


def purge(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages, what depends on them, and what they needed and nothing else needs; returns what changed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.purge <package name>
    """
    return _uninstall("-Rsc", name, pkgs, kwargs.get("root"))


def _files(packages: Any, root: Optional[str]) -> Any:
    """([package, path] rows, complaints)."""
    done = _pacman("-Ql", *packages, root=root, ignore_retcode=True)
    rows = [line.split(" ", 1) for line in done["stdout"].splitlines() if " /" in line]
    return rows, [line for line in done["stderr"].splitlines() if line.startswith("error")]


def file_list(*packages: str, **kwargs: Any) -> Dict[str, List[str]]:
    """All files of packages; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_list httpd postfix
    """
    rows, errors = _files(packages, kwargs.get("root"))
    return {"errors": errors, "files": [path for _, path in rows]}


def file_dict(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """The files of packages, by package; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_dict httpd postfix
    """
    rows, errors = _files(packages, kwargs.get("root"))
    found: Dict[str, List[str]] = {}
    for package, path in rows:
        found.setdefault(package, []).append(path)
    return {"errors": errors, "packages": found}


def owner(*paths: str, **kwargs: Any) -> Any:
    """The package that a file belongs to, "" if none; of several files, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.owner /usr/bin/apachectl /usr/bin/zsh
    """
    if not paths:
        return ""
    found = {}
    for path in paths:
        found[path] = _pacman("-Qqo", path, root=kwargs.get("root"), ignore_retcode=True)["stdout"].strip()
    return _pkg.single(found, paths)


def group_list() -> Dict[str, List[str]]:
    """Groups of packages: installed, partially_installed, available.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_list
    """
    offered, present = _groups("-Sgg"), _groups("-Qg")
    complete = {group: len(present.get(group, ())) == len(packages) for group, packages in offered.items()}
    return {
        "installed": sorted(group for group in offered if group in present and complete[group]),
        "partially_installed": sorted(group for group in offered if group in present and not complete[group]),
        "available": sorted(group for group in offered if group not in present),
    }


def _groups(*words: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in _pacman(*words, ignore_retcode=True)["stdout"].splitlines():
        group, _, package = line.partition(" ")
        if package:
            found.setdefault(group, []).append(package)
    return found


def group_info(name: str) -> Dict[str, List[str]]:
    """The packages of a group, all under `default`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_info 'xorg'
    """
    packages = sorted(set(_groups("-Sgg", name).get(name, ())))
    return {"mandatory": [], "optional": [], "default": packages, "conditional": []}


def group_diff(name: str) -> Dict[str, Dict[str, List[str]]]:
    """Which packages of a group are installed, and which are not.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_diff 'xorg'
    """
    installed = list_pkgs()
    return {
        kind: {
            "installed": [package for package in packages if package in installed],
            "not installed": [package for package in packages if package not in installed],
        }
        for kind, packages in group_info(name).items()
    }


def info_installed(*names: str, **kwargs: Any) -> Dict[str, Dict[str, str]]:
    """Details of installed packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.info_installed <package1> <package2>
    """
    text = _pacman("-Qi", *names, root=kwargs.get("root"), ignore_retcode=True)["stdout"]
    found = {}
    for paragraph in text.split("\n\n"):
        pairs = re.findall(r"^(\S[^:]*?)\s*: (.*)$", paragraph, re.M)
        fields = {key.lower().replace(" ", "_"): value for key, value in pairs if value != "None"}
        if "name" in fields:
            found[fields["name"]] = fields
    return found


def _held() -> List[str]:
    match = re.findall(r"^\s*IgnorePkg\s*=\s*(.*)$", _config(), re.M)
    return [name for line in match for name in line.split()]


def _config() -> str:
    try:
        with open(_CONFIG, encoding="utf-8") as source:
            return source.read()
    except OSError as exc:
        raise CommandExecutionError(f"The configuration of pacman can't be read: {exc}") from exc


def list_holds(**kwargs: Any) -> List[str]:
    """Packages that upgrades leave as they are (`IgnorePkg` of pacman.conf).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_holds
    """
    return _held()


def hold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets upgrades leave packages as they are.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.hold <package name>
    """
    return _set_held(_pkg.named(name, pkgs, sources), True)


def unhold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets packages be upgraded again.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.unhold <package name>
    """
    return _set_held(_pkg.named(name, pkgs, sources), False)


def _set_held(packages: List[str], wanted: bool) -> Dict[str, Any]:
    before = _held()
    after = [name for name in dict.fromkeys(before + packages) if wanted or name not in packages]
    verdicts = {package: _verdict(package, package in before, wanted) for package in packages}
    if data.compare_lists(before, after) and not __opts__.get("test"):
        text = re.sub(r"^\s*IgnorePkg\s*=.*\n", "", _config(), flags=re.M)
        if after:
            text = re.sub(r"^\[options\]\n", f"[options]\nIgnorePkg = {' '.join(after)}\n", text, count=1, flags=re.M)
        atomic.write(_CONFIG, text)
    return verdicts


def _verdict(package: str, is_held: bool, wanted: bool) -> Dict[str, Any]:
    state = "to be held" if wanted else "not to be held"
    verdict: Dict[str, Any] = {"name": package, "changes": {}, "result": True}
    if is_held == wanted:
        verdict["comment"] = f"Package {package} is already set {state}."
    elif __opts__.get("test"):
        verdict.update(result=None, comment=f"Package {package} is set {state}.")
    else:
        verdict["changes"] = {"old": "" if wanted else "hold", "new": "hold" if wanted else ""}
        verdict["comment"] = f"Package {package} is {'now' if wanted else 'no longer'} being held."
    return verdict
