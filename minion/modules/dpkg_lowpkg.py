"""What dpkg knows of packages, below the level of repositories."""

from __future__ import annotations

import datetime
import os
import re
from typing import Any, Callable, Dict, List

from minion import data
from minion.data import is_true
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "lowpkg"

_FIELDS = {
    "package": "Package",
    "revision": "binary:Revision",
    "architecture": "Architecture",
    "maintainer": "Maintainer",
    "summary": "Summary",
    "source": "source:Package",
    "version": "Version",
    "section": "Section",
    "size": "Size",
    "MD5": "MD5sum",
    "SHA1": "SHA1",
    "SHA256": "SHA256",
    "origin": "Origin",
    "homepage": "Homepage",
    "status": "db:Status-Abbrev",
    "install_date": "db-fsys:Last-Modified",
    "description": "Description",
}
_FIELD_END, _RECORD_END = "\x1f", "\x1e"


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The dpkg execution module cannot be loaded: only works on Debian family systems."


def bin_pkg_info(path: str, saltenv: str = "base") -> Dict[str, str]:
    """Name, version and architecture of a package file.

    Args:
        path: absolute path, or a URL that is fetched first.
        saltenv: environment of a `salt://` URL.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.bin_pkg_info /root/foo-1.2.3-1ubuntu1_all.deb
    """
    if "://" in path:
        cached = __salt__["cp.cache_file"](path, saltenv)
        if not cached:
            raise CommandExecutionError(f"Unable to retrieve {path} from saltenv '{saltenv}'")
        path = cached
    elif not os.path.exists(path):
        raise CommandExecutionError(f"{path} does not exist on minion")
    elif not os.path.isabs(path):
        raise SaltInvocationError(f"{path} is not an absolute path")
    done = _tools.result(__salt__, ["dpkg-deb", "-f", path, "Package", "Version", "Architecture"])
    fields = dict(line.split(": ", 1) for line in done["stdout"].splitlines() if ": " in line)
    if done["retcode"] or len(fields) < 3:
        raise CommandExecutionError(f"Unable to get info for {path}: {done['stderr'] or 'fields are missing'}")
    name, arch = fields["Package"], fields["Architecture"]
    foreign = arch not in ("all", __grains__.get("osarch", arch))
    return {"name": f"{name}:{arch}" if foreign else name, "version": fields["Version"], "arch": arch}


def unpurge(*packages: str) -> Dict[str, Any]:
    """Selects packages for installation again that were marked to be purged.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.unpurge curl
    """
    if not packages:
        return {}
    old = __salt__["pkg.list_pkgs"](purge_desired=True)
    text = "".join(f"{package} install\n" for package in packages)
    _tools.output(__salt__, ["dpkg", "--set-selections"], stdin=text, stdin_raw_newlines=True)
    _pkg.forget(__context__)
    return data.compare_dicts(old, __salt__["pkg.list_pkgs"](purge_desired=True))


def list_pkgs(*packages: str, **kwargs: Any) -> Any:
    """Names and versions of installed packages; of all if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.list_pkgs
        salt '*' lowpkg.list_pkgs hostname mount
    """
    rows = _query("${db:Status-Status}\t${binary:Package}\t${Version}\n", packages)
    return rows if isinstance(rows, str) else {row[1]: row[2] for row in rows if row[0] == "installed"}


def _query(showformat: str, packages: Any) -> Any:
    """Rows of dpkg's database, or the text of its error."""
    done = _tools.result(__salt__, ["dpkg-query", "-f=" + showformat, "-W", *packages])
    if done["retcode"]:
        return "Error:  " + done["stderr"]
    return [line.split("\t") for line in done["stdout"].splitlines()]


def file_list(*packages: str, **kwargs: Any) -> Any:
    """All files of packages; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.file_list hostname mount
    """
    found = file_dict(*packages)
    if isinstance(found, str):
        return found
    files = {path for paths in found["packages"].values() for path in paths}
    return {"errors": found["errors"], "files": sorted(files)}


def file_dict(*packages: str, **kwargs: Any) -> Any:
    """The files of packages, by package; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.file_dict hostname mount
    """
    rows = _query("${db:Status-Status}\t${binary:Package}\n", packages)
    if isinstance(rows, str):
        return rows
    names = [row[1] for row in rows if row[0] == "installed"]
    files = {name: _tools.result(__salt__, ["dpkg", "-L", name])["stdout"].splitlines() for name in names}
    return {"errors": [], "packages": files}


def info(*packages: str, **kwargs: Any) -> Dict[str, Dict[str, str]]:
    """Everything dpkg's database says of packages; of all if none is named.

    Args:
        packages: names or globs.
        kwargs: `failhard=False` returns nothing for packages that are not there, instead of an error.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.info apache2 bash
        salt '*' lowpkg.info 'php5*' failhard=false
    """
    showformat = "".join(f"{key}:${{{field}}}{_FIELD_END}" for key, field in _FIELDS.items()) + _RECORD_END
    done = _tools.result(__salt__, ["dpkg-query", "-W", "-f=" + showformat, *packages], rstrip=False)
    if done["retcode"]:
        if is_true(kwargs.get("failhard", True)):
            raise CommandExecutionError(f"Error getting packages information: {done['stderr'].strip()}")
        return {}
    records = [_record(text) for text in done["stdout"].split(_RECORD_END) if text.strip()]
    return {record["package"]: record for record in records}


def _record(text: str) -> Dict[str, str]:
    record: Dict[str, str] = {}
    for field in text.split(_FIELD_END):
        key, _, value = field.partition(":")
        value = _date(value) if key == "install_date" else value + "\n" if key == "description" else value.strip()
        if value:
            record[key] = value
    licenses = _licenses(record["package"])
    if licenses:
        record["license"] = licenses
    return record


def _date(seconds: str) -> str:
    if not seconds.isdigit():
        return ""
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _licenses(package: str) -> str:
    """The licenses that a machine-readable copyright file names."""
    try:
        with open(f"/usr/share/doc/{package}/copyright", encoding="utf-8", errors="replace") as source:
            found: List[str] = re.findall(r"^License:(.*)", source.read(), re.M)
    except OSError:
        return ""
    return ", ".join(sorted({name.strip() for name in found}))
