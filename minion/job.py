"""What the process of one job does: run it, put its return in safe hands, tell the daemon, call the returners."""

from __future__ import annotations

import logging
import os
from typing import Any, Callable, Dict, Mapping

from minion import atomic, journal, running, spool
from minion.errors import MinionError
from minion.executor import lost
from minion.reports import Reporter, call_returners
from minion.runtime import Runtime
from transports import codec
from transports.errors import CodecError
from transports.messages import Job
from transports.records import Record

log = logging.getLogger(__name__)


class Order(Record):
    """What the daemon wants from a new process; travels as a map.

    Attributes:
        kind: `job`, or one of `TASKS`.
        job: the publication.
        spool: folder for the return; "" if nobody wants it.
        returns_as: the job id in the return: `req` for what the minion did unasked.
        journal: file to make durable before the job is run; "" for none.
        master: name of the master that the process has to do with.
    """

    kind: str
    job: Mapping[str, Any] = {}
    spool: str = ""
    returns_as: str = ""
    journal: str = ""
    master: str = ""

    def to_wire(self) -> Dict[str, Any]:
        """As a map."""
        return self.as_map()


def carry_out(order: Order, runtime: Runtime) -> None:
    """Does what was ordered, in this process, which ends afterwards."""
    if order.kind in TASKS:
        TASKS[order.kind](runtime)
        return
    job = Job.from_wire(order.job)
    path = _note(job, order, str(runtime.opts["cachedir"]))
    try:
        run(job, order, runtime)
    finally:
        running.leave(path)


def _note(job: Job, order: Order, cachedir: str) -> str:
    """Makes known that this process runs the job. The daemon has noted it already: a disk that is full is no reason."""
    try:
        if order.journal:
            journal.sync(order.journal)
        return running.enter(running.folder_of(cachedir), job.to_wire())
    except OSError as exc:
        log.error("Job %s can't be noted: %s", job.jid, exc)
        return os.devnull + "/none"


def run(job: Job, order: Order, runtime: Runtime) -> None:
    """Runs a job, from the start event to the returners."""
    log.info("Starting a new job %s: %s", job.jid, job.fun_text)
    reporter = Reporter(job, runtime)
    if job.options.get("start_event"):
        reporter.started()
    result = runtime.executor(reporter.progress).execute(job)
    if order.returns_as:
        result = result.but(jid=order.returns_as)
    load = result.to_wire()
    if runtime.opts.get("cache_jobs"):
        _keep(load, os.path.join(str(runtime.opts["cachedir"]), "minion_jobs", job.jid))
    if order.spool:
        _hand_over(job, load, order.spool, runtime)
    else:
        runtime.master.request("__done", jid=job.jid)
    call_returners(job, result, runtime)


def _hand_over(job: Job, load: Dict[str, Any], folder: str, runtime: Runtime) -> None:
    """To the disk, and if that can't be, to the daemon's memory."""
    try:
        spool.put(folder, load)
        stored: Dict[str, Any] = {}
    except CodecError as exc:
        failure = lost(job, str(load["id"]), f"The result of {job.fun_text} can't be sent: {exc}")
        spool.put(folder, {**failure.to_wire(), "jid": load["jid"]})
        stored = {}
    except OSError as exc:
        log.error("The return of job %s can't be written below %s: %s", job.jid, folder, exc)
        stored = {"load": load}
    try:
        runtime.master.request("__done", jid=job.jid, **stored)
    except MinionError as exc:
        log.warning("Job %s: %s; its return waits on disk", job.jid, exc)


def _keep(load: Dict[str, Any], folder: str) -> None:
    """Keeps a return for `saltutil.find_cached_job`."""
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        atomic.write(os.path.join(folder, "return.p"), codec.pack(load), mode=0o600)
    except (OSError, CodecError) as exc:
        log.error("The return of job %s can't be kept in %s: %s", load["jid"], folder, exc)


def _collect_grains(runtime: Runtime) -> None:
    from minion.facts import collect_grains
    from minion.loaders import module_folders

    users = module_folders("grains", runtime.opts)[:-1]
    runtime.master.request("__grains", grains=collect_grains(runtime.opts, users))


def _compile_pillar(runtime: Runtime) -> None:
    """On a minion without a master, whose pillar comes from here."""
    from minion.local import LocalMaster

    pillar = LocalMaster(runtime.opts, runtime.grains).request("_pillar", grains=runtime.grains)
    runtime.master.request("__pillar", pillar=pillar)


TASKS: Mapping[str, Callable[[Runtime], None]] = {"grains": _collect_grains, "pillar": _compile_pillar}
