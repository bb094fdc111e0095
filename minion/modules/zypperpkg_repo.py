"""Where zypper gets packages from, and packages that it shall keep as they are."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, Optional
from urllib.parse import urlsplit

from minion.data import is_true
from minion.errors import CommandExecutionError
from minion.modules import _ini, _pkg, _zypper

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_REPOS, _LOCKS = "etc/zypp/repos.d", "etc/zypp/locks"
_SWITCHES = {
    "enabled": ("--enable", "--disable"),
    "refresh": ("--refresh", "--no-refresh"),
    "cache": ("--keep-packages", "--no-keep-packages"),
    "gpgcheck": ("--gpgcheck", "--no-gpgcheck"),
}


def __virtual__() -> Any:
    return _zypper.is_suse(__grains__)


def list_repos(root: Optional[str] = None, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Repository -> its settings.

    CLI Example:

    .. code-block:: bash

       salt '*' pkg.list_repos
    """
    folder = os.path.join(root or "/", _REPOS)
    found: Dict[str, Dict[str, Any]] = {}
    for file in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if file.endswith(".repo"):
            for alias, section in _ini.read(os.path.join(folder, file), "=", None).items():
                if isinstance(section, _ini.Section):
                    found[alias] = {
                        **{key.lower(): _value(v) for key, v in _ini.plain(section).items()},
                        "alias": alias,
                    }
    return found


def _value(text: str) -> Any:
    return {"0": False, "1": True, "NONE": None}.get(text, text)


