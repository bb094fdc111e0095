"""What the job store knows of jobs, and what runs now."""

from __future__ import annotations

import datetime
import os
import re
from typing import Any

import msgpack

from master.jobs import State
from master.jobstore import JobRecord, JobStore, Query, metadata_of
from master.runners import _parts
from minion.errors import CommandExecutionError, SaltInvocationError
from transports import names

__opts__: dict[str, Any]
__jid_event__: Any

_UNKNOWN = "Cannot contact returner or no job with this jid"
_FORMATS = (
    "%Y, %b %d %H:%M:%S.%f", "%Y, %b %d %H:%M:%S", "%Y, %b %d %H:%M", "%Y, %b %d", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M",
    "%Y/%m/%d", "%b %d %Y %H:%M", "%b %d %Y", "%d %b %Y %H:%M", "%d %b %Y",
)  # fmt: skip


def master() -> list[dict[str, Any]]:
    """The runners that run on the master now.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.master
    """
    folder = os.path.join(__opts__["cachedir"], "proc")
    running = []
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                noted = msgpack.unpackb(file.read())
            os.kill(noted["pid"], 0)
        except (OSError, ValueError, KeyError, TypeError):
            continue  # it has ended meanwhile, or was killed
        running.append(noted)
    return running


def active(display_progress: bool = False) -> dict[str, Any]:
    """The jobs that minions work on now, asked of all minions, by job id.

    Args:
        display_progress: show which minions have answered.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.active
    """
    answers = _parts.client(__opts__).cmd("*", "saltutil.running", timeout=__opts__["timeout"])
    found: dict[str, Any] = {}
    for minion, jobs in answers.items():
        if display_progress:
            _progress(f"Received reply from minion {minion}")
        for job in jobs if isinstance(jobs, list) else ():
            about = found.setdefault(job["jid"], {**_described(job), "StartTime": _time(job["jid"])})
            about.setdefault("Running", []).append({minion: job.get("pid")})
    with _parts.job_store(__opts__) as store:
        for jid, about in found.items():
            about["Returned"] = [returned.id for returned in store.returns(jid)]
    return found


def lookup_jid(
    jid: str,
    ext_source: str | None = None,
    returned: bool = True,
    missing: bool = False,
    display_progress: bool = False,
) -> Any:
    """What minions returned for a job.

    Args:
        jid: the job id.
        ext_source: accepted for Salt's sake.
        returned: show the minions that returned.
        missing: show those that did not, with what is known of them.
        display_progress: show what is being read.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.lookup_jid 20130916125524463507
        salt-run jobs.lookup_jid 20130916125524463507 missing=True --out=highstate
    """
    results: dict[str, Any] = {}
    outputter = ""
    with _parts.job_store(__opts__) as store:
        record = _known(store, jid)
        answered = set()
        for item in store.returns(str(jid)):
            answered.add(item.id)
            outputter = outputter or item.out
            if returned:
                results[item.id] = item.value
            if display_progress:
                _progress(item.id)
        if missing:
            states = store.verdicts(str(jid))
            for name in [*record.minions, *record.missing]:
                if name not in answered and states.get(name) != State.NOT_MATCHED:
                    state = f" [{states[name].replace('_', ' ')}]" if name in states else ""
                    results[name] = f"Minion did not return{state}"
    return {"outputter": outputter, "data": results} if outputter else results


def list_job(jid: str, ext_source: str | None = None, display_progress: bool = False) -> dict[str, Any]:
    """One job with all its returns.

    Args:
        jid: the job id.
        ext_source: accepted for Salt's sake.
        display_progress: show what is being read.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_job 20130916125524463507
        salt-run jobs.list_job 20130916125524463507 --out=pprint
    """
    if display_progress:
        _progress("Querying the job store")
    with _parts.job_store(__opts__) as store:
        record = store.job(_jid(jid))
        if record is None:
            return {"jid": str(jid), "Error": _UNKNOWN, "Result": {}, "StartTime": _time(str(jid))}
        return {"jid": str(jid), **_about(record), "Minions": list(record.minions), "Result": _results(store, str(jid))}


def print_job(jid: str, ext_source: str | None = None) -> dict[str, Any]:
    """One job with all its returns, below its id.

    Args:
        jid: the job id.
        ext_source: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.print_job 20130916125524463507
    """
    return {str(jid): {name: value for name, value in list_job(jid).items() if name != "jid"}}


