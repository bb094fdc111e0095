"""What zypper and rpm tell: files, changes, products, patterns, patches, capabilities."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _rpm, _tools, _zypper

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "pkg"

_CACHE = "var/cache/zypp/packages"
_SEARCH_OPTIONS = {
    "provides": "--provides",
    "recommends": "--recommends",
    "requires": "--requires",
    "suggests": "--suggests",
    "conflicts": "--conflicts",
    "obsoletes": "--obsoletes",
    "file_list": "--file-list",
    "search_descriptions": "--search-descriptions",
    "case_sensitive": "--case-sensitive",
    "installed_only": "--installed-only",
    "not_installed_only": "--not-installed-only",
    "details": "--details",
}


def __virtual__() -> Any:
    return _zypper.is_suse(__grains__)


def list_downloaded(root: Optional[str] = None, **kwargs: Any) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Packages that lie in zypper's cache: name -> version -> path, size and time.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_downloaded
    """
    return _rpm.downloaded(__salt__, os.path.join(root or "/", _CACHE))


def download(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """Fetches packages without installing them; returns where they lie.

    Args:
        packages: names.
        kwargs: `refresh` (default False), `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.download httpd postfix
    """
    if not packages:
        raise SaltInvocationError("No packages specified")
    refresh = is_true(kwargs.get("refresh", False))
    done = _zypper.run(__salt__, ["download", *packages], kwargs.get("root"), xml=True, refresh=refresh)
    found: Dict[str, Any] = {}
    for node in _zypper.nodes(done["stdout"], "download-result"):
        about, place = node.find("solvable"), node.find("localfile")
        path = place.get("path") if place is not None else None
        if about is not None and path and __salt__["lowpkg.checksum"](path)[path]:
            found[about.get("name")] = {
                "path": path,
                "repository-name": (node.find("repository") or {}).get("name"),
                "repository-alias": (node.find("repository") or {}).get("alias"),
            }
    missing = ", ".join(package for package in packages if package not in found)
    if not found:
        raise CommandExecutionError(f"Unable to download packages: {missing}")
    if missing:
        found["_error"] = f"The following package(s) failed to download: {missing}"
    return found


def search(criteria: str, refresh: Any = False, **kwargs: Any) -> Dict[str, Dict[str, str]]:
    """Packages that match, and what zypper shows of them.

    Args:
        criteria: what to look for.
        refresh: fetch the lists of available packages first.
        kwargs: `match` (words, exact, substrings), `root`, and the switches provides, recommends, requires, suggests,
            conflicts, obsoletes, file_list, search_descriptions, case_sensitive, installed_only,
            not_installed_only, details.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.search <criteria> match=exact installed_only=True
    """
    root = kwargs.get("root")
    if is_true(refresh):
        __salt__["pkg.refresh_db"](root=root)
    match = kwargs.get("match")
    words = ["search", *([f"--match-{match}"] if match in ("exact", "words", "substrings") else [])]
    words += [option for name, option in _SEARCH_OPTIONS.items() if is_true(kwargs.get(name, False))]
    found = _zypper.rows(__salt__, [*words, criteria], "solvable", root, failhard=False)
    if not found:
        raise CommandExecutionError(f"No packages found matching '{criteria}'")
    return {node.get("name", ""): dict(node.attrib) for node in found}


def list_products(all: bool = False, refresh: Any = False, root: Optional[str] = None) -> List[Dict[str, Any]]:
    """Products, installed or with `all` also available.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_products
    """
    if is_true(refresh):
        __salt__["pkg.refresh_db"](root=root)
    words = ["products"] if all else ["--disable-repositories", "products", "-i"]
    found = []
    for node in _zypper.rows(__salt__, words, "product", root):
        about: Dict[str, Any] = {
            key: value in ("true", "1") if key in ("isbase", "installed") else value
            for key, value in node.attrib.items()
            if value
        }
        end = node.find("endoflife")
        if end is not None:
            about.update(eol=end.get("text"), eol_t=int(end.get("time_t") or 0))
        about["description"] = " ".join((node.findtext("description") or "").split())
        found.append(about)
    return found


def _solvables(kind: str, root: Optional[str]) -> Dict[str, Dict[str, Any]]:
    found = _zypper.rows(__salt__, ["search", "-t", kind], "solvable", root, failhard=False)
    return {
        node.get("name", ""): {"installed": node.get("status") == "installed", "summary": node.get("summary", "")}
        for node in found
    }


def list_patterns(refresh: Any = False, root: Optional[str] = None) -> Dict[str, Dict[str, Any]]:
    """Patterns: whether they are installed, and what they are.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_patterns
    """
    if is_true(refresh):
        __salt__["pkg.refresh_db"](root=root)
    return _solvables("pattern", root)


def list_installed_patterns(root: Optional[str] = None) -> Dict[str, Dict[str, Any]]:
    """Patterns that are installed, also those that zypper does not show.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_installed_patterns
    """
    found = {name: about for name, about in _solvables("pattern", root).items() if about["installed"]}
    words = ["rpm", *(["--root", root] if root else []), "-q", "--provides", "--whatprovides", "pattern()"]
    text = _tools.result(__salt__, words, ignore_retcode=True)["stdout"]
    for name in re.findall(r"^pattern\(\) = ([^.\s]\S*)", text, re.M):
        found.setdefault(name, {"installed": True, "summary": "Non-visible pattern"})
    return found


def list_patches(refresh: Any = False, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Patches: whether they are installed, and what they are.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_patches
    """
    if is_true(refresh):
        __salt__["pkg.refresh_db"](root=root)
    return _solvables("patch", root)


def list_installed_patches(root: Optional[str] = None, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Patches that are installed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_installed_patches
    """
    return {name: about for name, about in _solvables("patch", root).items() if about["installed"]}


def list_provides(root: Optional[str] = None, **kwargs: Any) -> Dict[str, List[str]]:
    """Capability -> installed packages of other names that provide it.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_provides
    """
    words = ["rpm", *(["--root", root] if root else []), "-qa", "--queryformat", "[%{PROVIDES} %{=NAME}\\n]"]
    found: Dict[str, List[str]] = {}
    for line in _tools.output(__salt__, words).splitlines():
        capability, _, name = line.rpartition(" ")
        if capability != name:
            found.setdefault(capability, []).append(name)
    return found


def resolve_capabilities(pkgs: Any, refresh: Any = False, root: Optional[str] = None, **kwargs: Any) -> List[Any]:
    """The packages, with those that are capabilities replaced by what provides them.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.resolve_capabilities resolve_capabilities=True w3m_ssl
    """
    if is_true(refresh):
        __salt__["pkg.refresh_db"](root=root)
    found: List[Any] = []
    for package in _pkg.targets(pkgs):
        name, number = next(iter(package.items())) if isinstance(package, dict) else (package, None)
        if kwargs.get("resolve_capabilities"):
            name = _provider(name, root)
        found.append({name: number} if number else name)
    return found


def _provider(name: str, root: Optional[str]) -> str:
    """The one package that provides a capability; the name itself if it is a package, or if it is not clear."""
    for options in ({}, {"provides": True}):
        try:
            matches = search(name, root=root, match="exact", **options)
        except CommandExecutionError:
            continue
        return next(iter(matches)) if len(matches) == 1 else name
    return name


def services_need_restart(root: Optional[str] = None, **kwargs: Any) -> List[str]:
    """Services that still use files which were replaced by package upgrades.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.services_need_restart
    """
    return list(_zypper.run(__salt__, ["ps", "-sss"], root)["stdout"].split())
