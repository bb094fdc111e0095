"""Checkouts of git repositories at one commit."""

from __future__ import annotations

import os
import string
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, cast

from minion.errors import CommandExecutionError
from minion.modules._git import redact
from minion.states._git import (
    Repository,
    check_kwargs,
    check_target,
    failed_after,
    forced_clone_comment,
    identities,
    not_a_repository,
    reason,
    sentences,
    text,
)
from minion.states._result import Result, begun, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str
__virtualname__ = "git"


def __virtual__() -> Any:
    return __virtualname__ if "git.version" in __salt__ else (False, "git module could not be loaded")


class _Wanted(NamedTuple):
    """What shall be checked out, and from where."""

    url: str
    rev: str
    remote: str
    fetch: bool
    force_clone: bool
    force_checkout: bool
    hard_reset: bool
    submodules: bool
    keys: Dict[str, Any]
    login: Dict[str, Any]

    @property
    def is_hash(self) -> bool:
        """Whether a commit is meant by its hash."""
        return len(self.rev) <= 40 and all(letter in string.hexdigits for letter in self.rev)


def detached(
    name: str,
    rev: Any,
    target: Any,
    remote: Any = "origin",
    user: Any = None,
    password: Optional[str] = None,
    force_clone: bool = False,
    force_checkout: bool = False,
    fetch_remote: bool = True,
    hard_reset: bool = False,
    submodules: bool = False,
    identity: Any = None,
    https_user: Any = None,
    https_pass: Any = None,
    output_encoding: Optional[str] = None,
    **kwargs: Any,
) -> Result:
    """Sees to it that a folder is a clone of a repository with one commit checked out, and no branch.

    Args:
        name: URL of the repository.
        rev: branch, tag or commit.
        target: the folder.
        remote: the name under which the clone knows the other repository.
        user: who runs git.
        password: not needed here.
        force_clone: empty a folder that is no repository.
        force_checkout: discard uncommitted changes if another commit is checked out.
        fetch_remote: False uses only what the clone has.
        hard_reset: discard uncommitted changes in any case.
        submodules: update submodules, too.
        identity: SSH key, or a list of them to try; `salt://` URLs, too.
        https_user, https_pass: for an HTTPS URL.
        output_encoding: of git's output.
    """
    ret, done = begun(name), cast(List[str], [])
    who = {"user": text(user), "password": text(password), "output_encoding": output_encoding}
    repository = Repository(__salt__, str(target), **who)
    try:
        check_kwargs(kwargs)
        for argument, value in (("rev", rev), ("target", target)):
            if not value:
                raise CommandExecutionError(f"'{value}' is not a valid value for the '{argument}' argument")
        check_target(repository.target)
        keys = {"identity": identities(identity), "saltenv": __env__}
        login = {"https_user": text(https_user), "https_pass": text(https_pass)}
        flags = (fetch_remote, force_clone, force_checkout, hard_reset, submodules)
        want = _Wanted(name, str(rev), str(remote), *flags, keys, login)
        if __opts__["test"]:
            return _predict(ret, repository, want)
        return _run(ret, repository, want, done)
    except (CommandExecutionError, OSError) as exc:
        return failed_after(ret, exc, done)


def _run(ret: Result, repository: Repository, want: _Wanted, done: List[str]) -> Result:
    before = repository.ask("revision") if repository.exists() else None
    if not repository.exists():
        _clone(ret, repository, want, done)
    else:
        _set_remote(repository, want, done)
    if want.fetch and not _known(repository, want):
        _fetch(repository, want, done)
    commit = _commit(repository, want)
    if commit is None:
        raise CommandExecutionError(f"Revision '{want.rev}' does not exist")
    if want.hard_reset:
        repository.git("reset", opts=["--hard", "HEAD"])
        done.append("Repository was reset to HEAD before checking out revision")
    if commit != before:
        repository.git("checkout", commit, force=want.force_checkout)
        done.append(f"Commit ID {commit} was checked out at {repository.target}")
        ret["changes"]["HEAD"] = {"old": before, "new": commit}
    if want.submodules:
        repository.update_submodules(**want.keys)
        done.append("Submodules were updated")
    if commit == before:
        done.append("Already checked out at correct revision")
    return {**ret, "comment": sentences(done)}