def get_repo(repo: str, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """The settings of a repository; {} if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.get_repo alias
    """
    return list_repos(root).get(repo, {})


def del_repo(repo: str, root: Optional[str] = None) -> Dict[str, Any]:
    """Removes a repository.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.del_repo alias
    """
    if repo not in list_repos(root):
        raise CommandExecutionError(f"Repository '{repo}' not found.")
    done = _zypper.run(__salt__, ["removerepo", "--loose-auth", "--loose-query", repo], root, xml=True)
    messages = [node.text for node in _zypper.nodes(done["stdout"], "message")]
    return {repo: True, "message": messages[0] if messages else ""}


def mod_repo(repo: str, **kwargs: Any) -> Dict[str, Any]:
    """Changes a repository, or adds it; returns its settings.

    Args:
        repo: its alias.
        kwargs: `url` (or `mirrorlist`, or `baseurl`), needed for a new one; `name` (or `humanname`), `enabled`,
            `refresh`, `cache` (keep packages), `gpgcheck`, `priority`; `gpgautoimport=True` refreshes it and accepts
            its key; `root`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.mod_repo alias name='Human name' url=http://host/to/repo
    """
    root = kwargs.get("root")
    known = get_repo(repo, root)
    url = kwargs.get("url") or kwargs.get("mirrorlist") or kwargs.get("baseurl")
    if known and kwargs.get("baseurl") and kwargs["baseurl"] != known.get("baseurl"):
        del_repo(repo, root)
        kwargs = {"cache": False, **{key: value for key, value in known.items() if value is not None}, **kwargs}
        kwargs.pop("alias", None)
    is_new = repo not in list_repos(root)
    if is_new:
        _add(repo, url, root)
    options = [flags[0 if is_true(kwargs[name]) else 1] for name, flags in _SWITCHES.items() if name in kwargs]
    if "priority" in kwargs:
        options.append(f"--priority={kwargs['priority']}")
    name = kwargs.get("name") or kwargs.get("humanname")
    if name:
        options += ["--name", str(name)]
    if options:
        _zypper.run(__salt__, ["modifyrepo", *options, repo], root, xml=True)
    if kwargs.get("gpgautoimport") is True:
        __salt__["pkg.refresh_db"](root=root, gpgautoimport=True, repos=[repo])
    found = get_repo(repo, root)
    if not (options or is_new or kwargs.get("gpgautoimport")):
        found["comment"] = "Specified arguments did not result in modification of repo"
    return found


def _add(repo: str, url: Optional[str], root: Optional[str]) -> None:
    if not url:
        raise CommandExecutionError(
            f"Repository '{repo}' not found, and neither 'baseurl' nor 'mirrorlist' was specified"
        )
    if not urlsplit(url).scheme:
        raise CommandExecutionError(f"Repository '{repo}' not found and URL for baseurl/mirrorlist is malformed")
    for alias, settings in list_repos(root).items():
        if str(settings.get("baseurl") or "").rstrip("/") == url.rstrip("/"):
            raise CommandExecutionError(f"Repository '{repo}' already exists as '{alias}'.")
    _zypper.run(__salt__, ["addrepo", url, repo], root, xml=True)
    if repo not in list_repos(root):
        raise CommandExecutionError(f"Failed add new repository '{repo}' for unspecified reason. Check zypper's logs.")


# Locks


def list_locks(root: Optional[str] = None) -> Dict[str, Dict[str, str]]:
    """Package -> what zypper's file of locks says of it.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_locks
    """
    try:
        with open(os.path.join(root or "/", _LOCKS), encoding="utf-8") as source:
            text = source.read()
    except OSError:
        return {}
    found = {}
    for paragraph in re.split(r"\n\s*\n", text):
        fields = {key: value.strip() for key, value in re.findall(r"^(\w+):(.*)$", paragraph, re.M)}
        name = fields.pop("solvable_name", None)
        if name:
            found[name] = fields
    return found


def clean_locks(root: Optional[str] = None) -> Dict[str, Any]:
    """Removes locks that are of no use; returns how many.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.clean_locks
    """
    if not os.path.exists(os.path.join(root or "/", _LOCKS)):
        return {"removed": 0}
    text = _zypper.run(__salt__, ["cleanlocks"], root, xml=True)["stdout"]
    removed = re.search(r"[Rr]emoved (\d+)", text)
    return {"removed": removed.group(1) if removed else 0}


def list_holds(
    pattern: Optional[str] = None, full: bool = True, root: Optional[str] = None, **kwargs: Any
) -> List[str]:
    """Installed packages that are locked.

    Args:
        pattern: regular expression for their names.
        full: with version; otherwise just the name.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_holds full=False
    """
    names = [name for name, lock in list_locks(root).items() if lock.get("type", "package") == "package"]
    installed = __salt__["pkg.list_pkgs"](root=root, attr=["epoch", "version", "release"])
    found = []
    for name in _pkg.match_wildcard(installed, names):
        for entry in installed.get(name, ()) if not pattern or re.match(pattern, name) else ():
            edition = f"{entry['version']}-{entry['release']}"
            found.append(f"{name}-{entry.get('epoch') or 0}:{edition}.*" if full else name)
    return list(dict.fromkeys(found))


def hold(name: Optional[str] = None, pkgs: Any = None, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """Holds packages at the version they have.

    Args:
        name: one package.
        pkgs: list of names or of one-element mappings of a name to a version.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.hold <package name>
    """
    locks = list_locks(root)
    verdicts, added = {}, []
    for package, number in _versions(name, pkgs).items():
        if package in locks:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is already set to be held.")
        else:
            added.append(f"{package}={number}" if number else package)
            changes = {"new": "hold", "old": ""}
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is now being held.", changes)
    if added:
        _zypper.run(__salt__, ["addlock", *added], root)
    return verdicts


def unhold(name: Optional[str] = None, pkgs: Any = None, root: Optional[str] = None, **kwargs: Any) -> Dict[str, Any]:
    """Lets packages be upgraded again.

    Args:
        name: one package.
        pkgs: list of names or of one-element mappings of a name to the version it is held at.
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.unhold <package name>
    """
    locks = list_locks(root)
    verdicts, removed = {}, []
    for package, number in _versions(name, pkgs).items():
        locked_at = locks.get(package, {}).get("version", "").lstrip("= ")
        if package not in locks:
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} was already unheld.")
        elif number and number != locked_at:
            comment = f"Unable to unhold package {package} as it is held with the other version."
            verdicts[package] = _pkg.verdict(package, False, comment)
        else:
            removed.append(f"{package}={locked_at}" if locked_at else package)
            changes = {"new": "", "old": "hold"}
            verdicts[package] = _pkg.verdict(package, True, f"Package {package} is no longer held.", changes)
    if removed:
        _zypper.run(__salt__, ["removelock", *removed], root)
    return verdicts


def _versions(name: Optional[str], pkgs: Any) -> Dict[str, Optional[str]]:
    if not name and not pkgs:
        raise CommandExecutionError("Name or packages must be specified.")
    found: Dict[str, Optional[str]] = {}
    for item in _pkg.targets(pkgs) if pkgs else [name]:
        found.update(item if isinstance(item, dict) else {str(item): None})
    return found
