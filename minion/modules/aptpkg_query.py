"""What APT and dpkg tell: versions on offer, upgrades, files, owners, details."""

from __future__ import annotations

import datetime
import os
import re
from typing import Any, Callable, Dict, Iterator, List, Optional

from minion.data import is_true
from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from minion.modules import _apt, _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_CACHE = "var/cache/apt"
_COMMON_NAMES = {
    "package": "name",
    "origin": "vendor",
    "section": "group",
    "maintainer": "packager",
    "homepage": "url",
}


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def latest_version(*names: str, **kwargs: Any) -> Any:
    """The version that an upgrade or installation would bring, "" if the newest is installed; of several, a mapping.

    Args:
        names: packages.
        kwargs: `refresh` (default True), `cache_valid_time`, `fromrepo` (a release), `show_installed` to return
            the newest version also where it is installed.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.latest_version <package name>
        salt '*' pkg.latest_version <package1> <package2> fromrepo=unstable
    """
    if "repo" in kwargs:
        raise SaltInvocationError("The 'repo' argument is invalid, use 'fromrepo' instead")
    if not names:
        return ""
    if is_true(kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"](kwargs.get("cache_valid_time", 0))
    options = ["-o", f"APT::Default-Release={kwargs['fromrepo']}"] if kwargs.get("fromrepo") else []
    done = _apt.run(__salt__, ["apt-cache", "-q", "policy", *options, *names])
    candidates = _parse_policy(done["stdout"])
    installed = __salt__["pkg.list_pkgs"](versions_as_list=True)
    show_installed = is_true(kwargs.get("show_installed", False))
    found = {}
    for name in names:
        candidate = candidates.get(name) or _of_foreign_architecture(name, candidates)
        newest = all(_pkg.compare_deb(number, candidate) < 0 for number in installed.get(name, []))
        found[name] = candidate if newest or show_installed else ""
    return _pkg.single(found, names)


available_version = latest_version


def _parse_policy(text: str) -> Dict[str, str]:
    """`name:` followed by indented lines, one of which is the candidate."""
    candidates: Dict[str, str] = {}
    package = ""
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            package = line[:-1]
        elif line.strip().startswith("Candidate:"):
            candidate = line.split(":", 1)[1].strip()
            candidates[package] = "" if candidate == "(none)" else candidate
    return candidates


def _of_foreign_architecture(name: str, candidates: Dict[str, str]) -> str:
    return next((number for package, number in candidates.items() if package.startswith(f"{name}:")), "")


def upgrade_available(name: str, **kwargs: Any) -> bool:
    """Whether a newer version of a package is on offer.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.upgrade_available <package name>
    """
    return bool(latest_version(name, **kwargs))


def list_upgrades(refresh: Any = True, dist_upgrade: bool = True, **kwargs: Any) -> Dict[str, str]:
    """Packages that an upgrade would change, and their new versions.

    Args:
        refresh: fetch the lists of available packages first.
        dist_upgrade: as `apt-get dist-upgrade` would.
        kwargs: `cache_valid_time`, `fromrepo` (a release).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_upgrades
    """
    if is_true(refresh):
        __salt__["pkg.refresh_db"](kwargs.get("cache_valid_time", 0))
    words = ["apt-get", "--just-print", "dist-upgrade" if dist_upgrade else "upgrade"]
    if kwargs.get("fromrepo"):
        words += ["-o", f"APT::Default-Release={kwargs['fromrepo']}"]
    done = _apt.run(__salt__, words)
    if done["retcode"]:
        raise CommandExecutionError(f"Failed to get upgrades: {done['stderr'] or done['stdout']}")
    return dict(re.findall(r"^Conf (\S+) \((\S+)", done["stdout"], re.M))


def list_repo_pkgs(*args: str, **kwargs: Any) -> Dict[str, List[str]]:
    """All versions on offer, newest first.

    Args:
        args: packages, also as globs; all if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_repo_pkgs foo bar baz
    """
    words = ["apt-cache", "show", *args] if args else ["apt-cache", "dumpavail"]
    text = _apt.run(__salt__, words, ignore_retcode=True)["stdout"]
    found: Dict[str, List[str]] = {}
    for record in _records(text):
        if "Package" in record and "Version" in record:
            versions = found.setdefault(record["Package"], [])
            if record["Version"] not in versions:
                versions.append(record["Version"])
    return found


def _records(text: str) -> Iterator[Dict[str, str]]:
    """Fields of paragraphs that are separated by empty lines; only the first line of each field."""
    for paragraph in text.split("\n\n"):
        yield {key: value.strip() for key, value in re.findall(r"^([A-Za-z][\w-]*):(.*)$", paragraph, re.M)}


def show(*names: str, **kwargs: Any) -> Dict[str, Dict[str, Dict[str, str]]]:
    """What `apt-cache show` says: package -> version -> field -> text.

    Args:
        names: packages, also as globs.
        kwargs: `filter` (names of fields, with commas between), `refresh` (default False).

    CLI Example:

    .. code-block:: bash

        salt myminion pkg.show gawk
        salt myminion pkg.show 'nginx-*' filter=description,provides
    """
    unknown = [key for key in kwargs if key not in ("filter", "refresh") and not key.startswith("__")]
    if unknown:
        raise SaltInvocationError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
    if is_true(kwargs.get("refresh", False)):
        __salt__["pkg.refresh_db"]()
    if not names:
        return {}
    wanted = {str(key).strip().lower() for key in _pkg.targets(kwargs.get("filter") or [])}
    found: Dict[str, Dict[str, Dict[str, str]]] = {}
    for record in _records(_apt.run(__salt__, ["apt-cache", "show", *names])["stdout"]):
        name, number = record.pop("Package", None), record.pop("Version", None)
        if name and number:
            fields = {key: value for key, value in record.items() if not wanted or key.lower() in wanted}
            found.setdefault(name, {}).setdefault(number, {}).update(fields)
    return found


def info_installed(*names: str, **kwargs: Any) -> Dict[str, Dict[str, str]]:
    """Details of installed packages, under the names of fields that all distributions share.

    Args:
        names: packages; all if none is named.
        kwargs: `failhard=False` returns nothing for packages that are not installed, instead of an error.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.info_installed <package1> <package2>
    """
    found = {}
    details = __salt__["lowpkg.info"](*names, failhard=kwargs.get("failhard", True))
    for name, fields in details.items():
        if fields.get("status", "ii")[1] == "i":
            found[name] = {_COMMON_NAMES.get(key, key): value for key, value in fields.items() if key != "status"}
    return found


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

        salt '*' pkg.owner /usr/bin/apachectl /usr/bin/basename
    """
    if not paths:
        return ""
    found = {path: _owner(path) or "" for path in paths}
    return _pkg.single(found, paths)


def _owner(path: str) -> Optional[str]:
    done = _tools.result(__salt__, ["dpkg", "-S", path], ignore_retcode=True)
    for line in done["stdout"].splitlines():
        if not line.startswith("diversion by "):
            return str(line.split(":")[0])
    return None


def which(path: str) -> Any:
    """The package that installed a file; None if none did, False if there is no such file.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.which /usr/bin/basename
    """
    return _owner(path) if os.path.isabs(path) and os.path.exists(path) else False


def list_downloaded(root: Optional[str] = None, **kwargs: Any) -> Dict[str, Dict[str, Dict[str, Any]]]:
    """Packages that lie in APT's cache: name -> version -> path, size and time.

    Args:
        root: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.list_downloaded
    """
    found: Dict[str, Dict[str, Dict[str, Any]]] = {}
    for folder, _, files in os.walk(os.path.join(root or "/", _CACHE)):
        for file in sorted(files):
            if file.endswith(".deb"):
                path = os.path.join(folder, file)
                about = __salt__["lowpkg.bin_pkg_info"](path)
                state = os.stat(path)
                created = datetime.datetime.fromtimestamp(int(state.st_ctime), datetime.timezone.utc)
                found.setdefault(about["name"], {})[about["version"]] = {
                    "path": path,
                    "size": state.st_size,
                    "creation_date_time_t": int(state.st_ctime),
                    "creation_date_time": created.replace(tzinfo=None).isoformat(),
                }
    return found


def services_need_restart(**kwargs: Any) -> List[str]:
    """Services that still use files which were replaced by package upgrades (needs debian-goodies).

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.services_need_restart
    """
    if not _tools.which("checkrestart"):
        raise CommandNotFoundError(
            "'checkrestart' is needed. It is part of the 'debian-goodies' "
            "package which can be installed from official repositories."
        )
    text = _tools.output(__salt__, ["checkrestart", "--machine", "--package"])
    return sorted(set(re.findall(r"^SERVICE:([^,\n]*)", text, re.M)))
