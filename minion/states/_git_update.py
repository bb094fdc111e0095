"""Brings a repository that is there to what git.latest wants."""

from __future__ import annotations

import dataclasses
from typing import Any, Dict

from minion.errors import CommandExecutionError
from minion.modules._git import redact
from minion.states._git import reason, sentences, short
from minion.states._git_local import Distance, Local, leads_forward, measure, refused, survey, tracking
from minion.states._git_predict import predict
from minion.states._git_wanted import Run, up_to_date
from minion.states._result import Result, predicted


def update(run: Run) -> Result:
    """The result of a run on a repository that is there."""
    want, remote = run.want, run.remote
    local = survey(run)
    if not want.bare and remote.rev is None and local.rev is not None:
        raise CommandExecutionError("Remote repository is empty, cannot update from a non-empty to an empty repository")
    if local.uncommitted and remote.is_at(local.rev):
        if want.force_reset is not True:
            return up_to_date(run, [], uncommitted=True)
        if run.test:
            return predicted(run.ret, _would_reset(run.target), **{"forced update": True})
    distance = measure(run, local)
    if distance.has_rev and _stays(run, local, distance):
        return run.ret
    if distance.forward is False and want.force_reset is False:
        raise refused(run, local)
    if run.test:
        return predict(run, local, distance)
    if want.bare:
        changed = ", resulting in updated refs" if _fetch(run) else ""
        run.done.append(f"Bare repository at {run.target} was fetched{changed}")
    elif remote.rev is not None:
        _set_remote(run, local)
        distance = _fetched(run, local, distance)
        if _stays(run, local, distance):
            return run.ret
        _move(run, local, distance)
    return _verdict(run, local)


def _would_reset(target: str) -> str:
    return (
        f"{target} is up-to-date, but with uncommitted changes. Since 'force_reset' is set to True, these local "
        "changes would be reset. To only reset when there are changes in the remote repository, set 'force_reset' to "
        "'remote-changes'."
    )


def _stays(run: Run, local: Local, distance: Distance) -> bool:
    """Whether HEAD shall stay behind what is wanted; that is said in the result then."""
    want, place = run.want, run.remote.place
    if distance.matches or want.update_head or want.changes_branch(local.branch):
        return False
    subject = place.capitalize() if want.rev == "HEAD" else place
    run.ret["comment"] = (
        f"{subject} is already present and local HEAD ({short(local.rev)}) does not match, but update_head=False. HEAD "
        "has not been updated locally."
    )
    return True


def _set_remote(run: Run, local: Local) -> None:
    """Lets the name of the other repository mean the wanted URL."""
    want = run.want
    old = local.urls.get(want.remote, {}).get("fetch")
    if old == want.url:
        return
    run.repository.git("remote_set", url=want.name, remote=want.remote, **want.login)
    if old is None:
        run.done.append(f"Remote '{want.remote}' set to {run.shown_url}")
        run.ret["changes"]["new"] = f"{want.name} => {want.remote}"
    else:
        run.done.append(f"Remote '{want.remote}' changed from {redact(old)} to {run.shown_url}")


def _fetched(run: Run, local: Local, distance: Distance) -> Distance:
    """How far it is still, with tags and commits as the other repository has them."""
    if distance.old_tags:
        _delete_tags(run, distance)
    if distance.has_rev and not distance.new_tags:
        return distance
    want = run.want
    if _fetch(run):
        run.done.append(f"{want.name} was fetched, resulting in updated refs")
    if distance.new_tags:
        run.ret["changes"]["new_tags"] = distance.new_tags
    if run.repository.commit_of(str(run.remote.rev)) is None:
        raise CommandExecutionError(f"Fetch did not successfully retrieve rev '{want.rev}' from {want.name}")
    forward = leads_forward(run, local)
    if want.force_reset is False and (not forward or local.uncommitted):
        raise refused(run, local)
    return dataclasses.replace(distance, has_rev=True, forward=forward)


def _fetch(run: Run) -> Dict[str, Any]:
    """What a fetch changed."""
    want = run.want
    run.repository.remember(want.name, want.https_user, want.https_pass)
    how = {"remote": want.remote, "force": want.force_fetch, "refspecs": want.refspecs(), **want.keys}
    try:
        changed: Dict[str, Any] = run.repository.git("fetch", **how)
    except CommandExecutionError as exc:
        raise CommandExecutionError(
            "Fetch failed. Set 'force_fetch' to True to force the fetch if the failure was due to not being able to "
            f"fast-forward. Output of the fetch command follows:\n\n{reason(exc)}"
        ) from exc
    return changed


