"""The jobs at work on this minion, and what it remembers of those that are over."""

from __future__ import annotations

import fnmatch
import logging
import os
import shutil
import signal
import time
from typing import Any, Callable, Dict, List

from minion import running as _running
from minion.errors import SaltInvocationError
from minion.modules import _descendants
from transports import codec
from transports.errors import CodecError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "saltutil"

log = logging.getLogger(__name__)


def _cache(*parts: str) -> str:
    return os.path.join(str(__opts__["cachedir"]), *parts)


def running() -> List[Dict[str, Any]]:
    """All jobs at work on the minion but the one that asks.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.running
    """
    return _running.jobs(_running.folder_of(str(__opts__["cachedir"])))


def is_running(fun: str) -> List[Dict[str, Any]]:
    """The jobs at work whose function matches a glob.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.is_running state.highstate
    """
    return [job for job in running() if fnmatch.fnmatch(_name(job), fun)]


def _name(job: Dict[str, Any]) -> str:
    fun = job.get("fun", "")
    return fun if isinstance(fun, str) else ",".join(fun)


def find_job(jid: str) -> Dict[str, Any]:
    """What is known of a job that is at work; nothing if it is not.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.find_job <job id>
    """
    for job in running():
        if job["jid"] == str(jid):
            return job
    return {}


def find_cached_job(jid: str) -> Any:
    """The return of a job that is over, if the minion keeps them (`cache_jobs`).

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.find_cached_job <job id>
    """
    folder = _cache("minion_jobs", os.path.basename(str(jid)))
    if not os.path.isdir(folder):
        if not __opts__.get("cache_jobs"):
            return "Local jobs cache directory not found; you may need to enable cache_jobs on this minion"
        return f"Local jobs cache directory {folder} not found"
    try:
        with open(os.path.join(folder, "return.p"), "rb") as file:
            found = codec.unpack(file.read())
    except (OSError, CodecError) as exc:
        log.error("The return of job %s can't be read: %s", jid, exc)
        return None
    return found if isinstance(found, dict) else None


def clear_job_cache(hours: float = 24) -> bool:
    """Removes the returns of jobs that were kept (`cache_jobs`) longer than some hours ago.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.clear_job_cache hours=12
    """
    limit = time.time() - hours * 3600
    base = _cache("minion_jobs")
    for name in os.listdir(base) if os.path.isdir(base) else []:
        path = os.path.join(base, name)
        try:
            if os.path.isdir(path) and not os.path.islink(path) and os.path.getmtime(path) < limit:
                shutil.rmtree(path)
        except OSError as exc:
            log.error("The job cache can't be cleared: %s", exc)
            return False
    return True


def signal_job(jid: str, sig: int) -> str:
    """Sends a signal to the process of a job and to all that it started.

    Args:
        jid: the job.
        sig: number of the signal.

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.signal_job <job id> 15
    """
    if not 0 < int(sig) < signal.NSIG:
        raise SaltInvocationError(f"{sig} is no number of a signal: 1 to {signal.NSIG - 1}")
    job = find_job(jid)
    if not job:
        return ""
    pid = int(job["pid"])
    try:
        for child in _descendants.of(pid):
            _descendants.send(child, int(sig))
        os.kill(pid, int(sig))
    except ProcessLookupError:
        _running.leave(_cache("proc", str(job["jid"])))
        return f"Job {jid} was not running and job data has been cleaned up"
    return f"Signal {int(sig)} sent to job {jid} at pid {pid}"


def term_job(jid: str) -> str:
    """Asks a job to end (signal 15).

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.term_job <job id>
    """
    return signal_job(jid, signal.SIGTERM)


def kill_job(jid: str) -> str:
    """Kills a job (signal 9).

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.kill_job <job id>
    """
    return signal_job(jid, signal.SIGKILL)


def term_all_jobs() -> List[str]:
    """Asks all jobs but the one that asks to end (signal 15).

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.term_all_jobs
    """
    return [signal_job(job["jid"], signal.SIGTERM) for job in running()]


def kill_all_jobs() -> List[str]:
    """Kills all jobs but the one that asks (signal 9).

    CLI Example:

    .. code-block:: bash

        salt '*' saltutil.kill_all_jobs
    """
    return [signal_job(job["jid"], signal.SIGKILL) for job in running()]
