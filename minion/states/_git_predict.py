"""What git.latest would do to a repository that is there: test mode."""

from __future__ import annotations

from typing import List

from minion.modules._git import redact
from minion.states._git import sentences, short
from minion.states._git_local import Distance, Local
from minion.states._git_wanted import Run, up_to_date
from minion.states._result import Result, predicted


def predict(run: Run, local: Local, distance: Distance) -> Result:
    """The result in test mode."""
    if run.want.bare:
        return _predict_bare(run, local)
    if run.remote.rev is None:
        return up_to_date(run, [])
    if local.urls.get(run.want.remote, {}).get("fetch") != run.want.url:
        return _verdict(run, distance, _with_another_url(run, local, distance))
    return _verdict(run, distance, _actions(run, local, distance))


def _verdict(run: Run, distance: Distance, actions: List[str]) -> Result:
    """Tags that would change count, too: a run reports them."""
    for key, tags in (("new_tags", distance.new_tags), ("deleted_tags", distance.old_tags)):
        if tags:
            run.ret["changes"][key] = tags
    if run.ret["changes"]:
        return predicted(run.ret, sentences(actions))
    if not distance.matches and not run.want.update_head and actions:
        return {**run.ret, "comment": sentences(actions)}
    return up_to_date(run, actions)


def _with_another_url(run: Run, local: Local, distance: Distance) -> List[str]:
    old = local.urls.get(run.want.remote, {}).get("fetch")
    shown = redact(old) if old else None
    actions = [f"Remote '{run.want.remote}' would be changed from {shown} to {run.shown_url}"]
    if not distance.has_rev or distance.new_tags:
        actions.append("Remote would be fetched")
    if not distance.matches and run.want.update_head:
        run.ret["changes"]["revision"] = {"old": local.rev, "new": run.remote.rev}
        if distance.forward is False:
            run.ret["changes"]["forced update"] = True
        actions.append(f"Repository would be {distance.action} to {short(run.remote.rev)}")
    return actions


def _actions(run: Run, local: Local, distance: Distance) -> List[str]:
    want, remote = run.want, run.remote
    switch = want.changes_branch(local.branch)
    actions = []
    if not distance.has_rev or distance.new_tags:
        actions.append(f"Remote '{want.remote}' would be fetched")
    if not distance.matches and (want.update_head or switch):
        run.ret["changes"]["revision"] = {"old": local.rev, "new": remote.rev}
    if distance.old_tags:
        actions.append(f"The following tags would be removed from the local checkout: {', '.join(distance.old_tags)}")
    if switch and want.branch not in local.branches:
        actions.append(f"New branch '{want.branch}' would be checked out, with {remote.place} as a starting point")
        actions += [f"Tracking branch would be set to {remote.upstream}"] if remote.upstream else []
    elif switch:
        actions.append(f"Branch '{want.branch}' would be checked out and {distance.action} to {short(remote.rev)}")
    elif not distance.matches:
        actions.append(_move(run, local, distance))
    return actions + _tracking(local, remote.upstream)


def _move(run: Run, local: Local, distance: Distance) -> str:
    before, after = short(local.rev), short(run.remote.rev)
    if not run.want.update_head:
        place = run.remote.place
        return f"Local HEAD ({before}) does not match {place} but update_head=False, HEAD would not be updated locally"
    if distance.forward is True:
        return f"Repository would be fast-forwarded from {before} to {after}"
    how = "hard-reset" if run.want.force_reset and distance.has_rev else "updated"
    return f"Repository would be {how} from {before} to {after}"


def _tracking(local: Local, desired: object) -> List[str]:
    if desired and local.upstream != desired:
        return [f"Tracking branch would be {'updated' if local.upstream else 'set'} to {desired}"]
    return ["Tracking branch would be unset"] if local.upstream and desired is False else []


def _predict_bare(run: Run, local: Local) -> Result:
    head = run.remote.refs.get("HEAD")
    if head == local.rev:
        return up_to_date(run, [])
    changed = {"old": local.rev, "new": head}
    return predicted(run.ret, f"Bare repository at {run.target} would be fetched", revision=changed)
