"""Manage users' crontabs."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError
from minion.modules import _accounts, _crontab, _tools

__salt__: Dict[str, Callable[..., Any]]

log = logging.getLogger(__name__)

_NOTHING_THERE = ("no crontab for", "No such file or directory")


def __virtual__() -> Any:
    if _tools.which("crontab"):
        return True
    return False, "the crontab program is not installed"


def raw_cron(user: str) -> str:
    """The crontab of a user as it is; empty if there is none.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.raw_cron root
    """
    if _accounts.user(user) is None:
        return ""  # may be about to be made by the same state run
    command = [*_crontab_of(user), "-l"]
    done = _tools.result(__salt__, command, rstrip=False, ignore_retcode=True)
    if done["retcode"] == 0:
        return _crontab.without_header(done["stdout"])
    if any(text in done["stderr"] for text in _NOTHING_THERE):
        return ""
    raise CommandExecutionError(_tools.failure(command, done))


def list_tab(user: str) -> Dict[str, List[Any]]:
    """The crontab of a user: jobs (`crons`), jobs like @daily (`special`), variables (`env`), lines above them (`pre`).

    CLI Example:

    .. code-block:: bash

        salt '*' cron.list_tab root
    """
    return _crontab.parse(raw_cron(user))


ls = list_tab


def get_entry(user: str, identifier: Optional[str] = None, cmd: Optional[str] = None) -> Any:
    """One job of a user, found by identifier or command; False if there is none.

    Args:
        user: whose crontab.
        identifier: the job's identifier; comes before `cmd`.
        cmd: the job's command.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.get_entry root identifier=task1
    """
    if identifier and cmd:
        log.warning("Both identifier and cmd are specified. Only using identifier.")
    key, wanted = ("identifier", identifier) if identifier else ("cmd", cmd)
    table = list_tab(user)
    jobs = table["crons"] + table["special"]
    return next((job for job in jobs if wanted and job[key] == str(wanted)), False)


def set_job(
    user: str,
    minute: Any,
    hour: Any,
    daymonth: Any,
    month: Any,
    dayweek: Any,
    cmd: str,
    commented: bool = False,
    comment: Optional[str] = None,
    identifier: Optional[str] = None,
) -> str:
    """Sets a job of a user: `new`, `updated`, `present`, or what crontab said against it.

    Args:
        user: whose crontab.
        minute, hour, daymonth, month, dayweek: when; `random` chooses once, `10:20` once from a range.
        cmd: the command.
        commented: disable the job.
        comment: a comment above the job.
        identifier: by which the job is found again when its command changes.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.set_job root '*' '*' '*' '*' 1 /usr/local/weekly
    """
    times = _crontab.lowered(minute, hour, daymonth, month, dayweek)
    return _set(user, _crontab.job(times, cmd, commented, comment, identifier))


def set_special(
    user: str,
    special: str,
    cmd: str,
    commented: bool = False,
    comment: Optional[str] = None,
    identifier: Optional[str] = None,
) -> str:
    """Sets a job with a time like @daily: `new`, `updated`, `present`, or what crontab said against it.

    Args:
        user: whose crontab.
        special: when: @reboot, @hourly, @daily, ...
        cmd: the command.
        commented: disable the job.
        comment: a comment above the job.
        identifier: by which the job is found again when its command changes.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.set_special root @hourly 'echo foobar'
    """
    return _set(user, _crontab.job({"spec": special}, cmd, commented, comment, identifier))


def _set(user: str, wanted: Dict[str, Any]) -> str:
    table = _editable(user)
    kind = "special" if "spec" in wanted else "crons"
    old = _crontab.find(table, wanted)
    new: Optional[Dict[str, Any]] = wanted
    if old is not None:
        new = _crontab.changed(old, wanted)
        if new is None:
            return "present"
        table["special" if "spec" in old else "crons"].remove(old)
    assert new is not None
    if kind == "crons":
        new.update(_crontab.at_random({key: new[key] for key in _crontab.TIMES}))
    table[kind].append(new)
    return _save(user, table) or ("new" if old is None else "updated")


def rm_job(
    user: str,
    cmd: str,
    minute: Any = None,
    hour: Any = None,
    daymonth: Any = None,
    month: Any = None,
    dayweek: Any = None,
    identifier: Optional[str] = None,
) -> str:
    """Removes a job of a user: `removed`, `absent`, or what crontab said against it.

    Args:
        user: whose crontab.
        cmd: the job's command.
        minute, hour, daymonth, month, dayweek: only if the job runs then.
        identifier: the job's identifier, if it has one.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.rm_job root /usr/local/weekly
        salt '*' cron.rm_job root /usr/bin/foo dayweek=1
    """
    times = dict(zip(_crontab.TIMES, (minute, hour, daymonth, month, dayweek)))
    return _remove(user, "crons", lambda job: _crontab.matches(job, cmd, identifier) and _crontab.at_time(job, times))


rm = rm_job


def rm_special(user: str, cmd: str, special: Optional[str] = None, identifier: Optional[str] = None) -> str:
    """Removes a job with a time like @daily: `removed`, `absent`, or what crontab said against it.

    Args:
        user: whose crontab.
        cmd: the job's command.
        special: only if the job runs then.
        identifier: the job's identifier, if it has one.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.rm_special root /usr/bin/foo
    """
    return _remove(
        user,
        "special",
        lambda job: _crontab.matches(job, cmd, identifier) and special in (None, job["spec"]),
    )


def set_env(user: str, name: str, value: Optional[str] = None) -> str:
    """Sets a variable in the crontab of a user: `new`, `updated`, `present`, or what crontab said against it.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.set_env root MAILTO user@example.com
    """
    table = _editable(user)
    text = '""' if value is None or value == "" else str(value)
    old = [entry for entry in table["env"] if entry["name"] == name]
    if old and old[0]["value"] == text:
        return "present"
    table["env"] = [entry for entry in table["env"] if entry["name"] != name] + [{"name": name, "value": text}]
    return _save(user, table) or ("updated" if old else "new")


def rm_env(user: str, name: str) -> str:
    """Removes a variable from the crontab of a user: `removed`, `absent`, or what crontab said against it.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.rm_env root MAILTO
    """
    return _remove(user, "env", lambda entry: bool(entry["name"] == name))


def _remove(user: str, kind: str, is_meant: Callable[[Dict[str, Any]], bool]) -> str:
    table = _editable(user)
    found = next((entry for entry in table[kind] if is_meant(entry)), None)
    if found is None:
        return "absent"
    table[kind].remove(found)
    return _save(user, table) or "removed"


def write_cron_file(user: str, path: str) -> bool:
    """Makes a file's content the crontab of a user.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.write_cron_file root /tmp/new_cron
    """
    return bool(write_cron_file_verbose(user, path)["retcode"] == 0)


def write_cron_file_verbose(user: str, path: str) -> Dict[str, Any]:
    """Makes a file's content the crontab of a user, and returns what crontab said.

    CLI Example:

    .. code-block:: bash

        salt '*' cron.write_cron_file_verbose root /tmp/new_cron
    """
    return _tools.result(__salt__, [*_crontab_of(user), os.path.abspath(path)])


def _editable(user: str) -> Dict[str, List[Any]]:
    text = raw_cron(user)
    if "\ufffd" in text:
        raise CommandExecutionError(f"The crontab of user '{user}' is not UTF-8 text; changing it would damage it")
    return _crontab.parse(text)


def _save(user: str, table: Dict[str, List[Any]]) -> str:
    """Makes a table the crontab of a user. Returns what crontab said against it, if it did."""
    command = [*_crontab_of(user), "-"]
    done = _tools.result(__salt__, command, stdin=_crontab.render(table), stdin_raw_newlines=True)
    return (str(done["stderr"]) or _tools.failure(command, done)) if done["retcode"] else ""


def _crontab_of(user: str) -> List[str]:
    """The crontab command for a user; only root may name another."""
    account = _accounts.user(user)
    own = account is not None and account.pw_uid == os.geteuid()
    return ["crontab"] if own else ["crontab", "-u", str(user)]
