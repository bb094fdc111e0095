"""What a repository that git.latest finds has, and how far that is from what is wanted."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Set

from minion.errors import CommandExecutionError
from minion.states._git import Repository, short
from minion.states._git_wanted import Run, Wanted


@dataclass(frozen=True)
class Local:
    """What the repository has.

    `base` is the commit that is moved to what is wanted: that of the branch which will be checked out by then. It has
    `upstream` as the branch to follow.
    """

    rev: Optional[str]
    branch: Optional[str]
    branches: List[str]
    tags: Set[str]
    urls: Dict[str, Any]
    uncommitted: bool
    base: Optional[str]
    upstream: Optional[str]


def survey(run: Run) -> Local:
    """Looks at the repository."""
    repository, want = run.repository, run.want
    branches = repository.git("list_branches")
    rev, branch = repository.ask("revision"), repository.ask("current_branch")
    base, base_branch = rev, branch
    if want.branch is not None and want.changes_branch(branch):
        if want.branch in branches:
            base_branch, base = want.branch, repository.commit_of(f"refs/heads/{want.branch}")
        else:
            base = run.remote.rev
    return Local(
        rev,
        branch,
        branches,
        set(repository.git("list_tags")),
        repository.git("remotes", redact_auth=False),
        not want.bare and rev is not None and bool(repository.git("diff", "HEAD", opts=["--name-only"])),
        base,
        repository.upstream_of(base_branch) if base_branch else None,
    )


@dataclass(frozen=True)
class Distance:
    """How far a repository is from what is wanted.

    `forward` says whether the way leads only forward; None means that nobody knows before the fetch.
    """

    matches: bool
    has_rev: bool
    forward: Optional[bool]
    new_tags: List[str]
    old_tags: List[str]

    @property
    def action(self) -> str:
        """What is done to the branch."""
        return {True: "fast-forwarded", False: "hard-reset", None: "updated"}[self.forward]


def measure(run: Run, local: Local) -> Distance:
    """Compares a repository with what is wanted."""
    want, remote = run.want, run.remote
    has_rev = _has_rev(run, local)
    forward: Optional[bool] = None
    if local.uncommitted and want.force_reset != "remote-changes":
        forward = False
    elif has_rev:
        forward = leads_forward(run, local)
    return Distance(
        matches=remote.is_at(local.rev),
        has_rev=has_rev,
        forward=forward,
        new_tags=_new_tags(want, remote.tags - local.tags),
        old_tags=sorted(local.tags - remote.tags) if want.sync_tags else [],
    )


def _new_tags(want: Wanted, tags: Set[str]) -> List[str]:
    """Those that a fetch brings."""
    return sorted(fnmatch.filter(tags, want.refspec_tag)) if want.fetch_tags else []


def leads_forward(run: Run, local: Local) -> bool:
    """Whether what is wanted comes after what is there."""
    if local.base is None:
        return True
    return bool(
        run.repository.git("merge_base", refs=[local.base, run.remote.rev], is_ancestor=True, ignore_retcode=True)
    )


def _has_rev(run: Run, local: Local) -> bool:
    """Whether what is wanted is there already, and under its name."""
    want, remote, repository = run.want, run.remote, run.repository
    if remote.rev is None:
        return False
    if remote.kind == "sha1" and local.base is not None and local.base.startswith(remote.rev):
        return True
    if repository.commit_of(remote.rev) is None:
        return False
    if remote.kind == "branch":
        return want.remote in local.urls and repository.commit_of(f"refs/remotes/{remote.upstream}") == remote.rev
    if remote.kind == "sha1":
        return True
    if want.rev not in local.tags:
        return False
    commit = repository.commit_of(f"refs/tags/{want.rev}")
    if commit != remote.rev and not want.force_reset:
        raise CommandExecutionError(
            f"'{want.rev}' is a tag, but the remote SHA1 for this tag ({short(remote.rev)}) doesn't match the local "
            f"SHA1 ({short(commit)}). Set 'force_reset' to True to force this update."
        )
    return commit == remote.rev


def refused(run: Run, local: Local) -> CommandExecutionError:
    """The error about an update that would lose commits or changes."""
    want, wanted_rev = run.want, run.remote.rev
    before, after = short(local.base), short(wanted_rev)
    where = f"from {before} to {after}" if local.uncommitted and before != after else f"to {after}"
    if want.changes_branch(local.branch):
        where += f" (after checking out local branch '{want.branch}')"
    if local.uncommitted:
        problem = "there are uncommitted changes. Set 'force_reset' to True (or 'remote-changes')"
        loss = " and discard these changes"
    else:
        problem, loss = "this is not a fast-forward merge. Set 'force_reset' to True", ""
    return CommandExecutionError(
        f"Repository would be updated {where}, but {problem} to force this update{loss}.{_hint(run, local)}"
    )


def _hint(run: Run, local: Local) -> str:
    """What might be meant instead."""
    want, default = run.want, run.remote.default_branch
    if want.branch is not None:
        return ""
    if want.rev != "HEAD" and local.branch != want.rev:
        return (
            f" The desired rev ({want.rev}) differs from the name of the local branch ({local.branch}), if the desired "
            "rev is a branch name then a forced update could possibly be avoided by setting the 'branch' argument to "
            f"'{want.rev}' instead."
        )
    if want.rev == "HEAD" and default is not None and local.branch != default:
        return (
            f" The default remote branch ({default}) differs from the local branch ({local.branch}). This could be "
            "caused by changing the default remote branch, or if the local branch was manually changed. Rather than "
            f"forcing an update, it may be advisable to set the 'branch' argument to '{default}' instead. To ensure "
            f"that this state follows the '{default}' branch instead of the remote HEAD, set the 'rev' argument to "
            f"'{default}'."
        )
    return ""


def tracking(repository: Repository, upstream: Optional[str], desired: Any) -> str:
    """Lets the branch that is checked out follow another one, or none; the comment, empty if it does so already."""
    if desired and upstream != desired:
        repository.git("branch", opts=["--set-upstream-to", desired])
        return f"Tracking branch was {'updated' if upstream else 'set'} to {desired}"
    if upstream and desired is False:
        repository.git("branch", opts=["--unset-upstream"])
        return "Tracking branch was unset"
    return ""
