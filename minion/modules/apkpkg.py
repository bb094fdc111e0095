"""Packages of Alpine Linux, by apk."""

from __future__ import annotations

import copy
import fnmatch
import re
from typing import Any, Callable, Dict, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.modules import _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"

_WORLD = "/etc/apk/world"
_NAME_VERSION = re.compile(r"^(?P<name>\S+?)-(?P<version>\d[^\s-]*-r\d+)\b")
_ORDERS = {"<": -1, "=": 0, ">": 1}


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Alpine":
        return __virtualname__
    return False, "Module apk only works on Alpine Linux based systems"


def _apk(*words: str, **options: Any) -> Dict[str, Any]:
    return _tools.result(__salt__, ["apk", *words], **options)


def version(*names: str, **kwargs: Any) -> Any:
    """The version of an installed package, "" if it is not installed; of several, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version <package1> <package2> <package3> ...
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def version_cmp(pkg1: Any, pkg2: Any, ignore_epoch: bool = False, **kwargs: Any) -> Optional[int]:
    """Compares two versions as apk does: -1 if the first is older, 0 if they are equal, 1 if it is newer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version_cmp '0.2-r1' '0.2.1-r0'
    """
    return _ORDERS.get(_apk("version", "-t", str(pkg1), str(pkg2))["stdout"].strip())


def _pairs(text: str) -> Dict[str, str]:
    """Packages and versions at the beginning of lines."""
    matches = (_NAME_VERSION.match(line) for line in text.splitlines())
    return {match.group("name"): match.group("version") for match in matches if match}


def list_pkgs(versions_as_list: Any = False, **kwargs: Any) -> Dict[str, Any]:
    """Installed packages and their versions.

    Args:
        versions_as_list: lists of versions instead of text.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_pkgs
    """
    if is_true(kwargs.get("removed")) or is_true(kwargs.get("purge_desired")):
        return {}
    if _pkg.CONTEXT_KEY not in __context__ or not kwargs.get("use_context", True):
        text = _tools.output(__salt__, ["apk", "info", "-v"])
        __context__[_pkg.CONTEXT_KEY] = {name: [number] for name, number in _pairs(text).items()}
    found: Dict[str, Any] = copy.deepcopy(__context__[_pkg.CONTEXT_KEY])
    if not is_true(versions_as_list):
        _pkg.stringify(found)
    return found


def latest_version(*names: str, **kwargs: Any) -> Any:
    """The version that an upgrade or installation would bring, "" if the newest is installed; of several, a mapping.

    Args:
        names: packages.
        kwargs: `refresh` (default False).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.latest_version <package1> <package2>
    """
    if not names:
        return ""
    if is_true(kwargs.get("refresh", False)):
        refresh_db()
    installed = list_pkgs()
    offered = _offers(names)
    found = {}
    for name in names:
        newest = offered.get(name, [""])[0]
        found[name] = newest if newest and newest != installed.get(name) else ""
    return _pkg.single(found, names)


available_version = latest_version


def _offers(names: Any) -> Dict[str, List[str]]:
    """Package -> versions that `apk policy` names, newest first."""
    found: Dict[str, List[str]] = {}
    package = ""
    for line in _apk("policy", *names, ignore_retcode=True)["stdout"].splitlines():
        header = re.match(r"^(\S+) policy:$", line)
        number = re.match(r"^  (\S+):$", line)
        if header:
            package = header.group(1)
        elif number and package:
            found.setdefault(package, []).append(number.group(1))
    return found


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """Whether a newer version of a package is on offer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade_available <package name>
    """
    return bool(latest_version(name))


def list_upgrades(refresh: Any = True, **kwargs: Any) -> Dict[str, str]:
    """Packages that an upgrade would change, and their new versions.

    Args:
        refresh: fetch the lists of available packages first.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_upgrades
    """
    if is_true(refresh):
        refresh_db()
    text = _tools.output(__salt__, ["apk", "upgrade", "--simulate"])
    return dict(re.findall(r"Upgrading (\S+) \(\S+ -> (\S+)\)", text))


def list_repo_pkgs(*args: str, **kwargs: Any) -> Dict[str, List[str]]:
    """All versions on offer, newest first.

    Args:
        args: packages, also as globs; all if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repo_pkgs foo bar baz
    """
    known = _pairs(_tools.output(__salt__, ["apk", "search", "-v"]))
    names = [name for name in known if not args or any(fnmatch.fnmatch(name, pattern) for pattern in args)]
    return _offers(names) if names else {}


def refresh_db(**kwargs: Any) -> Dict[str, Any]:
    """Fetches the lists of available packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.refresh_db
    """
    _pkg.clear_refresh_mark(__opts__)
    done = _apk("update")
    if done["retcode"]:
        raise CommandExecutionError(
            "Problem encountered updating the package list", info={"result": False, "comment": done["stderr"]}
        )
    return {"result": True, "changes": {}, "comment": "Index update succeeded"}


def install(
    name: Optional[str] = None, refresh: Any = False, pkgs: Any = None, sources: Any = None, **kwargs: Any
) -> Dict[str, Any]:
    """Installs packages; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        refresh: fetch the lists of available packages first.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to an .apk file or its URL; unsigned ones are accepted.
        kwargs: `version` of a single package; also `>=1.2` and `1.2*`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.install <package name>
        salt '*' pkg.install pkgs='["foo", {"bar": "1.2.3-r0"}]'
    """
    wanted, kind = __salt__["pkg_resource.parse_targets"](name, pkgs, sources, **kwargs)
    if not wanted:
        return {}
    words = ["add", *(["--update"] if is_true(refresh) else [])]
    if kind == "file":
        return _change("installing package(s)", [*words, "--allow-untrusted", *wanted])
    targets = []
    for package, number in wanted.items():
        oper, text = _pkg.split_comparison(str(number or ""))
        if text.endswith("*"):  # apk's own way to say that
            oper, text = "~", text.rstrip("*").rstrip(".")
        targets.append(f"{package}{oper or '='}{text}" if number else package)
    return _change("installing package(s)", [*words, *targets])


def _change(action: str, words: List[str]) -> Dict[str, Any]:
    """What a call changed; an error that also tells that, if it failed."""
    old = list_pkgs()
    done = _apk(*words)
    _pkg.forget(__context__)
    return _pkg.finish(action, old, list_pkgs(), _pkg.complaint(done), result=done)


def remove(name: Optional[str] = None, pkgs: Any = None, purge: bool = False, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages; returns what changed.

    Args:
        name: one package, or several with commas between; globs match what is installed.
        pkgs: a list of packages.
        purge: also files that were changed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.remove <package name>
    """
    wanted = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    installed = list_pkgs()
    targets = [package for package in _pkg.match_wildcard(installed, wanted) if package in installed]
    words = ["del", *(["--purge"] if purge else []), *targets]
    return _change("removing package(s)", words) if targets else {}


