"""What `pkg` modules of all distributions need: lists of packages to act on, and versions."""

from __future__ import annotations

import fnmatch
import logging
import os
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion import data, yamlio
from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

log = logging.getLogger(__name__)

_ATTRIBUTES = {"epoch", "version", "release", "arch", "install_date", "install_date_time_t"}


def _normalizer(normalize: bool) -> Callable[[str], str]:
    if normalize and "pkg.normalize_name" in __salt__:
        return __salt__["pkg.normalize_name"]
    return str


def _pack_pkgs(pkgs: Any, normalize: bool = True) -> Dict[str, Optional[str]]:
    """Name -> wanted version (None for any)."""
    if isinstance(pkgs, str):
        pkgs = yamlio.load(pkgs) if pkgs.lstrip().startswith(("[", "-")) else pkgs.split(",")
    clean = _normalizer(normalize)
    packed = {
        clean(str(name)): str(version) if version is not None else None
        for name, version in data.repack_dictlist(pkgs).items()
    }
    if packed and len(packed) != len(pkgs):
        raise SaltInvocationError(
            "You are passing a list of packages that contains duplicated packages names: "
            f"{pkgs}. This cannot be processed. In case you are targeting different versions of the same package, "
            "please target them individually"
        )
    return packed


def pack_sources(sources: Any, normalize: bool = True) -> Dict[str, str]:
    """Packs a list of one-element mappings into one mapping of package name to source.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.pack_sources '[{"foo": "salt://foo.rpm"}, {"bar": "salt://bar.rpm"}]'
    """
    if isinstance(sources, str):
        try:
            sources = yamlio.load(sources)
        except yamlio.YAMLError as exc:
            log.error("Sources are not valid YAML: %s", exc)
            return {}
    if not data.is_dictlist(sources):
        log.error("Invalid input: %s: it must be a list of 1-element dicts", sources)
        return {}
    clean = _normalizer(normalize)
    return {clean(name): source for item in sources for name, source in item.items()}


def parse_targets(
    name: Optional[str] = None,
    pkgs: Any = None,
    sources: Any = None,
    saltenv: str = "base",
    normalize: bool = True,
    **kwargs: Any,
) -> Tuple[Any, Optional[str]]:
    """What `pkg.install` was asked for: (packages, `repository`), (paths, `file`), or (None, None) if that is wrong.

    Args:
        name: one package, or several with commas between.
        pkgs: list of names or of one-element mappings of a name to a version.
        sources: list of one-element mappings of a name to a file or URL, which is fetched.
        saltenv: environment of `salt://` sources.
        normalize: remove from names the architecture that is the system's own.
        kwargs: `version` for a single package.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.parse_targets vim
    """
    version = str(kwargs["version"]) if kwargs.get("version") else None
    if pkgs and sources:
        log.error('Only one of "pkgs" and "sources" can be used.')
        return None, None
    if (pkgs or sources) and version is not None:
        log.warning("'version' argument will be ignored for multiple package targets")
    if "advisory_ids" in kwargs:
        if pkgs:
            log.error('Cannot use "advisory_ids" and "pkgs" at the same time')
            return None, None
        return kwargs["advisory_ids"] or [name], "advisory"
    if pkgs:
        packed = _pack_pkgs(pkgs, normalize)
        return (packed, "repository") if packed else (None, None)
    if sources:
        paths = [_fetch(pkg, source, saltenv) for pkg, source in pack_sources(sources, normalize).items()]
        return (paths, "file") if paths else (None, None)
    if name:
        clean = _normalizer(normalize)
        return {clean(part): version for part in str(name).split(",")}, "repository"
    log.error("No package sources provided")
    return None, None


def _fetch(pkg: str, source: str, saltenv: str) -> str:
    """A package file, fetched if it is not on this host."""
    if "://" in source:
        path = __salt__["cp.cache_file"](source, saltenv)
        if not path:
            raise CommandExecutionError(f"Unable to cache source {source} for package {pkg}")
        return str(path)
    if not os.path.isabs(source):
        raise SaltInvocationError(f"Path {source} for package {pkg} is either not absolute or an invalid protocol")
    return source


