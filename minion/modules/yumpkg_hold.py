"""Packages that dnf or yum shall keep at the version they have (`versionlock`)."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from minion.errors import SaltInvocationError
from minion.modules import _pkg, _yum

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_PLUGINS = {
    "dnf": (
        "python3-dnf-plugin-versionlock",
        "python3-dnf-plugins-extras-versionlock",
        "python2-dnf-plugin-versionlock",
        "dnf-plugin-versionlock",
    ),
    "dnf5": ("dnf5", "libdnf5"),
    "yum": ("yum-plugin-versionlock",),
}
_NAME = r"[\w+]+(?:[.-][^-]+)*"


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


def _need_plugin() -> None:
    plugins = _PLUGINS.get(str(_yum.program()))
    if plugins is None:
        raise SaltInvocationError(f"Cannot proceed, no versionlock for {_yum.program()}")
    installed = __salt__["pkg.list_pkgs"]()
    if not any(plugin in installed for plugin in plugins):
        raise SaltInvocationError(f"Cannot proceed, {plugins[0]} is not installed.")


def list_holds(pattern: str = _NAME, full: bool = True) -> List[str]:
    """What is held.

    Args:
        pattern: regular expression for names of packages.
        full: with version, as the package manager shows it; otherwise just the name.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_holds full=False
    """
    _need_plugin()
    text = _yum.run(__salt__, ["versionlock", "list"], ignore_retcode=True)["stdout"]
    locks = [lock for lock in _locks(text) if re.fullmatch(pattern, lock[0])]
    return [lock[1] if full else lock[0] for lock in locks]


get_locked_packages = list_holds


def _locks(text: str) -> List[Tuple[str, str]]:
    """(name, the whole lock), from the three forms that there are."""
    found = []
    for line in text.splitlines():
        words = line.strip()
        match = (
            re.fullmatch(r"!?(?P<name>.+)-\d+:[^-]+-[^-]+", words)  # dnf: bash-0:5.1.8-6.el9.*
            or re.fullmatch(r"!?\d+:(?P<name>.+)-[^-]+-[^-]+", words)  # yum: 0:bash-4.2.46-31.el7.*
            or re.fullmatch(r"Package name: (?P<name>\S+)", words)  # dnf5, followed by its version
        )
        if match:
            found.append((match.group("name"), words.replace("Package name: ", "")))
        evr = re.fullmatch(r"evr = (\S+)", words)
        if evr and found:
            name = found[-1][0]
            found[-1] = (name, f"{name}-{evr.group(1)}")
    return found


def hold(
    name: Optional[str] = None, pkgs: Any = None, sources: Any = None, normalize: bool = True, **kwargs: Any
) -> Dict[str, Any]:
    """Holds packages at the version they have.

    Args:
        name: one package.
        pkgs: a list of packages.
        sources: a list as for `pkg.install`; its names are held.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.hold <package name>
    """
    held = list_holds(full=False)
    verdicts = {}
    for package in _pkg.named(name, pkgs, sources):
        if package in held:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is already set to be held.")
        elif __opts__.get("test"):
            verdicts[package] = _pkg.verdict(package, None, f"Package {package} is set to be held.")
        elif _yum.run(__salt__, ["versionlock", "add", package])["retcode"]:
            verdicts[package] = _pkg.verdict(package, False, f"Package {package} was unable to be held.")
        else:
            changes = {"new": "hold", "old": ""}
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is now being held.", changes)
    return verdicts


def unhold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets packages be upgraded again.

    Args:
        name: one package.
        pkgs: a list of packages.
        sources: a list as for `pkg.install`; its names are released.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.unhold <package name>
    """
    _need_plugin()
    text = _yum.run(__salt__, ["versionlock", "list"], ignore_retcode=True)["stdout"]
    verdicts = {}
    for package in _pkg.named(name, pkgs, sources):
        locks = [lock for known, lock in _locks(text) if known == package]
        if not locks:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is not being held.")
        elif __opts__.get("test"):
            verdicts[package] = _pkg.verdict(package, None, f"Package {package} is set to be unheld.")
        elif _yum.run(__salt__, ["versionlock", "delete", *([package] if _yum.is_dnf() else locks)])["retcode"]:
            verdicts[package] = _pkg.verdict(package, False, f"Package {package} was unable to be unheld.")
        else:
            changes = {"new": "", "old": "hold"}
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is no longer held.", changes)
    return verdicts
