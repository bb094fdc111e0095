"""What rpm and dnf tell of packages: files, owners, changes, downloads, advisories, services to restart."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _rpm, _tools, _yum

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


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
    return __salt__["lowpkg.file_list"](*packages)


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """The files of packages, by package; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.file_dict httpd postfix
    """
    return __salt__["lowpkg.file_dict"](*packages)


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


def list_downloaded(**kwargs: Any) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Packages that lie in the package manager's cache: name -> version -> path, size and time.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_downloaded
    """
    return _rpm.downloaded(__salt__, os.path.join("/var/cache", str(_yum.program())))


def download(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """Fetches packages without installing them; returns where they lie.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.download httpd postfix
    """
    if not packages:
        raise SaltInvocationError("No packages were specified")
    folder = os.path.join("/var/cache", str(_yum.program()), "packages")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        if name.startswith(tuple(f"{package}-" for package in packages)):
            os.unlink(os.path.join(folder, name))
    command = [str(_yum.program()), "download"] if _yum.is_dnf() else ["yumdownloader"]
    done = _tools.result(__salt__, [*command, "-q", f"--destdir={folder}", *packages], ignore_retcode=True)
    found: Dict[str, Any] = {}
    for name in sorted(os.listdir(folder)):
        package = next((package for package in packages if name.startswith(f"{package}-")), None)
        if package and name.endswith(".rpm"):
            found[package] = os.path.join(folder, name)
    missing = ", ".join(package for package in packages if package not in found)
    if not found:
        raise CommandExecutionError(f"Unable to download any of the following packages: {missing}: {done['stderr']}")
    if missing:
        found["_error"] = f"The following package(s) failed to download: {missing}"
    return found


def diff(*paths: str, **kwargs: Any) -> Dict[str, str]:
    """Differences between files and what their packages, fetched for that, hold.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.diff /etc/apache2/httpd.conf /etc/sudoers
    """
    found: Dict[str, str] = {}
    by_package: Dict[str, List[str]] = {}
    for path in paths:
        package = __salt__["lowpkg.owner"](path)
        if package:
            by_package.setdefault(package, []).append(path)
        else:
            found[path] = "Not managed" if os.path.exists(path) else "N/A"
    files = download(*by_package) if by_package else {}
    for package, owned in by_package.items():
        for path in owned:
            found[path] = __salt__["lowpkg.diff"](files[package], path) or "Unchanged"
    return found


def list_patches(refresh: Any = False, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Advisories: id -> whether it is installed, and its packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_patches
    """
    if _pkg.is_true(refresh):
        __salt__["pkg.refresh_db"]()
    text = _yum.run(__salt__, ["--quiet", "updateinfo", "list", "all"], ignore_retcode=True)["stdout"]
    found: Dict[str, Dict[str, Any]] = {}
    for mark, advisory, package in re.findall(r"^([i ])? ?(\S+) +\S+ +(\S+)", text, re.M):
        entry = found.setdefault(advisory, {"installed": True, "summary": []})
        entry["installed"] = entry["installed"] and mark == "i"
        entry["summary"].append(package)
    return found


def list_installed_patches(**kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Advisories all of whose packages are installed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_installed_patches
    """
    return {advisory: entry for advisory, entry in list_patches().items() if entry["installed"]}


def services_need_restart(**kwargs: Any) -> List[str]:
    """Services that still use files which were replaced by package upgrades.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.services_need_restart
    """
    if not _yum.is_dnf():
        raise CommandExecutionError("dnf or dnf5 is required to list outdated services.")
    if not os.path.isdir("/run/systemd/system"):
        raise CommandExecutionError("systemd is required to list outdated services.")
    text = _yum.run(__salt__, ["--quiet", "needs-restarting"], ignore_retcode=True)["stdout"]
    units = {_unit_of(pid) for pid in re.findall(r"^\s*(\d+)\s*:", text, re.M)}
    return sorted(unit for unit in units if unit)


def _unit_of(pid: str) -> str:
    """The service that a process belongs to."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as groups:
            match = re.search(r"/([^/\n]+)\.service(?:/|$)", groups.read(), re.M)
    except OSError:
        return ""
    return match.group(1) if match else ""
