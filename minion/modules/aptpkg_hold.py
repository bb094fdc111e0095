"""What dpkg shall do with packages: keep them as they are, install or remove them."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from minion import yamlio
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_STATES = ("install", "hold", "deinstall", "purge")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def hold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Holds packages at the version they have.

    Args:
        name: one package.
        pkgs: a list of packages.
        sources: a list as for `pkg.install`; its names are held.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.hold <package name>
        salt '*' pkg.hold pkgs='["foo", "bar"]'
    """
    return {package: _hold(package) for package in _pkg.named(name, pkgs, sources)}


def _hold(package: str) -> Dict[str, Any]:
    if get_selections(package, "hold").get("hold"):
        return _pkg.verdict(package, True, f"Package {package} is already set to be held.")
    if __opts__.get("test"):
        return _pkg.verdict(package, None, f"Package {package} is set to be held.")
    return _select(package, "hold", f"Package {package} is now being held.")


def unhold(name: Optional[str] = None, pkgs: Any = None, sources: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets packages be upgraded again.

    Args:
        name: one package.
        pkgs: a list of packages.
        sources: a list as for `pkg.install`; its names are released.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.unhold <package name>
        salt '*' pkg.unhold pkgs='["foo", "bar"]'
    """
    return {package: _unhold(package) for package in _pkg.named(name, pkgs, sources)}


def _unhold(package: str) -> Dict[str, Any]:
    state = get_selections(package)
    if not state:
        return _pkg.verdict(package, False, f"Package {package} does not have a state.")
    if not state.get("hold"):
        return _pkg.verdict(package, True, f"Package {package} is already set not to be held.")
    if __opts__.get("test"):
        return _pkg.verdict(package, None, f"Package {package} is set not to be held.")
    return _select(package, "install", f"Package {package} is no longer being held.")


def _select(package: str, state: str, comment: str) -> Dict[str, Any]:
    changes = set_selections(selection={state: [package]})
    if package not in changes:
        return _pkg.verdict(package, False, f"Failed to set the state of package {package} to {state}.")
    return _pkg.verdict(package, True, comment, changes[package])


def get_selections(pattern: Optional[str] = None, state: Optional[str] = None) -> Dict[str, List[str]]:
    """State -> packages that dpkg shall bring to it.

    Args:
        pattern: only packages whose name matches this glob.
        state: only this state.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.get_selections 'python-*'
        salt '*' pkg.get_selections 'openssh*' state=hold
    """
    text = _tools.result(__salt__, ["dpkg", "--get-selections", pattern or "*"], ignore_retcode=True)["stdout"]
    found = _parse_selections(text.splitlines())
    return {state: found.get(state, [])} if state else found


def _parse_selections(lines: Iterable[str]) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {}
    for line in lines:
        words = line.split()
        if len(words) == 2:
            found.setdefault(words[1], []).append(words[0])
    return found


def set_selections(
    path: Optional[str] = None, selection: Any = None, clear: bool = False, saltenv: str = "base"
) -> Dict[str, Dict[str, Optional[str]]]:
    """Sets what dpkg shall do with packages; returns for each that changed its old and new state.

    Args:
        path: file in the format of `dpkg --get-selections`, also as a URL.
        selection: mapping of a state (install, hold, deinstall, purge) to packages.
        clear: set every package to deinstall first.
        saltenv: environment of a `salt://` path.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.set_selections selection='{"hold": ["openssh-server", "openssh-client"]}'
        salt '*' pkg.set_selections salt://path/to/file clear=True
    """
    if path and selection:
        raise SaltInvocationError(
            "The 'selection' and 'path' arguments to pkg.set_selections are mutually exclusive, "
            "and cannot be specified together"
        )
    wanted = _read_selection(path, saltenv) if path else _given_selection(selection)
    wrong = [state for state in wanted if state not in _STATES]
    if wrong:
        raise SaltInvocationError(f"Invalid state(s): {', '.join(wrong)}")
    if not wanted or __opts__.get("test"):
        return {}
    if clear:
        done = _tools.result(__salt__, ["dpkg", "--clear-selections"])
        if done["retcode"]:
            raise CommandExecutionError(f"Running dpkg --clear-selections failed: {done['stderr']}")
    known = {package: state for state, packages in get_selections().items() for package in packages}
    lines, changes = [], {}
    for state, packages in wanted.items():
        for package in packages:
            if known.get(package) != state:
                lines.append(f"{package} {state}\n")
                changes[package] = {"old": known.get(package), "new": state}
    if lines:
        _tools.output(__salt__, ["dpkg", "--set-selections"], stdin="".join(lines), stdin_raw_newlines=True)
    return changes


def _read_selection(path: str, saltenv: str) -> Dict[str, List[str]]:
    cached = __salt__["cp.cache_file"](path, saltenv)
    if not cached:
        raise CommandExecutionError(f"File {path} can't be fetched")
    with open(cached, encoding="utf-8") as source:
        return _parse_selections(source)


def _given_selection(selection: Any) -> Mapping[str, List[str]]:
    if isinstance(selection, str):
        try:
            selection = yamlio.load(selection)
        except yamlio.YAMLError as exc:
            raise SaltInvocationError(f"Improperly-formatted selection: {exc}") from exc
    return selection or {}
