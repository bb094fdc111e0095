"""What `pkg` does alike on all RPM-based systems, whatever gets the packages there."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

from minion.modules import _pkg, _rpm, _yum, _zypper

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"


def __virtual__() -> Any:
    if _yum.is_rpm_system(__grains__) == "pkg" or _zypper.is_suse(__grains__) == "pkg":
        return __virtualname__
    return False, "no system with rpm and dnf, yum or zypper detected"


def normalize_name(name: str) -> str:
    """The name without an architecture that is the system's own.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.normalize_name zsh.x86_64
    """
    return _rpm.normalize(name, _rpm.own_arch(__grains__))


def parse_arch(name: str) -> Dict[str, Optional[str]]:
    """Splits a name into package and architecture.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.parse_arch zsh.x86_64
    """
    return _rpm.split_arch(name)


def version_cmp(pkg1: Any, pkg2: Any, ignore_epoch: bool = False, **kwargs: Any) -> Optional[int]:
    """Compares two versions as rpm does: -1 if the first is older, 0 if they are equal, 1 if it is newer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version_cmp '0.2-001' '0.2.0.1-002'
    """
    return _pkg.compare_rpm(pkg1, pkg2, ignore_epoch)


def version(*names: str, **kwargs: Any) -> Any:
    """The version of an installed package, "" if it is not installed; of several, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.version <package1> <package2> <package3> ...
    """
    return __salt__["pkg_resource.version"](*names, **kwargs)


def info_installed(*names: str, **kwargs: Any) -> Dict[str, Any]:
    """Details of installed packages, under the names of fields that all distributions share.

    Args:
        names: packages.
        kwargs: `attr`: names of attributes with commas between; `all_versions=True`: a list of all installed versions.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.info_installed <package1> <package2> attr=version,vendor
    """
    return _rpm.common_names(__salt__["lowpkg.info"](*names, **kwargs))


def file_list(*packages: str, **kwargs: Any) -> Any:
    """All files of packages; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_list httpd postfix
    """
    return __salt__["lowpkg.file_list"](*packages, **kwargs)


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """The files of packages, by package; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_dict httpd postfix
    """
    return __salt__["lowpkg.file_dict"](*packages, **kwargs)


def owner(*paths: str, **kwargs: Any) -> Any:
    """The package that a file belongs to, "" if none; of several files, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.owner /usr/bin/apachectl /etc/httpd/conf/httpd.conf
    """
    return __salt__["lowpkg.owner"](*paths, **kwargs)


def verify(*names: str, **kwargs: Any) -> Any:
    """Files that are not as their package brought them; see `lowpkg.verify`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.verify httpd ignore_types=['config','doc']
    """
    return __salt__["lowpkg.verify"](*names, **kwargs)


def modified(*packages: str, **flags: Any) -> Any:
    """Files that are not as their package brought them; see `lowpkg.modified`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.modified httpd postfix checksum=True
    """
    return __salt__["lowpkg.modified"](*packages, **flags)


def diff(*paths: str, **kwargs: Any) -> Dict[str, str]:
    """Differences between files and what their packages, fetched for that, hold.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.diff /etc/apache2/httpd.conf /etc/sudoers
    """
    found: Dict[str, str] = {}
    by_package: Dict[str, List[str]] = {}
    for path in paths:
        package = __salt__["lowpkg.owner"](path, **kwargs)
        if package:
            by_package.setdefault(package, []).append(path)
        else:
            found[path] = "Not managed" if os.path.exists(path) else "N/A"
    files = __salt__["pkg.download"](*by_package, **kwargs) if by_package else {}
    for package, owned in by_package.items():
        file = files[package]["path"] if isinstance(files[package], dict) else files[package]
        for path in owned:
            found[path] = __salt__["lowpkg.diff"](file, path) or "Unchanged"
    return found
