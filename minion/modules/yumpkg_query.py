"""What rpm and dnf tell of packages: files, owners, changes, downloads, advisories, services to restart."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List

from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _rpm, _tools, _yum

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


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


def list_patches(refresh: Any = False, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Advisories: id -> whether it is installed, and its packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_patches
    """
    if is_true(refresh):
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
