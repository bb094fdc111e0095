"""Jobs that cron runs."""

from __future__ import annotations

from typing import Any, Callable, Dict, Mapping, Optional, Tuple

from minion.modules import _crontab
from minion.modules._file_common import remove_scratch, scratch_file
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__env__: str


def __virtual__() -> Any:
    return True if "cron.list_tab" in __salt__ else (False, "cron module could not be loaded")


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
    """Sees to it that cron runs a command at certain times.

    Args:
        name: the command.
        user: in whose crontab, and as whom it runs.
        minute, hour, daymonth, month, dayweek: when; `random` chooses once.
        comment: a comment above the job.
        commented: the job stands there, but is switched off.
        identifier: by which the job is found again when its command changes; the command if not given.
        special: a time such as `@daily` or `@reboot`, instead.
    """
    name = name.strip()
    about = {"comment": comment, "commented": commented, "identifier": name if identifier is False else identifier}
    times = {"minute": minute, "hour": hour, "daymonth": daymonth, "month": month, "dayweek": dayweek}
    ret = begun(name)
    if __opts__["test"]:
        return _predicted_change(ret, f"Cron {name}", _status(user, name, times, special, about))
    if special is None:
        done = __salt__["cron.set_job"](user=user, cmd=name, **times, **about)
    else:
        done = __salt__["cron.set_special"](user=user, special=special, cmd=name, **about)
    return _told(ret, f"Cron {name}", user, done)


def _status(user: str, command: str, times: Mapping[str, Any], special: Optional[str], about: Mapping[str, Any]) -> str:
    """What setting a job would do: `present`, `update` or `absent`."""
    identifier = about["identifier"]
    comment = about["comment"]
    wanted = {
        **({key: str(time).lower() for key, time in times.items()} if special is None else {"spec": special}),
        "cmd": command,
        "identifier": str(identifier) if identifier else None,
        "comment": None if comment is None else _crontab.plain_comment(str(comment).splitlines()),
        "commented": about["commented"] is True,
    }
    table = __salt__["cron.list_tab"](user)
    for job in table["crons"] + table["special"]:
        if _crontab.matches(job, command, identifier):
            return "present" if _crontab.changed(job, wanted) is None else "update"
    return "absent"


def _predicted_change(ret: Result, what: str, status: str) -> Result:
    if status == "present":
        ret["comment"] = f"{what} already present"
        return ret
    return predicted(ret, f"{what} is set to be {'updated' if status == 'update' else 'added'}")


def _told(ret: Result, what: str, user: str, done: str) -> Result:
    """The result, by what the execution function says."""
    said: Dict[str, Tuple[str, bool]] = {
        "present": ("already present", False),
        "absent": ("already absent", False),
        "new": (f"added to {user}'s crontab", True),
        "updated": ("updated", True),
        "removed": (f"removed from {user}'s crontab", True),
    }
    if done not in said:
        return failed(ret, f"{what} for user {user} failed to commit with error \n{done}")
    words, changed = said[done]
    ret.update(comment=f"{what} {words}", changes={user: ret["name"]} if changed else {})
    return ret


def absent(
    name: str, user: str = "root", identifier: Any = False, special: Optional[str] = None, **kwargs: Any
) -> Result:
    """Sees to it that cron does not run a command.

    Args:
        name: the command.
        user: in whose crontab.
        identifier: the identifier of the job; the command if not given.
        special: the time, if it is one such as `@daily`.
        kwargs: ignored; the times of the job do not matter.
    """
    name = name.strip()
    identifier = name if identifier is False else identifier
    ret = begun(name)
    if __opts__["test"]:
        jobs = __salt__["cron.list_tab"](user)["crons" if special is None else "special"]
        if any(_crontab.matches(job, name, identifier) and special in (None, job.get("spec")) for job in jobs):
            return predicted(ret, f"Cron {name} is set to be removed")
        ret["comment"] = f"Cron {name} is absent"
        return ret
    if special is None:
        done = __salt__["cron.rm_job"](user, name, identifier=identifier)
    else:
        done = __salt__["cron.rm_special"](user, name, special=special, identifier=identifier)
    return _told(ret, f"Cron {name}", user, done)


