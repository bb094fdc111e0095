"""What rpm knows of packages, below the level of repositories."""

from __future__ import annotations

import os
import subprocess
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _rpm, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "lowpkg"

_TYPES = {"c": "config", "d": "doc", "g": "ghost", "l": "license", "r": "readme"}
# position in rpm's line -> (what `verify` calls it, what `modified` calls it)
_MISMATCHES = (
    ("size", "size"),
    ("mode", "mode"),
    ("md5sum", "checksum"),
    ("device major/minor number", "device"),
    ("readlink path", "symlink"),
    ("user", "owner"),
    ("group", "group"),
    ("mtime", "time"),
    ("capabilities", "capabilities"),
)
_DETAILS = {
    "name": "%{NAME}",
    "relocations": "%|PREFIXES?{[%{PREFIXES} ]}:{(not relocatable)}|",
    "version": "%{VERSION}",
    "vendor": "%{VENDOR}",
    "release": "%{RELEASE}",
    "epoch": "%|EPOCH?{%{EPOCH}}|",
    "build_date_time_t": "%{BUILDTIME}",
    "build_date": "%{BUILDTIME}",
    "install_date_time_t": "%{INSTALLTIME}",
    "install_date": "%{INSTALLTIME}",
    "build_host": "%{BUILDHOST}",
    "group": "%{GROUP}",
    "source_rpm": "%{SOURCERPM}",
    "size": "%{LONGSIZE}",
    "arch": "%{ARCH}",
    "license": "%|LICENSE?{%{LICENSE}}|",
    "signature": "%|DSAHEADER?{%{DSAHEADER:pgpsig}}:{%|RSAHEADER?{%{RSAHEADER:pgpsig}}:{(none)}|}|",
    "packager": "%|PACKAGER?{%{PACKAGER}}|",
    "url": "%|URL?{%{URL}}|",
    "summary": "%{SUMMARY}",
    "description": "%{DESCRIPTION}",
    "edition": "%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}",
}
_FIELD_END, _RECORD_END = "\x1f", "\x1e"


def __virtual__() -> Any:
    if not _tools.which("rpm"):
        return False, "The rpm execution module failed to load: rpm binary is not in the path."
    if _rpm.is_rpm_based(__grains__, ("redhat", "suse")):
        return __virtualname__
    return False, "The rpm execution module failed to load: only available on redhat/suse type systems."


def _rpm_command(kwargs: Dict[str, Any], *words: str) -> List[str]:
    return ["rpm", *(["--root", kwargs["root"]] if kwargs.get("root") else []), *words]


