"""Runs dnf, dnf5, tdnf or yum, whichever there is, and reads their lists."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence

from minion.modules import _pkg, _rpm, _tools

Salt = Mapping[str, Callable[..., Any]]

_HEADER = re.compile(r"^(?:[A-Z][\w ]+ (?:Packages|Upgrades|packages|upgrades|updates)|Last metadata .*|Updating .*)$")


class Offer(NamedTuple):
    """A package that a list names."""

    name: str
    arch: str
    version: str
    repo: str


def program() -> Optional[str]:
    """The package manager; None if there is none."""
    return next(filter(_tools.which, ("dnf5", "dnf", "tdnf", "yum")), None)


def is_dnf() -> bool:
    """Whether it is one that has dnf's options."""
    return program() in ("dnf", "dnf5")


def run(salt: Salt, words: Sequence[str], scope: bool = False, **options: Any) -> Dict[str, Any]:
    """What `cmd.run_all` says of a call; `scope` for those that change packages."""
    return _tools.result(salt, [*(_pkg.scope(salt) if scope else []), str(program()), *words], **options)


def is_rpm_system(grains: Mapping[str, Any]) -> Any:
    """What `__virtual__` says."""
    if not _rpm.is_rpm_based(grains, ("redhat",)):
        return False, "Module yumpkg: no yum based system detected"
    return "pkg" if program() else (False, "DNF nor YUM found")


def options(extra: bool = False, **kwargs: Any) -> List[str]:
    """Options that say which repositories to use; with `extra`, further keyword arguments become options, too."""
    found: List[str] = []
    known = ("fromrepo", "repo", "disablerepo", "enablerepo", "disableexcludes", "branch", "setopt")
    given = {name: kwargs.pop(name, None) for name in known}
    only = given["fromrepo"] or given["repo"]
    if only:
        found += ["--disablerepo=*", f"--enablerepo={','.join(_pkg.targets(only))}"]
    else:
        for name in ("disablerepo", "enablerepo"):
            found += [f"--{name}={repo}" for repo in _pkg.targets(given[name] or [])]
    found += [f"--{name}={given[name]}" for name in ("disableexcludes", "branch") if given[name]]
    found += [f"--setopt={setting}" for setting in _pkg.targets(given["setopt"] or [])]
    for name in sorted(kwargs) if extra else ():
        if kwargs[name] is True:
            found.append(f"--{name}")
        elif isinstance(kwargs[name], str) and not name.startswith("__"):
            found.append(f"--{name}={kwargs[name]}")
    return found


def offers(text: str, own_arch: str) -> List[Offer]:
    """The rows of a list: name.arch, version, repository; long ones go over several lines."""
    words = [word for line in text.splitlines() if not _HEADER.match(line.strip()) for word in line.split()]
    found = []
    for full, version, repo in zip(words[::3], words[1::3], words[2::3]):
        parts = _rpm.split_arch(full)
        arch = parts["arch"] or own_arch
        name = _rpm.resolve_name(str(parts["name"]), arch, own_arch)
        found.append(Offer(name, arch, version.rstrip("-"), repo.lstrip("@")))
    return found


def listing(salt: Salt, kind: str, own_arch: str, names: Sequence[str], *flags: str) -> List[Offer]:
    """What `list available` or `list upgrades` names; nothing if it finds nothing."""
    words = {"available": "available", "upgrades": "updates"}
    which = f"--{kind}" if is_dnf() else words[kind]
    done = run(salt, ["--quiet", *flags, "list", which, *names], ignore_retcode=True)
    return [] if done["retcode"] else offers(done["stdout"], own_arch)
