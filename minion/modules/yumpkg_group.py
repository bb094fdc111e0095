"""Groups of packages, as dnf and yum know them."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _pkg, _yum

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "pkg"

_SECTIONS = {
    "installed groups:": "installed",
    "available groups:": "available",
    "installed environment groups:": "installed environments",
    "available environment groups:": "available environments",
    "available language groups:": "available languages",
}
_KINDS = ("mandatory", "optional", "default", "conditional")
_KIND_LINE = re.compile(rf"({'|'.join(_KINDS)}) (?:groups|packages)\s*:\s*(.*)", re.I)


def __virtual__() -> Any:
    return _yum.is_rpm_system(__grains__)


def group_list() -> Dict[str, Any]:
    """Groups and environments, installed and available.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_list
    """
    found: Dict[str, Any] = {name: [] for name in _SECTIONS.values()}
    found["available languages"] = {}
    is_dnf5 = _yum.program() == "dnf5"
    words = ["group", "list", "--hidden"] if is_dnf5 else ["grouplist", "hidden"]
    section = ""
    for line in _yum.run(__salt__, words, ignore_retcode=True)["stdout"].splitlines():
        item = line.strip()
        if is_dnf5:
            row = re.match(r"(\S+)\s.*\s(yes|no)$", item)
            if row:
                found["installed" if row.group(2) == "yes" else "available"].append(row.group(1))
        elif item.lower() == "done":
            break
        elif item.lower() in _SECTIONS:
            section = _SECTIONS[item.lower()]
        elif section == "available languages":
            language = re.match(r"(.+) \[(.+)\]", item)
            if language:
                found[section][item] = {"name": language.group(1), "language": language.group(2)}
        elif section and item:
            found[section].append(item)
    return found


def group_info(
    name: str, expand: bool = False, ignore_groups: Optional[List[str]] = None, **kwargs: Any
) -> Dict[str, Any]:
    """What belongs to a group: mandatory, optional, default and conditional packages, or groups of an environment.

    Args:
        name: the group.
        expand: of an environment, the packages of its groups.
        ignore_groups: groups that need not be looked at.
        kwargs: `fromrepo`, `enablerepo`, `disablerepo`.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_info 'Perl Support'
    """
    words = ["group", "info"] if _yum.program() == "dnf5" else ["groupinfo"]
    text = _yum.run(__salt__, ["--quiet", *_yum.options(**kwargs), *words, name], ignore_retcode=True)["stdout"]
    fields = {key.strip().lower(): value.strip() for key, value in re.findall(r"^([^:\n]+):(.*)$", text, re.M)}
    group = fields.get("environment group") or fields.get("group") or fields.get("name")
    identity = fields.get("environment-id") or fields.get("group-id") or fields.get("id")
    if not group and not identity:
        raise CommandExecutionError(f"Group '{name}' not found")
    is_environment = "environment group" in fields
    members = _members(text)
    done = ignore_groups if ignore_groups is not None else []
    if expand and is_environment:
        members = _expanded(members, done)
    return {
        **{kind: sorted(set(members[kind])) for kind in _KINDS},
        "type": "environment group" if is_environment else "package group",
        "group": group,
        "id": identity,
        "description": fields.get("description", ""),
    }


def _members(text: str) -> Dict[str, List[str]]:
    found: Dict[str, List[str]] = {kind: [] for kind in _KINDS}
    kind = ""
    for line in text.splitlines():
        header = _KIND_LINE.match(line.strip())
        if header:
            kind, item = header.group(1).lower(), header.group(2)
        else:
            item = re.sub(r"^[\s:=+-]+", "", line)  # marks of what is installed
        if kind and item.strip():
            found[kind].append(item.strip())
    return found


def _expanded(members: Dict[str, List[str]], done: List[str]) -> Dict[str, List[str]]:
    """The packages of the groups of an environment."""
    found: Dict[str, List[str]] = {kind: [] for kind in _KINDS}
    for group in [group for kind in _KINDS for group in members[kind]]:
        if group not in done:
            done.append(group)
            inside = group_info(group, True, done)
            for kind in _KINDS:
                found[kind] += inside[kind]
    return found


def group_diff(name: str, **kwargs: Any) -> Dict[str, Dict[str, List[str]]]:
    """Which packages of a group are installed, and which are not.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_diff 'Perl Support'
    """
    installed = __salt__["pkg.list_pkgs"]()
    info = group_info(name, expand=True, **kwargs)
    return {
        kind: {
            "installed": [package for package in info[kind] if package in installed],
            "not installed": [package for package in info[kind] if package not in installed],
        }
        for kind in _KINDS
    }


def group_install(name: Any, skip: Any = (), include: Any = (), **kwargs: Any) -> Dict[str, Any]:
    """Installs the mandatory and the default packages of groups; returns what changed.

    Args:
        name: groups, as a list or with commas between.
        skip: default packages to leave out.
        include: further packages.

    CLI Example:

    .. code-block:: bash

        salt '*' pkg.group_install 'My Group' skip='["foo", "bar"]'
    """
    groups = _pkg.targets(name or [])
    if not groups:
        raise SaltInvocationError("no groups specified")
    wanted: Dict[str, None] = {}
    for group in groups:
        info = group_info(group)
        wanted.update(dict.fromkeys(info["mandatory"]))
        wanted.update(dict.fromkeys(package for package in info["default"] if package not in _pkg.targets(skip)))
    wanted.update(dict.fromkeys(_pkg.targets(include)))
    installed = __salt__["pkg.list_pkgs"]()
    missing = [package for package in wanted if package not in installed]
    return dict(__salt__["pkg.install"](pkgs=missing, **kwargs)) if missing else {}


groupinstall = group_install