def version(*names: str, **kwargs: Any) -> Any:
    """Versions of installed packages: text for one name, a mapping for several or for globs; "" if not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.version vim
        salt '*' pkg_resource.version foo bar baz
        salt '*' pkg_resource.version 'python*'
    """
    as_list = is_true(kwargs.pop("versions_as_list", False))
    found: Dict[str, Any] = {}
    has_glob = any("*" in name for name in names)
    if names:
        installed = __salt__["pkg.list_pkgs"](versions_as_list=True, **kwargs)
        for name in names:
            matches = fnmatch.filter(installed, name) if "*" in name else [name]
            found.update((match, installed.get(match, [])) for match in matches)
    if not as_list:
        _pkg.stringify(found)
    return next(iter(found.values())) if len(found) == 1 and not has_glob else found


def add_pkg(pkgs: Dict[str, List[str]], name: str, pkgver: str) -> None:
    """Adds a version to a mapping of packages, in place.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.add_pkg '{}' bind 9
    """
    pkgs.setdefault(name, []).append(pkgver)


def sort_pkglist(pkgs: Dict[str, List[str]]) -> None:
    """Sorts the versions in a mapping of packages and drops doubles, in place, so that two can be compared.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.sort_pkglist '{"vim": ["3.45", "2.13"]}'
    """
    for name in pkgs:
        pkgs[name] = sorted(set(pkgs[name]))


def stringify(pkgs: Dict[str, Any]) -> None:
    """Joins the versions in a mapping of packages to text, in place.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.stringify '{"vim": ["7.127"]}'
    """
    _pkg.stringify(pkgs)


def version_clean(verstr: str) -> str:
    """A version without what the package manager at hand can do without (`pkg.version_clean`, where there is one).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.version_clean 1.2_3
    """
    if verstr and "pkg.version_clean" in __salt__:
        return str(__salt__["pkg.version_clean"](verstr))
    return verstr


def version_compare(ver1: str, oper: str, ver2: str, ignore_epoch: bool = False) -> bool:
    """Whether a comparison of two versions holds, in the order of this system's package manager.

    Args:
        ver1: the first version.
        oper: one of `==`, `!=`, `>=`, `<=`, `>`, `<`.
        ver2: the second version.
        ignore_epoch: compare without what stands before the colon.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.version_compare '3.5' '<=' '2.4'
    """
    compare = __salt__.get("pkg.version_cmp", _pkg.compare_rpm)
    return _pkg.satisfies(compare, ver1, oper, ver2, ignore_epoch)


def check_extra_requirements(pkgname: str, pkgver: Any) -> bool:
    """Whether an installed package meets further requirements (`pkg.check_extra_requirements`, where there is one).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.check_extra_requirements vim '{"use": "x"}'
    """
    if pkgver and "pkg.check_extra_requirements" in __salt__:
        return bool(__salt__["pkg.check_extra_requirements"](pkgname, pkgver))
    return True


def format_pkg_list(packages: Dict[str, List[Dict[str, Any]]], versions_as_list: bool, attr: Any) -> Dict[str, Any]:
    """Brings what a package manager tells of installed packages into the form `pkg.list_pkgs` promises.

    Args:
        packages: name -> list of mappings with epoch, version, release, arch, install_date, ...
        versions_as_list: lists of versions instead of text.
        attr: `all`, or a list of attributes to return instead of versions.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.format_pkg_list '{"vim": [{"epoch": "", "version": "9", "release": "1"}]}' True None
    """
    if attr:
        return _with_attributes(packages, attr)
    found: Dict[str, Any] = {
        name: [format_version(entry["epoch"], entry["version"], entry["release"]) for entry in entries]
        for name, entries in packages.items()
    }
    if not versions_as_list:
        _pkg.stringify(found)
    return found


def _with_attributes(packages: Dict[str, List[Dict[str, Any]]], attr: Any) -> Dict[str, Any]:
    wanted = _ATTRIBUTES if attr == "all" else _ATTRIBUTES & {*_pkg.targets(attr), "version", "arch"}
    parse_arch: Callable[..., Any] = __salt__.get("pkg.parse_arch", _without_arch)
    found: Dict[str, Any] = {}
    for name, entries in packages.items():
        parsed = parse_arch(name)
        kept = [{key: entry[key] for key in entry if key in wanted} for entry in entries]
        own_arch = any(entry.get("arch") == parsed["arch"] for entry in kept)
        found.setdefault(parsed["name"] if own_arch and parsed["name"] else name, []).extend(kept)
    return found


def format_version(epoch: Any, version: str, release: str) -> str:
    """`epoch:version-release`, without the parts that are empty.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg_resource.format_version 1 2.3 4
    """
    full = f"{epoch}:{version}" if epoch else version
    return f"{full}-{release}" if release else full


def _without_arch(name: str) -> Dict[str, Optional[str]]:
    return {"name": name, "arch": None}
