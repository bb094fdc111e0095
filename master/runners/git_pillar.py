"""The repositories of the external pillar git."""

from __future__ import annotations

import logging
from typing import Any

from master import git_updates
from minion.errors import CommandExecutionError

__opts__: dict[str, Any]

log = logging.getLogger(__name__)


def update(branch: str | None = None, repo: str | None = None) -> dict[str, bool | None]:
    """Fetches the repositories now; the master does it anyway every `git_pillar_update_interval` seconds.

    Args:
        branch, repo: only the remotes with this branch, or this URL or name.

    Returns:
        Remote -> True if something changed, None if not, False if it could not be fetched; the log says why.

    CLI Example:

    .. code-block:: bash

        salt-run git_pillar.update
        salt-run git_pillar.update branch='master' repo='https://example.com/pillar.git'
    """
    found: dict[str, bool | None] = {}
    for role, mirror in git_updates.mirrors(__opts__):
        remote = mirror.remote
        if role != "git_pillar" or branch not in (None, remote.branch) or repo not in (None, remote.url, remote.name):
            continue
        try:
            found[f"{remote.branch} {remote.url}"] = mirror.fetch() or None
        except CommandExecutionError as exc:
            log.error("%s", exc)
            found[f"{remote.branch} {remote.url}"] = False
    if not found:
        chosen = "Specified git branch/repo not found in ext_pillar config" if branch or repo else ""
        raise CommandExecutionError(chosen or "No git_pillar remotes are configured")
    return found