def _delete_tags(run: Run, distance: Distance) -> None:
    """Deletes tags that the other repository has no longer; one that can't be deleted is a warning."""
    deleted = []
    for tag in distance.old_tags:
        try:
            run.repository.git("tag", tag, opts="-d")
        except CommandExecutionError as exc:
            run.ret.setdefault("warnings", []).append(f"Failed to remove local tag '{tag}':\n\n{exc}\n\n")
        else:
            deleted.append(tag)
    if deleted:
        run.ret["changes"]["deleted_tags"] = deleted
        run.done.append(f"The following tags were removed from the local checkout: {', '.join(deleted)}")


def _move(run: Run, local: Local, distance: Distance) -> None:
    """Brings the branch that is, or will be, checked out to the wanted commit."""
    want, remote, repository = run.want, run.remote, run.repository
    switch = want.changes_branch(local.branch)
    if switch:
        _check_out(run, local)
    if distance.forward is False:
        repository.git("reset", opts=["--hard", remote.rev], **_lfs_keys(run))
        run.ret["changes"]["forced update"] = True
        run.done += ["Uncommitted changes were discarded"] if local.uncommitted else []
        run.done.append(f"Repository was hard-reset to {remote.place}")
    elif local.uncommitted:
        repository.git("reset", opts=["--hard"], **_lfs_keys(run))
        run.done.append("Uncommitted changes were discarded")
    if not switch or want.branch in local.branches:
        _track(run, local)
    if distance.forward and not remote.is_at(local.base):
        _fast_forward(run)
    if want.submodules:
        update_submodules(run)


def _check_out(run: Run, local: Local) -> None:
    want, repository = run.want, run.repository
    if local.uncommitted and not want.force_checkout:
        raise CommandExecutionError(
            f"Local branch '{local.branch}' has uncommitted changes. Set 'force_checkout' to True to discard them and "
            "proceed."
        )
    if want.branch in local.branches:
        repository.git("checkout", want.branch, force=want.force_checkout)
        run.done.append(f"'{want.branch}' was checked out")
    else:
        repository.git("checkout", run.start, force=want.force_checkout, opts=["-b", want.branch])
        place = run.remote.place
        run.done.append(f"New branch '{want.branch}' was checked out, with {place} as a starting point")


def _track(run: Run, local: Local) -> None:
    desired = run.remote.upstream
    if local.branch is None and desired:
        raise CommandExecutionError(
            "Cannot set/unset upstream tracking branch, local HEAD refers to nonexistent branch. This may have been "
            "caused by cloning a remote repository for which the default branch was renamed or deleted. If you are "
            "unable to fix the remote repository, you can work around this by setting the 'branch' argument (which "
            "will ensure that the named branch is created if it does not already exist)."
        )
    comment = tracking(run.repository, local.upstream, desired)
    run.done += [comment] if comment else []


def _lfs_keys(run: Run) -> Dict[str, Any]:
    """How git LFS signs in while files are checked out."""
    want = run.want
    everywhere = {"global": True, "ignore_retcode": True}
    if not want.identity or not run.repository.elsewhere("config_get_regexp", r"filter\.lfs\.", **everywhere):
        return {}
    return {"identity": want.identity}


def _fast_forward(run: Run) -> None:
    want, remote, repository = run.want, run.remote, run.repository
    if not remote.upstream and want.rev != "HEAD":
        repository.git("reset", opts=["--hard", want.rev], **_lfs_keys(run))
        run.done.append(f"Repository was reset to {want.rev} (fast-forward)")
        return
    if not repository.ask("symbolic_ref", "HEAD", opts=["--quiet"]):
        raise CommandExecutionError("Unable to fast-forward, HEAD is detached")
    repository.git("merge", rev=remote.rev, opts=["--ff-only"], **_lfs_keys(run))
    run.done.append(f"Repository was fast-forwarded to {remote.place}")


def update_submodules(run: Run) -> None:
    """Brings submodules to what the commit says."""
    try:
        run.repository.update_submodules(**run.want.keys)
    except CommandExecutionError as exc:
        raise CommandExecutionError(f"Failed to update submodules: {reason(exc)}") from exc


def _verdict(run: Run, local: Local) -> Result:
    commit = run.repository.ask("revision")
    if not run.want.bare and not run.remote.is_at(commit):
        raise CommandExecutionError("Failed to update repository")
    if commit == local.rev:
        return up_to_date(run, run.done)
    run.ret["comment"] = sentences(run.done)
    run.ret["changes"]["revision"] = {"old": local.rev, "new": commit}
    return run.ret