def bin_pkg_info(path: str, saltenv: str = "base") -> Optional[Dict[str, Any]]:
    """Name, version and architecture of a package file; None if it is no package.

    Args:
        path: absolute path, or a URL that is fetched first.
        saltenv: environment of a `salt://` URL.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.bin_pkg_info /root/salt-2015.5.1-2.el7.noarch.rpm
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
    words = ["rpm", "-qp", "--nodigest", "--nosignature", "--queryformat", _rpm.QUERY, path]
    text = _tools.result(__salt__, words, ignore_retcode=True)["stdout"]
    package = _rpm.parse(text.splitlines()[0], __grains__.get("osarch", "")) if text else None
    if package is None:
        return None
    return {
        "name": package.name,
        "version": package.full_version,
        "arch": package.arch,
        "repoid": "none",
        "install_date": None,
        "install_date_time_t": None,
    }


def list_pkgs(*packages: str, **kwargs: Any) -> Dict[str, str]:
    """Names and versions (without release) of installed packages; of all if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.list_pkgs
    """
    return {row[0]: row[1] for row in _rows(packages, kwargs)[0]}


def _rows(packages: Any, kwargs: Dict[str, Any]) -> Any:
    """([name, version] of installed packages, complaints about those that are not)."""
    words = _rpm_command(kwargs, "-q" if packages else "-qa", "--queryformat", "%{NAME} %{VERSION}\\n", *packages)
    lines = _tools.result(__salt__, words, ignore_retcode=True)["stdout"].splitlines()
    errors = [line for line in lines if line.endswith("is not installed")]
    return [line.split() for line in lines if line not in errors and len(line.split()) == 2], errors


def verify(*packages: str, **kwargs: Any) -> Dict[str, Dict[str, Any]]:
    """Files that are not as their package brought them, and what is different.

    Args:
        packages: only of these.
        kwargs: `ignore_types`: kinds of files to leave out (config, doc, ghost, license, readme);
            `verify_options`: options of rpm; `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.verify httpd ignore_types=['config','doc']
    """
    ignored = [name.strip() for name in _pkg.targets(kwargs.get("ignore_types") or [])]
    options = [f"--{name.strip()}" for name in _pkg.targets(kwargs.get("verify_options") or [])]
    words = _rpm_command(kwargs, *options, *(["-V", *packages] if packages else ["-Va"]))
    done = _tools.result(__salt__, words, ignore_retcode=True)
    if done["retcode"] and not done["stdout"].strip():
        raise CommandExecutionError(f"Failed to verify package(s): {done['stderr']}")
    found = {}
    for flags, kind, path in _rpm.VERIFY_LINE.findall(done["stdout"]):
        about: Dict[str, Any] = {"missing": True} if flags == "missing" else {"mismatch": _differences(flags, 0)}
        if kind:
            about["type"] = _TYPES[kind]
        if about.get("type") not in ignored:
            found[path] = about
    return found


def _differences(flags: str, column: int) -> List[str]:
    return [names[column] for flag, names in zip(flags, _MISMATCHES) if flag not in ".?"]


def modified(*packages: str, **flags: Any) -> Dict[str, List[str]]:
    """Files that are not as their package brought them, and what is different, in one list.

    Args:
        packages: only of these.
        flags: `size=True` returns only files whose size changed, `mode=False` only those whose mode did not, ...;
            `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.modified httpd checksum=True
    """
    words = _rpm_command(flags, *(["-V", *packages] if packages else ["-Va"]))
    done = _tools.result(__salt__, words, ignore_retcode=True)
    found = {}
    for line_flags, kind, path in _rpm.VERIFY_LINE.findall(done["stdout"]):
        different = ["missing"] if line_flags == "missing" else _differences(line_flags, 1)
        found[path] = different + (["config"] if kind == "c" else [])
    wanted = {name: value for name, value in flags.items() if name != "root" and not name.startswith("_")}
    return {
        path: different
        for path, different in found.items()
        if all((name in different) == bool(value) for name, value in wanted.items())
    }


def file_list(*packages: str, **kwargs: Any) -> Dict[str, List[str]]:
    """All files of packages; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.file_list httpd postfix
    """
    found = file_dict(*packages, **kwargs)
    return {"errors": found["errors"], "files": [path for paths in found["packages"].values() for path in paths]}


def file_dict(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """The files of packages, by package; of every package if none is named.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.file_dict httpd postfix
    """
    rows, errors = _rows(packages, kwargs)
    files = {}
    for name, _ in rows:
        text = _tools.result(__salt__, _rpm_command(kwargs, "-ql", name))["stdout"]
        files[name] = [line for line in text.splitlines() if line.startswith("/")]
    return {"errors": errors, "packages": files}


def owner(*paths: str, **kwargs: Any) -> Any:
    """The package that a file belongs to, "" if none; of several files, a mapping.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.owner /usr/bin/apachectl /etc/httpd/conf/httpd.conf
    """
    if not paths:
        return ""
    found = {}
    for path in paths:
        words = _rpm_command(kwargs, "-qf", "--queryformat", "%{name}\\n", path)
        done = _tools.result(__salt__, words, ignore_retcode=True)
        found[path] = "" if done["retcode"] else done["stdout"].splitlines()[0]
    return _pkg.single(found, paths)


def diff(package_path: str, path: str) -> str:
    """Differences between a file and what its package file holds; "" if there are none.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.diff /path/to/apache2.rpm /etc/apache2/httpd.conf
    """
    import difflib

    with open(package_path, "rb") as source:
        archive = subprocess.run([_tools.need("rpm2cpio")], stdin=source, stdout=subprocess.PIPE, check=True).stdout
    words = [_tools.need("cpio"), "-i", "--quiet", "--to-stdout", f".{path}"]
    packed = subprocess.run(words, input=archive, stdout=subprocess.PIPE, check=True).stdout
    with open(path, "rb") as file:
        present = file.read()
    if packed == present:
        return ""
    if b"\0" in packed + present:
        return f"File '{path}' is binary and its content has been modified."
    before, after = (text.decode("utf-8", "replace").splitlines(keepends=True) for text in (packed, present))
    return "".join(difflib.unified_diff(before, after, f"A {path}", f"B {path}"))


def info(*packages: str, **kwargs: Any) -> Dict[str, Any]:
    """Everything rpm's database says of packages; of all if none is named.

    Args:
        packages: names.
        kwargs: `attr`: names of attributes with commas between; `all_versions=True`: a list of all installed
            versions instead of the newest one; `root`: another root folder.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.info apache2 bash attr=version,build_date_time_t
    """
    wanted = list(_DETAILS)
    if kwargs.get("attr"):
        chosen = [name.strip() for name in _pkg.targets(kwargs["attr"])]
        wanted = [name for name in _DETAILS if name in chosen]
        if not wanted:
            raise CommandExecutionError("No valid attributes found.")
    query = "".join(
        f"{name}:{_DETAILS[name]}{_FIELD_END}" for name in {**dict.fromkeys(wanted), "name": 0, "edition": 0}
    )
    words = _rpm_command(kwargs, *(["-q", *packages] if packages else ["-qa"]), "--queryformat", query + _RECORD_END)
    text = _tools.result(__salt__, words, ignore_retcode=True, rstrip=False)["stdout"]
    found: Dict[str, List[Dict[str, Any]]] = {}
    for record in text.split(_RECORD_END):
        fields = _record(record)
        name = fields.pop("name", None)
        if name and name != "gpg-pubkey":
            found.setdefault(name, []).append(fields)
    every = bool(kwargs.get("all_versions"))
    return {name: _newest_first(versions, every) for name, versions in found.items()}


def _record(text: str) -> Dict[str, Any]:
    fields: Dict[str, Any] = {}
    for item in text.split(_FIELD_END):
        name, colon, value = item.lstrip("\n").partition(":")
        if not colon or not value:
            continue
        if name in ("build_date", "install_date") and value.isdigit():
            fields[name] = _rpm.date(int(value))
        elif name in ("build_date_time_t", "install_date_time_t") and value.isdigit():
            fields[name] = int(value)
        elif name in _DETAILS:
            fields[name] = value
    return fields


def _newest_first(versions: List[Dict[str, Any]], every: bool) -> Any:
    import functools

    def compare(one: Dict[str, Any], other: Dict[str, Any]) -> int:
        return _pkg.compare_rpm(other["edition"], one["edition"])

    ordered = sorted(versions, key=functools.cmp_to_key(compare))
    if every:
        return ordered
    return {name: value for name, value in ordered[0].items() if name != "edition"}


def version_cmp(ver1: str, ver2: str, ignore_epoch: bool = False) -> int:
    """Compares two versions as rpm does: -1 if the first is older, 0 if they are equal, 1 if it is newer.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.version_cmp '0.2-001' '0.2.0.1-002'
    """
    return _pkg.compare_rpm(ver1, ver2, ignore_epoch)


def checksum(*paths: str, **kwargs: Any) -> Dict[str, bool]:
    """Whether the digests and signatures of package files are right.

    CLI Example:

    .. code-block:: bash

        salt '*' lowpkg.checksum /path/to/package1.rpm /path/to/package2.rpm
    """
    if not paths:
        raise CommandExecutionError("No package files has been specified.")
    command = _rpm_command(kwargs, "-K", "--quiet")
    return {
        path: os.path.isfile(path) and not _tools.result(__salt__, [*command, path], ignore_retcode=True)["retcode"]
        for path in paths
    }
