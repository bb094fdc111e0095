"""Keeps the copies of git repositories up to date: those of the file server and those of git_pillar."""

from __future__ import annotations

import fnmatch
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from minion.errors import CommandExecutionError
from minion.files import backends
from minion.files.git_mirror import Mirror, library
from minion.files.git_remotes import parse

log = logging.getLogger(__name__)

ROLES = ("gitfs", "git_pillar")
_FILES = "files"  # what git_pillar read from commits


def mirrors(opts: Mapping[str, Any]) -> list[tuple[str, Mirror]]:
    """(role, copy) of all remotes that the options name; several may be of one repository, and share its copy.

    Raises:
        ConfigError: a remote is not described as it should be.
    """
    wanted = {"gitfs": opts.get("gitfs_remotes") if "gitfs" in backends.names(opts) else None}
    sections = [section.get("git") for section in opts.get("ext_pillar") or () if isinstance(section, dict)]
    wanted["git_pillar"] = [remote for section in sections if isinstance(section, list) for remote in section]
    return [
        (role, Mirror(os.path.join(str(opts["cachedir"]), role), remote))
        for role in ROLES
        for remote in parse(opts, role, wanted[role])
    ]


class GitUpdates:
    """Updates each copy at its interval.

    Args:
        opts: the master's options.
        told: called with a role after something of it was updated, and whether it changed.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        told: Callable[[str, bool], None] = lambda role, changed: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cachedir, self._told, self._clock = str(opts["cachedir"]), told, clock
        self._mirrors = list({mirror.path: (role, mirror) for role, mirror in mirrors(opts)}.values())
        self._due = {mirror.path: 0.0 for _, mirror in self._mirrors}
        self._failures: dict[str, str] = {}

    def run(self, ended: threading.Event) -> None:
        """Goes on until it is told to end."""
        if not self._mirrors:
            return
        try:
            library()
        except CommandExecutionError as exc:
            log.error("%s", exc)
            return
        self.remove_old()
        while not ended.wait(max(0.0, self.update_due() - self._clock())):
            pass

    def update_due(self) -> float:
        """Updates what is due; when the next one is."""
        for role, mirror in self._mirrors:
            if self._due[mirror.path] <= self._clock():
                self._update(role, mirror)
                self._due[mirror.path] = self._clock() + max(1, mirror.remote.update_interval)
        return min(self._due.values())

    def _update(self, role: str, mirror: Mirror) -> None:
        try:
            changed = mirror.fetch()
        except (CommandExecutionError, OSError) as exc:
            if self._failures.get(mirror.path) != str(exc):  # said once, not each minute
                log.error("%s", exc)
            self._failures[mirror.path] = str(exc)
            return
        if self._failures.pop(mirror.path, None):
            log.warning("%s can be fetched again", mirror.remote.url)
        self._told(role, changed)

    def remove_old(self) -> None:
        """Removes copies of repositories that are no longer named."""
        kept = {mirror.path for _, mirror in self._mirrors}
        for folder in (os.path.join(self._cachedir, role) for role in ROLES):
            for name in os.listdir(folder) if os.path.isdir(folder) else ():
                if name != _FILES and os.path.join(folder, name) not in kept:
                    shutil.rmtree(os.path.join(folder, name), ignore_errors=True)


def fetch_all(wanted: Iterable[Mirror]) -> None:
    """Updates copies now.

    Raises:
        CommandExecutionError: some could not be fetched; the others were.
    """
    failures = []
    for mirror in wanted:
        try:
            mirror.fetch()
        except CommandExecutionError as exc:
            failures.append(str(exc))
    if failures:
        raise CommandExecutionError("; ".join(failures))


def lock(role: str, among: Iterable[Mirror], glob: Any) -> list[str]:
    """Keeps copies from being updated; says which."""
    found = [mirror for mirror in among if _matches(mirror, glob) and mirror.lock()]
    return [f"Set update lock for {role} remote '{mirror.remote.url}'" for mirror in found]


def unlock(role: str, among: Iterable[Mirror], glob: Any) -> list[str]:
    """Lets copies be updated again; says which."""
    found = [mirror for mirror in among if _matches(mirror, glob) and mirror.unlock()]
    return [f"Removed update lock for {role} remote '{mirror.remote.url}'" for mirror in found]


def _matches(mirror: Mirror, glob: Any) -> bool:
    return not glob or fnmatch.fnmatch(mirror.remote.url, str(glob))


def check(opts: Mapping[str, Any]) -> None:
    """Looks at the options before the master starts, and loads the library that its processes share.

    Raises:
        ConfigError: a remote is not described as it should be.
    """
    if mirrors(opts):
        try:
            library()
        except CommandExecutionError as exc:
            log.error("%s", exc)