def list_jobs(
    ext_source: str | None = None,
    outputter: str | None = None,
    search_metadata: Any = None,
    search_function: Any = None,
    search_target: Any = None,
    start_time: Any = None,
    end_time: Any = None,
    display_progress: bool = False,
    limit: int | None = None,
    offset: int = 0,
) -> Any:
    """All jobs that fit.

    Args:
        ext_source: accepted for Salt's sake.
        outputter: shows the result.
        search_metadata: keys and values, one of which is among the job's metadata.
        search_function: globs of functions, as a list or separated by commas.
        search_target: globs of targets or minions.
        start_time, end_time: times between which the job began, in UTC, as a date and time or a job id.
        display_progress: show what is being read.
        limit: so many of the newest at the most.
        offset: leave out so many of the newest.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_jobs
        salt-run jobs.list_jobs search_function='test.*,pkg.install' search_target='web*' limit=20
        salt-run jobs.list_jobs search_metadata='{"ticket": 7}' start_time='2026-05-01 12:00'
    """
    if search_metadata and not isinstance(search_metadata, dict):
        raise SaltInvocationError(f"search_metadata must be a dictionary, not {search_metadata!r}")
    query = Query(
        fun=_parts.listed(search_function),
        target=_parts.listed(search_target),
        since=_moment(start_time),
        until=_moment(end_time),
        metadata=search_metadata or {},
    )
    if display_progress:
        _progress("Querying the job store for jobs.")
    with _parts.job_store(__opts__) as store:
        found = {record.job.jid: _about(record) for record in store.find(query, limit, offset)}
    return {"outputter": outputter, "data": found} if outputter else found


def list_jobs_filter(
    count: int,
    filter_find_job: bool = True,
    ext_source: str | None = None,
    outputter: str | None = None,
    display_progress: bool = False,
) -> Any:
    """The newest jobs.

    Args:
        count: so many.
        filter_find_job: leave out those that only ask whether others are still running.
        ext_source: accepted for Salt's sake.
        outputter: shows the result.
        display_progress: show what is being read.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.list_jobs_filter 50
        salt-run jobs.list_jobs_filter 100 filter_find_job=False
    """
    found: list[dict[str, Any]] = []
    with _parts.job_store(__opts__) as store:
        for record in store.find():
            if len(found) >= count:
                break
            if not (filter_find_job and record.job.fun == ("saltutil.find_job",)):
                found.append({"JID": record.job.jid, **_about(record)})
    return {"outputter": outputter, "data": found} if outputter else found


def last_run(
    ext_source: str | None = None,
    outputter: str | None = None,
    metadata: Any = None,
    function: Any = None,
    target: Any = None,
    display_progress: bool = False,
) -> Any:
    """The newest job that fits, with all its returns; False if there is none.

    Args:
        ext_source, outputter: accepted for Salt's sake.
        metadata, function, target: as in `jobs.list_jobs`.
        display_progress: show what is being read.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.last_run
        salt-run jobs.last_run target=nodename function='cmd.run'
    """
    found = list_jobs(
        search_metadata=metadata,
        search_function=function,
        search_target=target,
        display_progress=display_progress,
        limit=1,
    )
    return print_job(next(iter(found))) if found else False


def exit_success(jid: str, ext_source: str | None = None) -> dict[str, bool]:
    """Minion -> whether it returned success for a job.

    Args:
        jid: the job id.
        ext_source: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run jobs.exit_success 20160520145827701627
    """
    with _parts.job_store(__opts__) as store:
        record = _known(store, jid)
        return {**dict.fromkeys(record.minions, False), **{item.id: item.ok for item in store.returns(str(jid))}}


# What follows is not public.


def _known(store: JobStore, jid: Any) -> JobRecord:
    record = store.job(_jid(jid))
    if record is None:
        raise CommandExecutionError(f"{_UNKNOWN}: {jid}")
    return record


def _jid(jid: Any) -> str:
    return names.jid(str(jid))


def _results(store: JobStore, jid: str) -> dict[str, Any]:
    results = {}
    for item in store.returns(jid):
        shown = {"return": item.value, "retcode": item.retcode, "success": item.success}
        results[item.id] = {**shown, "out": item.out} if item.out else shown
    return results


def _about(record: JobRecord) -> dict[str, Any]:
    return {**_described(record.job.to_wire()), "StartTime": _time(record.job.jid)}


def _described(load: dict[str, Any]) -> dict[str, Any]:
    about = {
        "Function": load.get("fun", "unknown-function"),
        "Arguments": list(load.get("arg") or ()),
        "Target": load.get("tgt", "unknown-target"),
        "Target-type": load.get("tgt_type", "list"),
        "User": load.get("user") or "root",
    }
    metadata = metadata_of(load)
    return about if metadata is None else {**about, "Metadata": metadata}


def _time(jid: str) -> str:
    return names.jid_time(jid).strftime("%Y, %b %d %H:%M:%S.%f")


def _moment(text: Any) -> datetime.datetime | None:
    """A time that a user wrote, in UTC, as the StartTime of jobs is."""
    if text in (None, ""):
        return None
    written = str(text).strip()
    if written == "now":
        return datetime.datetime.now(datetime.UTC)
    if re.fullmatch(r"\d{20}", written):
        return names.jid_time(written)
    try:
        return _utc(datetime.datetime.fromisoformat(written))
    except ValueError:
        pass
    for form in _FORMATS:
        try:
            return _utc(datetime.datetime.strptime(written, form))
        except ValueError:
            continue
    raise SaltInvocationError(f"{written!r} is no time: write it like 2026-05-01 12:00")


def _utc(moment: datetime.datetime) -> datetime.datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _progress(message: str) -> None:
    __jid_event__.fire_event({"message": message}, "progress")
