"""Where dnf and yum get packages from: the .repo files."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _ini, _pkg, _yum

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_LINKS = ("baseurl", "mirrorlist", "metalink")
_CONFIGURATIONS = ("/etc/dnf/dnf.conf", "/etc/yum/yum.conf", "/etc/yum.conf")
_FOLDERS = ["/etc/yum.repos.d", "/etc/yum/repos.d", "/etc/distro.repos.d"]


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


def _folders(basedir: Any) -> List[str]:
    """The given folders, else those that the package manager is configured to read."""
    given = [str(folder).strip() for folder in _pkg.targets(basedir or [])]
    if given:
        return given
    for path in _CONFIGURATIONS:
        main = _ini.read(path, "=", None).get("main")
        if isinstance(main, _ini.Section) and main.get("reposdir"):
            return re.split(r"[\s,]+", str(main["reposdir"]).strip())
    return _FOLDERS


def _files(folders: List[str]) -> Iterator[Tuple[str, _ini.Section]]:
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            if name.endswith(".repo"):
                path = os.path.join(folder, name)
                yield path, _ini.read(path, "=", None)


def _settings(section: _ini.Section) -> Dict[str, Any]:
    """A repository's settings, and the comments among them."""
    found: Dict[str, Any] = {}
    for key, value in section.items():
        if not key.startswith("#"):
            found[key.lower()] = "\n".join(line.strip() for line in str(value).split("\n"))
        elif value.lstrip().startswith("#"):
            found.setdefault("comments", []).append(value.strip().lstrip("#").strip())
    return found


def _locate(repo: str, folders: List[str]) -> Tuple[str, Optional[_ini.Section]]:
    """The file that a repository stands in, and what that holds."""
    for path, root in _files(folders):
        if isinstance(root.get(repo), _ini.Section):
            return path, root
    return "", None


def _copr_id(repo: str) -> str:
    """`copr:OWNER/PROJECT` as the name its repository has."""
    if not repo.startswith("copr:"):
        return repo
    match = re.fullmatch(r"copr:(@?[\w.-]+)/([\w.-]+)", repo)
    if not match:
        raise SaltInvocationError(f"{repo} is not of the form copr:OWNER/PROJECT")
    owner = match.group(1).replace("@", "group_")
    return f"copr:copr.fedorainfracloud.org:{owner}:{match.group(2)}"


def list_repos(basedir: Any = None, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Repository -> its settings and its file.

    Args:
        basedir: folders to look at, as a list or with commas between, instead of the configured ones.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repos basedir=/path/to/dir,/path/to/another/dir
    """
    return {
        name: {**_settings(section), "file": path}
        for path, root in _files(_folders(basedir))
        for name, section in root.items()
        if isinstance(section, _ini.Section)
    }


def get_repo(repo: str, basedir: Any = None, **kwargs: Any) -> Dict[str, Any]:
    """The settings of a repository; {} if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.get_repo epel
    """
    name = _copr_id(repo)
    _, root = _locate(name, _folders(basedir))
    return {} if root is None else _settings(root[name])


def del_repo(repo: str, basedir: Any = None, **kwargs: Any) -> str:
    """Removes a repository, and its file if nothing else is in it.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.del_repo epel
    """
    name, folders = _copr_id(repo), _folders(basedir)
    path, root = _locate(name, folders)
    if root is None:
        return f"Error: the {name} repo does not exist in {folders}"
    del root[name]
    if any(isinstance(section, _ini.Section) for section in root.values()):
        _ini.write(path, root, None, no_spaces=True)
        return f"Repo {name} has been removed from {path}"
    os.remove(path)
    return f"File {path} containing repo {name} has been removed"


def mod_repo(repo: str, basedir: Any = None, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Changes a repository, or adds it; returns its file and all repositories in it.

    Args:
        repo: its id, or `copr:OWNER/PROJECT`.
        basedir: folders to look at, as a list or with commas between, instead of the configured ones.
        kwargs: settings as in a .repo file; an empty one is removed. A new repository needs `name`, and one of
            `baseurl`, `mirrorlist` and `metalink`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.mod_repo reponame enabled=1 gpgcheck=1
        salt '*' pkg.mod_repo reponame name='Human name' baseurl=http://host/to/repo
    """
    name, folders = _copr_id(repo), _folders(basedir)
    given = {
        key: value
        for key, value in kwargs.items()
        if not key.startswith("__") and key not in ("saltenv", "strict_config")
    }
    wanted = {key: value for key, value in given.items() if value or value == 0}
    dropped = [key for key in given if key not in wanted]
    links = [link for link in _LINKS if link in wanted]
    if len(links) > 1:
        raise SaltInvocationError(f"One and only one of {', '.join(_LINKS)} can be used")
    if "name" in dropped:
        raise SaltInvocationError("The repo name cannot be deleted")
    if links:
        dropped += [link for link in _LINKS if link not in links]
    path, root = _locate(name, folders)
    if root is None:
        path, root = _new(repo, name, folders, wanted)
    section: _ini.Section = root[name]
    kept = [link for link in _LINKS if (link in section and link not in dropped) or link in wanted]
    if not kept:
        gone = next(link for link in _LINKS if link in dropped)
        others = " or ".join(link for link in _LINKS if link != gone)
        raise SaltInvocationError(f"Cannot delete {gone} without specifying {others}")
    for key in dropped:
        section.pop(key, None)
    for key, value in wanted.items():
        section[key] = _text(value)
    _ini.write(path, root, None, no_spaces=True)
    return {path: {key: _settings(value) for key, value in root.items() if isinstance(value, _ini.Section)}}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    lines = value if isinstance(value, list) else str(value).split("\n")
    return "\n    ".join(str(line).strip() for line in lines)


def _new(repo: str, name: str, folders: List[str], wanted: Dict[str, Any]) -> Tuple[str, _ini.Section]:
    """A file for a new repository; a COPR project is switched on by its plugin, which knows its settings."""
    if repo.startswith("copr:"):
        done = _yum.run(__salt__, ["copr", "enable", "-y", repo[5:]])
        path, root = _locate(name, folders)
        if done["retcode"] or root is None:
            raise CommandExecutionError(f"Unable to add COPR '{repo[5:]}': {done['stderr'] or done['stdout']}")
        return path, root
    folder = next(filter(os.path.isdir, folders), None)
    missing = "The repo does not exist and needs to be created, but "
    if folder is None:
        raise SaltInvocationError(f"{missing}none of the following basedir directories exist: {folders}")
    if "name" not in wanted:
        raise SaltInvocationError(f"{missing}a name was not given")
    if not any(link in wanted for link in _LINKS):
        raise SaltInvocationError(f"{missing}none of {', '.join(_LINKS)} was given")
    path = os.path.join(folder, f"{name}.repo")
    root = _ini.read(path, "=", None)
    root[name] = _ini.Section(name)
    return path, root
