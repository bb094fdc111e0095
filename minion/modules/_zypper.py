"""Runs zypper: without questions, patient with a lock that another process holds; reads its XML."""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence
from xml.etree import ElementTree

from minion.errors import CommandExecutionError
from minion.modules import _pkg, _tools

Salt = Mapping[str, Callable[..., Any]]

# Successes that tell of something: patches to install, a reboot or restart that is needed.
_SUCCESSES = (0, 100, 101, 102, 103)
# Warnings: no repositories, a repository that failed to refresh, a failed script of a package.
_WARNINGS = (6, 106, 107)
_LOCKED = 7
_LOCK_WAITS = (1, 2, 4, 8, 15, 30, 60)


def run(
    salt: Salt,
    words: Sequence[str],
    root: Optional[str] = None,
    xml: bool = False,
    refresh: bool = False,
    scope: bool = False,
    failhard: bool = True,
    ignore_repo_failure: bool = False,
) -> Dict[str, Any]:
    """What `cmd.run_all` says of a call of zypper.

    Args:
        root: another root folder.
        xml: let it print XML.
        refresh: let it fetch the lists of available packages if they are old.
        scope: the call changes packages.
        failhard: raise an error that quotes zypper if it failed.
        ignore_repo_failure: a repository that can't be refreshed is no failure.
    """
    command = [*(_pkg.scope(salt) if scope else []), "zypper", "--non-interactive"]
    command += (["--xmlout"] if xml else []) + ([] if refresh else ["--no-refresh"])
    command += (["--root", root] if root else []) + list(words)
    for wait in (*_LOCK_WAITS, 0):
        done = _tools.result(salt, command, ignore_retcode=True)
        if done["retcode"] != _LOCKED or not wait:
            break
        time.sleep(wait)
    if failhard and not succeeded(done, ignore_repo_failure):
        raise CommandExecutionError(f"Zypper command failure: {complaint(done, xml)}")
    return done


def succeeded(done: Mapping[str, Any], ignore_repo_failure: bool = False) -> bool:
    """Whether zypper did what it was asked for."""
    code = done["retcode"]
    return code in _SUCCESSES or (code in _WARNINGS and (code != 106 or ignore_repo_failure))


def complaint(done: Mapping[str, Any], xml: bool = False) -> str:
    """What zypper said of a failure."""
    if xml:
        errors = [node.text or "" for node in nodes(done["stdout"], "message") if node.get("type") == "error"]
        if errors:
            return "\n".join(errors)
    return str(done["stderr"] or done["stdout"] or f"exit code {done['retcode']}")


def nodes(text: str, name: str) -> Iterator[Any]:
    """The elements of zypper's XML that have a name; none if it is no XML."""
    try:
        tree = ElementTree.fromstring(text)  # noqa: S314 - printed by zypper
    except ElementTree.ParseError:
        return iter(())
    return tree.iter(name)


def rows(salt: Salt, words: Sequence[str], name: str, root: Optional[str] = None, failhard: bool = True) -> List[Any]:
    """The elements of a name that a call of zypper prints."""
    return list(nodes(run(salt, words, root, xml=True, failhard=failhard)["stdout"], name))


def is_suse(grains: Mapping[str, Any]) -> Any:
    """What `__virtual__` says."""
    if grains.get("os_family") != "Suse":
        return False, "Module zypper: non SUSE OS not supported by zypper package manager"
    if not _tools.which("zypper"):
        return False, "Module zypper: zypper package manager not found"
    return "pkg"