def file(
    name: str,
    source_hash: Any = "",
    source_hash_name: Optional[str] = None,
    user: str = "root",
    template: Optional[str] = None,
    context: Optional[Dict[str, Any]] = None,
    replace: bool = True,
    defaults: Optional[Dict[str, Any]] = None,
    backup: Any = "",
    **kwargs: Any,
) -> Result:
    """Sees to it that a user's crontab is what a file holds.

    Args:
        name: where the file comes from, as `source` of `file.managed`.
        source_hash, source_hash_name: what digest it must have.
        user: whose crontab.
        template: the engine that renders the file.
        context, defaults: variables for the template; those in `context` win.
        replace: False leaves a crontab that is there already.
        backup: `minion` keeps the crontab as it was.
        kwargs: the template sees them.
    """
    ret = begun(name)
    groups = __salt__["user.info"](user).get("groups")
    if not groups:
        return failed(ret, f"Could not identify group for user {user}")
    present_tab = __salt__["cron.raw_cron"](user)
    if not replace and present_tab.strip():
        ret["comment"] = f"User {user} already has a crontab. No changes made"
        return ret
    path = scratch_file((present_tab if present_tab.endswith("\n") else f"{present_tab}\n").encode())
    owner = {"user": user, "group": groups[0], "mode": "0600", "attrs": None}
    content = {"template": template, "context": context, "defaults": defaults, "saltenv": __env__, **kwargs}
    try:
        source = {"source": name, "source_hash": source_hash, "source_hash_name": source_hash_name}
        if __opts__["test"]:
            ret["result"], ret["comment"] = __salt__["file.check_managed"](path, **source, **owner, **content)
            return ret
        return _replace(ret, path, source, owner, content, backup)
    finally:
        remove_scratch(path, __opts__)


def _replace(
    ret: Result, path: str, source: Dict[str, Any], owner: Dict[str, Any], content: Dict[str, Any], backup: Any
) -> Result:
    """Puts the new crontab into a file, and has crontab(1) take it from there if it differs."""
    try:
        url, source_hash = __salt__["file.source_list"](source["source"], source["source_hash"], __env__)
        source = {**source, "source": url, "source_hash": source_hash}
        fetched, digest, complaint = __salt__["file.get_managed"](path, **source, **owner, **content)
        if complaint:
            return failed(ret, complaint)
        ret = __salt__["file.manage_file"](path, fetched, ret, url, digest, saltenv=__env__, backup=backup, **owner)
    except Exception as exc:  # noqa: BLE001 - a template may raise anything
        return failed({**ret, "changes": {}}, f"Unable to manage file: {exc}")
    user = owner["user"]
    if "diff" not in ret["changes"]:
        if ret["result"]:
            ret.update(comment=f"Crontab for user {user} is in the correct state", changes={})
        return ret
    done = __salt__["cron.write_cron_file_verbose"](user, path)
    if done["retcode"]:
        comment = f"Unable to update user {user} crontab {path}. Error: {done['stderr']}"
        return failed({**ret, "changes": {}}, comment)
    ret["comment"] = f"Crontab for user {user} was updated"
    return ret


def env_present(name: str, value: Optional[str] = None, user: str = "root") -> Result:
    """Sees to it that a variable has a certain value in a crontab.

    Args:
        name: the variable.
        value: its value; empty if not given.
        user: in whose crontab.
    """
    ret = begun(name)
    if __opts__["test"]:
        wanted = '""' if value is None or value == "" else str(value)
        values = [entry["value"] for entry in __salt__["cron.list_tab"](user)["env"] if entry["name"] == name]
        status = "absent" if not values else "present" if values[0] == wanted else "update"
        return _predicted_change(ret, f"Cron env {name}", status)
    return _told(ret, f"Cron env {name}", user, __salt__["cron.set_env"](user, name, value=value))


def env_absent(name: str, user: str = "root") -> Result:
    """Sees to it that a variable is not set in a crontab.

    Args:
        name: the variable.
        user: in whose crontab.
    """
    name = name.strip()
    ret = begun(name)
    if __opts__["test"]:
        if any(entry["name"] == name for entry in __salt__["cron.list_tab"](user)["env"]):
            return predicted(ret, f"Cron env {name} is set to be removed")
        ret["comment"] = f"Cron env {name} is absent"
        return ret
    return _told(ret, f"Cron env {name}", user, __salt__["cron.rm_env"](user, name))
