"""Jobs and variables of users' crontabs."""

from __future__ import annotations

import os
import tempfile
from typing import Any, Callable, Dict, Optional

from minion.errors import MinionError
from minion.modules import _crontab
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str


def __virtual__() -> Any:
    return True if "cron.list_tab" in __salt__ else (False, "the crontab program is not installed")


def present(
    name: str,
    user: str = "root",
    minute: Any = "*",
    hour: Any = "*",
    daymonth: Any = "*",
    month: Any = "*",
    dayweek: Any = "*",
    comment: Optional[str] = None,
    commented: bool = False,
    identifier: Any = False,
    special: Optional[str] = None,
) -> Result:
    """Sees to it that a job is in a user's crontab.

    Args:
        name: the command.
        user: whose crontab.
        minute, hour, daymonth, month, dayweek: when; `random` chooses once, `10:20` once from a range.
        comment: a comment above the job.
        commented: disable the job.
        identifier: by which the job is found again when its command changes; by default the command.
        special: when, as @reboot, @hourly, @daily, ... instead of times.
    """
    name = name.strip()
    identifier = name if identifier is False else identifier
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    about = {"cmd": name, "comment": comment, "commented": commented is True, "identifier": identifier}
    if __opts__["test"]:
        when = {"spec": special} if special else _crontab.lowered(*times.values())
        wanted = _crontab.job(when, **about)
        job = _crontab.find(__salt__["cron.list_tab"](user), wanted)
        return _predict_set(name, "Cron", job is not None, job is not None and not _crontab.changed(job, wanted))
    if special is None:
        status = __salt__["cron.set_job"](user=user, **times, **about)
    else:
        status = __salt__["cron.set_special"](user=user, special=special, **about)
    return _after_set(name, "Cron", user, status)


def absent(
    name: str, user: str = "root", identifier: Any = False, special: Optional[str] = None, **kwargs: Any
) -> Result:
    """Sees to it that a job is not in a user's crontab.

    Args:
        name: the command.
        user: whose crontab.
        identifier: the job's identifier; by default the command.
        special: the job's time, if it is one like @daily.
        kwargs: ignored: the times of the job do not matter.
    """
    name = name.strip()
    identifier = name if identifier is False else identifier
    if __opts__["test"]:
        table = __salt__["cron.list_tab"](user)
        jobs = table["crons"] if special is None else [job for job in table["special"] if job["spec"] == special]
        return _predict_removal(name, "Cron", any(_crontab.matches(job, name, identifier) for job in jobs))
    if special is None:
        status = __salt__["cron.rm_job"](user, name, identifier=identifier)
    else:
        status = __salt__["cron.rm_special"](user, name, special=special, identifier=identifier)
    return _after_removal(name, "Cron", user, status)


def env_present(name: str, value: Any = None, user: str = "root") -> Result:
    """Sees to it that a variable is set in a user's crontab.

    Args:
        name: the variable.
        value: its value.
        user: whose crontab.
    """
    if __opts__["test"]:
        found = [entry["value"] for entry in __salt__["cron.list_tab"](user)["env"] if entry["name"] == name]
        wanted = '""' if value in (None, "") else str(value)
        return _predict_set(name, "Cron env", bool(found), found[:1] == [wanted])
    return _after_set(name, "Cron env", user, __salt__["cron.set_env"](user, name, value=value))


def env_absent(name: str, user: str = "root") -> Result:
    """Sees to it that a variable is not set in a user's crontab.

    Args:
        name: the variable.
        user: whose crontab.
    """
    name = name.strip()
    if __opts__["test"]:
        entries = __salt__["cron.list_tab"](user)["env"]
        return _predict_removal(name, "Cron env", any(entry["name"] == name for entry in entries))
    return _after_removal(name, "Cron env", user, __salt__["cron.rm_env"](user, name))


def _predict_set(name: str, what: str, exists: bool, is_right: bool) -> Result:
    if is_right:
        return {**begun(name), "comment": f"{what} {name} already present"}
    return {**begun(name, None), "comment": f"{what} {name} is set to be {'updated' if exists else 'added'}"}


