"""The process that holds the links: takes jobs, orders processes for them, sees to it that each has one return.

It never runs module code: grains, the mine and startup states are made in processes of their own, like jobs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from collections import deque
from typing import Any, Deque, Dict, List, Mapping, Optional

from minion import arrival, logs, running
from minion.caller import new_jid
from minion.config import MinionSettings
from minion.daemon.connection import Connection
from minion.daemon.housekeeping import Housekeeping
from minion.daemon.intake import Decision, as_found, asked_job, decide
from minion.daemon.keyring import KeyRing
from minion.daemon.links import LinkMemory, identity, masters, name_of
from minion.daemon.titles import set_title
from minion.daemon.workers import Worker, Workers
from minion.errors import EX_REJECTED, ConfigError, SaltInvocationError
from minion.executor import Outcome, as_return, lost
from minion.job import Order
from minion.journal import Journal
from minion.matchers import match
from minion.spool import put
from transports.errors import CodecError, TransportError
from transports.messages import Job

log = logging.getLogger(__name__)

_ACKNOWLEDGE_AFTER = 0.2
_RESTARTED = "The minion was restarted while this job ran; whether it did its work is not known"


class Running:
    """A job that has no return yet."""

    def __init__(self, job: Job, connection: Connection) -> None:
        self.job, self.connection = job, connection
        self.worker: Optional[Worker] = None
        self.pid = 0

    @property
    def process(self) -> int:
        """Its process id, 0 while it waits for one."""
        return self.worker.pid if self.worker else self.pid


class _View:
    """This minion, as targets see it."""

    def __init__(self, minion_id: str, grains: Mapping[str, Any], pillar: Mapping[str, Any], cachedir: str) -> None:
        self.id, self.grains, self.pillar, self._cachedir = minion_id, grains, pillar, cachedir

    @property
    def data(self) -> Mapping[str, Any]:
        """The data store, which few targets ask for."""
        import msgpack

        try:
            with open(os.path.join(self._cachedir, "datastore"), "rb") as file:
                found = msgpack.unpackb(file.read(), raw=False, strict_map_key=False)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


class Agent:
    """A minion's daemon.

    Args:
        settings: its configuration.
        opts: the same as options, with the minion id.
        zygote: channel to the process that forks.
    """

    def __init__(self, settings: MinionSettings, opts: Dict[str, Any], zygote: socket.socket) -> None:
        self.settings, self.opts, self.id = settings, opts, str(opts["id"])
        self.grains: Dict[str, Any] = {}
        self.connections: List[Connection] = []
        self.workers = Workers(zygote, self._answer, self._ended, self.stop)
        self.housekeeping = Housekeeping(self)
        self._journal = Journal(os.path.join(settings.cachedir, "journal"), settings.job_memory)
        self._proc = running.folder_of(settings.cachedir)
        self._jobs: Dict[str, Running] = {}
        self._queue: Deque[Running] = deque()
        self._active = 0
        self._tasks: List[asyncio.Task[Any]] = []
        self._over = asyncio.Event()
        self._exit_code = 0

    # ---------------------------------------------------------------- life

    async def run(self) -> int:
        """Works until it is told to stop; returns the exit code."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, logs.reopen)
        try:
            await self.housekeeping.collect_grains()
            self._connect()
            self._recover()
            for connection in self.connections:
                await connection.start()
            await self.housekeeping.begin()
            await self._over.wait()
        finally:
            await self._close()
        return self._exit_code

    def stop(self) -> None:
        """Ends the daemon; jobs at work go on, their returns wait on disk."""
        self._over.set()

    def spawn(self, work: Any) -> None:
        """Does something besides."""
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    def _connect(self) -> None:
        candidates = masters(self.settings)
        if not candidates:
            return
        ring = KeyRing(self.settings.pki_dir, self.settings.keysize)
        who = identity(self.opts, ring, self.grains)
        groups = [candidates] if self.settings.master_type == "failover" else [[config] for config in candidates]
        for group in groups:
            name = "failover" if len(group) > 1 else name_of(group[0])
            memory = LinkMemory(self.settings, ring, os.path.join(self.settings.cachedir, f"serials-{name}"))
            self.connections.append(Connection(group, self.settings, who, memory, self))

    async def _close(self) -> None:
        self.workers.close()
        for task in self._tasks:
            task.cancel()
        for connection in self.connections:
            await connection.close()
        self._journal.close()

    # ------------------------------------------------- what connections tell

    async def connected(self, connection: Connection, first: bool) -> None:
        """A master let us in."""
        await self.housekeeping.greet(connection, first)
        arrival.tell(self.settings.cachedir)

    def rejected(self, connection: Connection) -> None:
        """A master refuses our key for good."""
        log.critical("%s refuses the key of this minion; see salt-key there", connection.host)
        if len(self.connections) == 1:
            self._exit_code = EX_REJECTED
            self.stop()

    async def take(self, job: Job, connection: Connection) -> None:
        """A master asks for something."""
        view = _View(self.id, self.grains, connection.pillar, self.settings.cachedir)
        asked = asked_job(job)
        if not match(job.tgt, job.tgt_type, view, job.delimiter, self.opts["nodegroups"]):
            if connection.own and asked is None:  # the master knew less of us than we do, and waits for us
                self.spawn(self._acknowledge(job.jid, connection, matched=False))
            return
        if asked is not None:
            self._find(asked, job, connection)
            return
        decision = decide(self._journal.find(job.jid), connection.spool.has(job.jid))
        log.debug("Job %s, %s: %s", job.jid, job.fun_text, decision.value)
        if decision is Decision.RUN:
            self.execute(job, connection)
        elif decision is Decision.RETURN_AGAIN:
            connection.wake()
        elif connection.own:
            self.spawn(self._acknowledge(job.jid, connection))

    def _find(self, jid: str, job: Job, connection: Connection) -> None:
        """Answers at once whether a job is at work; if it is done, its return may need another try."""
        found = self._jobs.get(jid)
        if found is None and connection.spool.has(jid):
            connection.wake()
        value = as_found(found.job, found.process) if found else {}
        self._return(as_return(job, self.id, [Outcome(value)]).to_wire(), connection)

    # ------------------------------------------------------------------ jobs

    def execute(self, job: Job, connection: Connection) -> None:
        """Runs a job now, or when there is room for it."""
        try:
            running.announce(self._proc, job.to_wire())
            self._journal.begin(job.jid, connection.name)
        except OSError as exc:  # what can't be written down might run twice
            log.error("Job %s is not run, it can't be noted: %s", job.jid, exc)
            self._return(
                lost(job, self.id, f"The minion can't note the job, and does not run it: {exc}").to_wire(), connection
            )
            return
        entry = self._jobs[job.jid] = Running(job, connection)
        if connection.own:
            loop = asyncio.get_running_loop()
            loop.call_later(_ACKNOWLEDGE_AFTER, self._acknowledge_if_running, job.jid, connection)
        self._queue.append(entry)
        self._fill()

    def _fill(self) -> None:
        limit = self.settings.process_count_max
        while self._queue and (limit <= 0 or self._active < limit):
            entry = self._queue.popleft()
            self._active += 1
            order = Order(
                "job",
                job=entry.job.to_wire(),
                spool=entry.connection.spool.folder,
                journal=self._journal.path,
                master=entry.connection.name,
            )
            entry.worker = self.workers.start(order)

    def _acknowledge_if_running(self, jid: str, connection: Connection) -> None:
        if jid in self._jobs:
            self.spawn(self._acknowledge(jid, connection))

    async def _acknowledge(self, jid: str, connection: Connection, matched: bool = True) -> None:
        try:
            await connection.request("_ack", {"jid": jid, "matched": matched})
        except TransportError as exc:
            log.info("Job %s could not be acknowledged: %s", jid, exc)

    def _settle(self, jid: str) -> Optional[Running]:
        """A job has its return: it is not at work any more."""
        self._journal.end(jid)
        running.leave(os.path.join(self._proc, jid))
        return self._jobs.pop(jid, None)

    def _return(self, load: Dict[str, Any], connection: Connection) -> None:
        try:
            put(connection.spool.folder, load)
        except OSError as exc:
            log.error("The return of job %s can't be written: %s", load["jid"], exc)
            connection.hold(load)
        connection.wake()

    async def _ended(self, worker: Worker) -> None:
        """A process is over; if its job has no return yet, it gets one that says so."""
        jid = worker.order.job.get("jid", "")
        entry = self._jobs.get(jid)
        if worker.order.kind == "job" and entry is not None and entry.worker is worker:
            self._lose(entry, f"The job has no result: {await worker.fate()} before it could answer")
        if worker.order.journal:
            self._active -= 1
            self._fill()

    def _lose(self, entry: Running, why: str) -> None:
        if entry.connection.spool.has(entry.job.jid):
            entry.connection.wake()  # it got as far as that
        else:
            log.error("Job %s: %s", entry.job.jid, why)
            self._return(lost(entry.job, self.id, why).to_wire(), entry.connection)
        self._settle(entry.job.jid)

    # -------------------------------------------------------------- recovery

    def _recover(self) -> None:
        """Jobs that an earlier life of this daemon began: some go on, some left a return, some are lost."""
        for jid, known in self._journal.unfinished().items():
            path = os.path.join(self._proc, jid)
            record = running.read(path)
            connection = self.connection(known.master)
            if record is None or connection is None:
                log.error("Nothing is left of job %s, which began before this minion was restarted", jid)
                self._settle(jid)
                continue
            try:
                entry = self._jobs[jid] = Running(Job.from_wire(record), connection)
            except CodecError as exc:
                log.error("What is left of job %s can't be read: %s", jid, exc)
                self._settle(jid)
                continue
            entry.pid = record["pid"]
            if running.alive(path):
                self._watch(path, entry)
            else:
                self._lose(entry, _RESTARTED)

    def connection(self, name: str) -> Optional[Connection]:
        """The connection to a master, by its name; the first one if that is not a name."""
        for connection in self.connections:
            if connection.name == name:
                return connection
        return self.connections[0] if self.connections else None

    def _watch(self, path: str, entry: Running) -> None:
        """Waits for the end of a process that is not our zygote's."""
        loop = asyncio.get_running_loop()

        def wait() -> None:
            running.wait(path)
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._lose, entry, _RESTARTED)

        threading.Thread(target=wait, name=f"job {entry.job.jid}", daemon=True).start()

    # --------------------------------------------------- what processes ask

    async def _answer(self, worker: Worker, cmd: str, load: Dict[str, Any], timeout: float) -> Any:
        if cmd == "__done":
            return self._done(worker, load)
        if cmd.startswith("__"):
            return await self.housekeeping.answer(worker, cmd, load)
        connection = self.connection(worker.order.master)
        if connection is None:
            raise SaltInvocationError("this minion has no master")
        return await connection.request(cmd, load, timeout)

    def _done(self, worker: Worker, load: Mapping[str, Any]) -> bool:
        """The return of a job lies in the spool, or comes along because the disk did not take it."""
        connection = self.connection(worker.order.master)
        self._settle(str(load["jid"]))
        if connection is not None and isinstance(load.get("load"), dict):
            connection.hold(load["load"])
        elif connection is not None:
            connection.wake()
        return True

    def unasked(self, fun: str, arg: List[Any], connection: Connection, returns: bool) -> Worker:
        """Runs a function that no master asked for."""
        job = Job(jid=new_jid(), fun=(fun,), arg=(tuple(arg),), tgt=self.id, user=self.settings.user)
        spool = connection.spool.folder if returns else ""
        order = Order("job", job=job.to_wire(), spool=spool, returns_as="req", master=connection.name)
        return self.workers.start(order)


def main(settings: MinionSettings, opts: Dict[str, Any], zygote: socket.socket) -> int:
    """The life of the process; returns its exit code."""
    set_title("MultiMinionProcessManager MinionProcessManager")

    async def life() -> int:
        return await Agent(settings, opts, zygote).run()

    try:
        return asyncio.run(life())
    except ConfigError as exc:
        log.critical("%s", exc)
        return 1