def _clone(ret: Result, repository: Repository, want: _Wanted, done: List[str]) -> None:
    target = repository.target
    if os.path.isdir(target) and os.listdir(target):
        if not want.force_clone:
            raise not_a_repository(target)
        repository.make_room()
        ret["changes"]["forced clone"] = True
    opts = ["--no-checkout", *(["--origin", want.remote] if want.remote != "origin" else [])]
    repository.git("clone", want.url, opts=opts, **want.keys, **want.login)
    done.append(f"{want.url} cloned to {target}")


def _set_remote(repository: Repository, want: _Wanted, done: List[str]) -> None:
    needed, old = _must_set_remote(repository, want)
    if needed:
        repository.git("remote_set", url=want.url, remote=want.remote, **want.login)
        done.append(f"Remote {want.remote} updated from '{redact(old or 'None')}' to '{redact(want.url)}'")


def _fetch(repository: Repository, want: _Wanted, done: List[str]) -> None:
    """Fetches all branches and tags, also those that did not just grow."""
    refspecs = [f"refs/heads/*:refs/remotes/{want.remote}/*", "+refs/tags/*:refs/tags/*"]
    repository.remember(want.url, **want.login)
    try:
        changed = repository.git("fetch", remote=want.remote, force=True, refspecs=refspecs, **want.keys)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Fetch failed:\n\n{exc}") from exc
    if changed:
        done.append(f"Remote {want.remote} was fetched, resulting in updated refs")


def _known(repository: Repository, want: _Wanted) -> bool:
    """Whether a commit is wanted that the clone has already."""
    return want.is_hash and _commit(repository, want) is not None


def _commit(repository: Repository, want: _Wanted) -> Optional[str]:
    """The wanted commit, as far as the clone knows."""
    if want.is_hash:
        return repository.commit_of(want.rev.lower())
    remote = repository.commit_of(f"refs/remotes/{want.remote}/{want.rev}")
    return remote or repository.commit_of(f"refs/tags/{want.rev}")


def _must_set_remote(repository: Repository, want: _Wanted) -> Tuple[bool, Optional[str]]:
    """Whether the name of the other repository has to stand for another URL, and which one it stands for."""
    if _known(repository, want):
        return False, None
    url = repository.git("remotes", redact_auth=False).get(want.remote, {}).get("fetch")
    return url is None or want.url not in url, url


def _predict(ret: Result, repository: Repository, want: _Wanted) -> Result:
    """The result in test mode."""
    target = repository.target
    if not repository.exists():
        if os.path.isdir(target) and os.listdir(target):
            if not want.force_clone:
                raise not_a_repository(target)
            return predicted(ret, forced_clone_comment(want.url, target))
        return predicted(ret, f"Repository {want.url} would be cloned to {target}")
    if _must_set_remote(repository, want)[0]:
        return predicted(ret, f"Remote {want.remote} would be set to {want.url}")
    before, commit = repository.ask("revision"), _commit(repository, want)
    if want.fetch and not want.is_hash:
        commit = _remote_commit(repository, want)
    if commit is None and not want.fetch:
        raise CommandExecutionError(f"Revision '{want.rev}' does not exist")
    if commit is None or repository.commit_of(commit) is None:
        ret["changes"].update({"HEAD": {"old": before, "new": commit}} if commit else {})
        return predicted(ret, f"Repository remote {want.remote} would be fetched")
    if want.hard_reset and repository.git("diff", "HEAD", opts=["--name-only"]):
        return predicted(ret, f"Hard reset to HEAD would be performed on {target}")
    if commit != before:
        changed = {"old": before, "new": commit}
        return predicted(ret, f"Commit ID {commit} would be checked out at {target}", HEAD=changed)
    return {**ret, "comment": "Already checked out at correct revision"}


def _remote_commit(repository: Repository, want: _Wanted) -> str:
    """The wanted commit, as the other repository has it."""
    try:
        refs = repository.elsewhere("remote_refs", want.url, **want.keys, **want.login)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Failed to list refs for {want.remote}: {reason(exc)}") from exc
    names = (f"refs/heads/{want.rev}", f"refs/tags/{want.rev}^{{}}", f"refs/tags/{want.rev}")
    found = next((refs[name] for name in names if name in refs), None)
    if found is None:
        raise CommandExecutionError(f"Revision '{want.rev}' does not exist")
    return str(found)