def _after_set(name: str, what: str, user: str, status: str) -> Result:
    ret = begun(name)
    if status == "present":
        return {**ret, "comment": f"{what} {name} already present"}
    comments = {"new": f"{what} {name} added to {user}'s crontab", "updated": f"{what} {name} updated"}
    if status not in comments:
        return failed(ret, f"{what} {name} for user {user} failed to commit with error \n{status}")
    return {**ret, "changes": {user: name}, "comment": comments[status]}


def _predict_removal(name: str, what: str, exists: bool) -> Result:
    if not exists:
        return {**begun(name), "comment": f"{what} {name} is absent"}
    return {**begun(name, None), "comment": f"{what} {name} is set to be removed"}


def _after_removal(name: str, what: str, user: str, status: str) -> Result:
    ret = begun(name)
    if status == "absent":
        return {**ret, "comment": f"{what} {name} already absent"}
    if status != "removed":
        return failed(ret, f"{what} {name} for user {user} failed to commit with error {status}")
    return {**ret, "changes": {user: name}, "comment": f"{what} {name} removed from {user}'s crontab"}


def file(
    name: str,
    source_hash: Any = "",
    source_hash_name: Optional[str] = None,
    user: str = "root",
    template: Optional[str] = None,
    context: Any = None,
    replace: bool = True,
    defaults: Any = None,
    backup: Any = "",
    **kwargs: Any,
) -> Result:
    """Sees to it that a user's crontab is a certain file.

    Args:
        name: where the file comes from: a `salt://`, `http://`, `https://`, `ftp://` or `file://` URL, or a path.
        source_hash: a digest, `<type>=<digest>`, or where a file of digests is; needed for what comes from elsewhere.
        source_hash_name: the name to look for in a file of digests.
        user: whose crontab.
        template: the engine that renders the content.
        context, defaults: variables for the template; those in `context` win.
        replace: False leaves a crontab that there is.
        backup: `minion` keeps the file as it was.
        kwargs: the template sees them.
    """
    ret = begun(name)
    groups = __salt__["user.info"](user).get("groups")
    if not groups:
        return failed(ret, f"Could not identify group for user {user}")
    now = __salt__["cron.raw_cron"](user)
    if not replace and now:
        return {**ret, "comment": f"User {user} already has a crontab. No changes made"}
    with tempfile.TemporaryDirectory(prefix="saltern-") as folder:
        path = os.path.join(folder, "crontab")
        with open(path, "w", encoding="utf-8") as scratch:
            scratch.write(now if now.endswith("\n") else f"{now}\n")
        owner: Dict[str, Any] = {"user": None, "group": None, "mode": "0600", "attrs": [], "saltenv": __env__}
        of_source = {"source_hash_name": source_hash_name, "template": template, "context": context}
        of_source["defaults"] = defaults
        try:
            if __opts__["test"]:
                options = {"source": name, "source_hash": source_hash, **of_source, **owner, **kwargs}
                result, comment = __salt__["file.check_managed"](path, **options)
                return {**ret, "result": result, "comment": comment.replace(path, f"crontab of {user}")}
            source, digest = __salt__["file.source_list"](name, source_hash, __env__)
            options = {"source": source, "source_hash": digest, **of_source, **owner, **kwargs}
            fetched, source_sum, complaint = __salt__["file.get_managed"](path, **options)
            if complaint:
                return failed(ret, complaint)
            made = __salt__["file.manage_file"](
                path, fetched, None, source=source, source_sum=source_sum, backup=backup, **owner
            )
        except MinionError as exc:
            return failed(ret, f"Unable to manage file: {exc}")
        return _installed(ret, user, path, made)


def _installed(ret: Result, user: str, path: str, made: Result) -> Result:
    """Makes the file the crontab, if it is another one than before."""
    if made["result"] is False:
        return failed(ret, made["comment"])
    if "diff" not in made["changes"]:
        return {**ret, "comment": f"Crontab for user {user} is in the correct state"}
    done = __salt__["cron.write_cron_file_verbose"](user, path)
    if done["retcode"]:
        return failed(ret, f"Unable to update user {user} crontab {path}. Error: {done['stderr']}")
    changes = {"diff": made["changes"]["diff"]}
    return {**ret, "changes": changes, "comment": f"Crontab for user {user} was updated"}