def purge(name: Optional[str] = None, pkgs: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Removes packages, also files of them that were changed; returns what changed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.purge <package name>
    """
    return remove(name, pkgs, purge=True)


def upgrade(name: Optional[str] = None, pkgs: Any = None, refresh: Any = True, **kwargs: Any) -> Dict[str, Any]:
    """Upgrades packages, all if none is named; returns for each that changed its old and new version.

    Args:
        name: one package, or several with commas between.
        pkgs: a list of packages.
        refresh: fetch the lists of available packages first.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade
    """
    if is_true(refresh):
        refresh_db()
    if not (name or pkgs):
        return _change("upgrading packages", ["upgrade"])
    targets = __salt__["pkg_resource.parse_targets"](name, pkgs)[0] or {}
    return _change("upgrading packages", ["add", "--upgrade", *targets])


def file_list(*packages: str, **kwargs: Any) -> Dict[str, List[str]]:
    """All files of packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_list httpd postfix
    """
    found = file_dict(*packages)
    return {"errors": found["errors"], "files": [path for paths in found["packages"].values() for path in paths]}


def file_dict(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """The files of packages, by package.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_dict httpd postfix
    """
    if not packages:
        return {"errors": ["package name should be provided"], "packages": {}}
    found: Dict[str, List[str]] = {}
    errors = []
    for package in packages:
        done = _apk("info", "-L", package, ignore_retcode=True)
        lines = [line for line in done["stdout"].splitlines() if line.strip()]
        if done["retcode"] or not lines:
            errors.append(done["stderr"] or f"package {package} is not installed")
        else:
            found[package] = [line if line.startswith("/") else f"/{line}" for line in lines[1:]]
    return {"errors": errors, "packages": found}


def owner(*paths: str, **kwargs: Any) -> Any:
    """The package that a file belongs to, "" if none; of several files, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.owner /usr/bin/apachectl /usr/bin/zsh
    """
    if not paths:
        return "You must provide a path"
    found = {}
    for path in paths:
        text = _apk("info", "-W", path, ignore_retcode=True)["stdout"]
        match = re.search(r" is owned by (\S+?)-\d[^\s-]*-r\d+", text)
        found[path] = match.group(1) if match else ""
    return _pkg.single(found, paths)


def list_holds(**kwargs: Any) -> List[str]:
    """Packages that upgrades leave at a version (those with one in apk's list of what is wanted).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_holds
    """
    try:
        with open(_WORLD, encoding="utf-8") as source:
            return [word.split("=")[0] for word in source.read().split() if "=" in word]
    except OSError as exc:
        raise CommandExecutionError(f"apk's list of wanted packages can't be read: {exc}") from exc


def hold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Holds packages at the version they have.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.hold <package name>
    """
    installed, held = list_pkgs(), list_holds()
    verdicts = {}
    for package in _pkg.named(name, pkgs, sources):
        if package in held:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is already set to be held.")
        elif package not in installed:
            verdicts[package] = _pkg.verdict(package, False, f"Package {package} is not installed.")
        else:
            verdicts[package] = _set_held(package, f"{package}={installed[package]}", "to be held")
    return verdicts


def unhold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets packages be upgraded again.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.unhold <package name>
    """
    held = list_holds()
    verdicts = {}
    for package in _pkg.named(name, pkgs, sources):
        if package in held:
            verdicts[package] = _set_held(package, package, "not to be held")
        else:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is already set not to be held.")
    return verdicts


def _set_held(package: str, wanted: str, state: str) -> Dict[str, Any]:
    if __opts__.get("test"):
        return _pkg.verdict(package, None, f"Package {package} is set {state}.")
    done = _apk("add", wanted)
    if done["retcode"]:
        return _pkg.verdict(package, False, f"Package {package} can't be set {state}: {done['stderr']}")
    old, new = ("", "hold") if "=" in wanted else ("hold", "")
    return {
        **_pkg.verdict(package, True, f"Package {package} is now set {state}."),
        "changes": {"old": old, "new": new},
    }
