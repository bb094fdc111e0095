"""Checkouts of git repositories that follow another repository."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.states._git import Repository, failed_after, forced_clone_comment, not_a_repository, reason, sentences, text
from minion.states._git_local import tracking
from minion.states._git_update import update, update_submodules
from minion.states._git_wanted import Run, look, wanted
from minion.states._result import Result, begun, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "git"


def __virtual__() -> Any:
    return __virtualname__ if "git.version" in __salt__ else (False, "git module could not be loaded")


def latest(
    name: str,
    target: Any,
    rev: Any = "HEAD",
    branch: Any = None,
    user: Any = None,
    password: Any = None,
    update_head: bool = True,
    force_checkout: bool = False,
    force_clone: bool = False,
    force_fetch: bool = False,
    force_reset: Any = False,
    submodules: bool = False,
    bare: bool = False,
    mirror: bool = False,
    remote: Any = "origin",
    fetch_tags: bool = True,
    sync_tags: bool = True,
    depth: Any = None,
    identity: Any = None,
    https_user: Any = None,
    https_pass: Any = None,
    refspec_branch: str = "*",
    refspec_tag: str = "*",
    output_encoding: Any = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a folder is a clone of a repository, and has the newest revision checked out.

    Args:
        name: URL of the repository.
        target: the folder.
        rev: branch, tag or commit of that repository.
        branch: the local branch; if not given, the one that is checked out is moved.
        user: who runs git.
        password: not needed here.
        update_head: False only fetches.
        force_checkout: discard uncommitted changes when another branch is checked out.
        force_clone: empty a folder that is no repository.
        force_fetch: fetch also where branches did not just grow.
        force_reset: reset what does not just grow, and discard uncommitted changes; `remote-changes` discards them
            only if there is something new.
        submodules: update submodules, too.
        bare: a bare repository, without files.
        mirror: a bare repository with all references.
        remote: the name under which the clone knows the other repository.
        fetch_tags: fetch all tags.
        sync_tags: delete tags that the other repository has not.
        depth: clone only so many commits; `rev` must be a branch or a tag.
        identity: SSH key, or a list of them to try; `salt://` URLs, too.
        https_user, https_pass: for an HTTPS URL.
        refspec_branch, refspec_tag: which branches and tags to fetch, as a glob.
        output_encoding: of git's output.
    """
    given = dict(locals())
    ret = begun(name)
    try:
        want = wanted(given, __env__)
        who = {"user": text(user), "password": text(password), "output_encoding": output_encoding}
        repository = Repository(__salt__, str(target), **who)
        run = Run(want, look(repository, want), repository, ret, bool(__opts__["test"]))
    except CommandExecutionError as exc:
        return failed_after(ret, exc, [])
    try:
        return update(run) if repository.exists(want.bare) else _clone(run)
    except (CommandExecutionError, OSError) as exc:
        return failed_after(ret, exc, run.done)


def _clone(run: Run) -> Result:
    """Makes a clone where there is none."""
    want, target = run.want, run.target
    new = f"{want.name} => {target}"
    if os.path.isdir(target) and (os.listdir(target) or want.force_clone):
        if not want.force_clone:
            raise not_a_repository(target)
        if run.test:
            comment = forced_clone_comment(want.name, target)
            return predicted(run.ret, comment, new=new, **{"forced clone": True})
        run.repository.make_room()
        run.ret["changes"]["forced clone"] = True
    if run.test:
        return predicted(run.ret, f"Repository {want.name} would be cloned to {target}", new=new)
    try:
        run.repository.git("clone", want.name, opts=_clone_options(run), **want.keys, **want.login)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Clone failed: {reason(exc)}") from exc
    run.ret["changes"]["new"] = new
    kind = " as mirror" if want.mirror else " as bare repository" if want.bare else ""
    run.done.append(f"{want.name} cloned to {target}{kind}")
    if run.remote.rev is not None:
        _check_out(run)
    commit = run.repository.ask("revision")
    run.ret["comment"] = sentences(run.done)
    if commit is not None:
        run.ret["changes"]["revision"] = {"old": None, "new": commit}
    return run.ret


def _clone_options(run: Run) -> Any:
    want = run.want
    found = ["--mirror"] if want.mirror else ["--bare"] if want.bare else []
    found += ["--origin", want.remote] if want.remote != "origin" else []
    return found + (["--depth", str(want.depth), "--branch", want.rev] if want.depth is not None else [])


def _check_out(run: Run) -> None:
    """Brings a fresh clone to the wanted revision."""
    want, remote, repository = run.want, run.remote, run.repository
    if remote.kind == "tag" and want.rev not in repository.git("list_tags"):
        raise CommandExecutionError(f"Revision '{want.rev}' does not exist in clone")
    is_new = want.branch is not None and want.branch not in repository.git("list_branches")
    if is_new:
        repository.git("checkout", run.start, opts=["-b", want.branch])
        run.done.append(f"Branch '{want.branch}' checked out, with {remote.place} as a starting point")
    commit, branch = repository.ask("revision"), repository.ask("current_branch")
    if branch is None and "HEAD" not in remote.refs:
        raise CommandExecutionError(
            "Remote HEAD refers to a ref that does not exist. This can happen when the default branch on the remote "
            "repository is renamed or deleted. If you are unable to fix the remote repository, you can work around "
            "this by setting the 'branch' argument (which will ensure that the named branch is created if it does not "
            "already exist)."
        )
    if not remote.is_at(commit):
        repository.git("reset", opts=["--hard", remote.rev])
        run.done.append(f"Repository was reset to {remote.place}")
    comment = tracking(repository, repository.upstream_of(branch) if branch else None, remote.upstream)
    run.done += [comment] if comment else []
    if want.submodules:
        update_submodules(run)
