"""The SSH road of a master: the process that serves the hosts of the roster, beside those that serve its minions.

It reads the roster, takes orders from the process that owns the life of jobs, and tells it what became of them, both
over one connection to the control socket (`master.control`, command `road`). What hosts ask is answered here, by the
request table of all minions. Passwords and keys of the roster stay in this process.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import shutil
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from master import safety
from master.bus import Outbox
from master.config import MasterSettings
from master.control import ROAD_LIMIT, SOCKET
from master.errors import ConfigError
from master.jobs import State
from master.members import Listing, signature_of
from master.parts import Parts
from master.services import services_of
from minion.logs import LEVELS
from roster import checks
from roster.source import Roster
from ssh import bundle, hosts
from ssh.desk import Desk, Jobs
from ssh.errors import NotInRoster, SSHError, StartFailed
from ssh.held import Way
from ssh.reach import client_of, known_hosts, minion_options, modules_digest
from ssh.road import SSHRoad
from transports.errors import TransportError
from transports.frames import frame, read
from transports.messages import Job, Return
from transports.retry import Backoff

log = logging.getLogger(__name__)

KEEP = 300.0
_NOT_SERVED = {
    "scan": "the roster `scan` finds hosts by their target; a master needs one that names them",
    "cache": "the roster `cache` believes what minions say of their addresses; a master needs one that operators write",
}


def run(settings: MasterSettings, parts: Parts) -> None:
    """Serves until the process is ended."""
    if os.geteuid() != 0:  # root started it for another user, whose keys and known hosts count
        os.environ["HOME"] = pwd.getpwuid(os.geteuid()).pw_dir
    asyncio.run(_Daemon(settings, parts).serve())


def keep_seconds(value: Any) -> float:
    """What `ssh_keepalive` says; Salt knows it as a switch.

    Raises:
        ConfigError: it is no time.
    """
    if isinstance(value, bool):
        return KEEP if value else 0.0
    if not isinstance(value, (int, float)) or value < 0:
        raise ConfigError(f"ssh_keepalive must be a number of seconds, True or False, not {value!r}")
    return float(value)


def _ssh_options(value: Any) -> tuple[tuple[str, str], ...]:
    try:
        return checks.ssh_options(value)
    except ValueError as exc:
        raise ConfigError(f"ssh_options must be {exc}") from None


def _step_back() -> None:
    """This thread leaves the processor to others."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


def _made_bundle(cache: str) -> bundle.Bundle:
    """The thin bundle, with its usual compressed form made: that takes longer than the other hosts can wait."""
    made = bundle.build(cache)
    made.packed("xz")
    return made


class Line:
    """The connection to the process that owns the life of jobs: notes go up, orders come down.

    Notes may be added by any thread. They are kept while that process is away.

    Args:
        max_event: bytes of one event's data at the most.
    """

    def __init__(self, max_event: int) -> None:
        self.outbox = Outbox(self, max_event)
        self._loop = asyncio.get_running_loop()
        self._writer: asyncio.StreamWriter | None = None
        self._unsent: list[bytes] = []

    def send(self, data: bytes) -> None:
        """See `master.bus.Sender`."""
        packed = frame({"notes": data}, ROAD_LIMIT)
        if self._writer is None:
            self._unsent.append(packed)
        else:
            self._writer.write(packed)

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._loop.call_soon_threadsafe(self.outbox.flush)

    def fire(self, tag: str, data: Mapping[str, Any]) -> None:
        """See `master.requests.Bus`."""
        self.outbox.fire(tag, data)
        self.wake()

    def acknowledged(self, jid: str, minion_id: str, matched: bool = True) -> None:
        """Over SSH a connection that stands is acknowledgement enough."""

    def open(self, writer: asyncio.StreamWriter | None) -> None:
        """The connection stands (or, None, was lost)."""
        self._writer = writer
        if writer is not None:
            unsent, self._unsent = self._unsent, []
            writer.write(b"".join(unsent))


class _Daemon:
    """The process: its parts, and what it does with orders."""

    def __init__(self, settings: MasterSettings, parts: Parts) -> None:
        self._settings, self._parts = settings, parts
        self._keep = keep_seconds(settings.ssh_keepalive)
        self._ssh_options = _ssh_options(settings.ssh_options)
        self._scratch = os.path.join(settings.cachedir, "ssh", "scratch")
        self._roster = Roster({})
        self._way: tuple[tuple[Any, ...], Way] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._jobs = Jobs()

    async def serve(self) -> None:
        """Until the process is ended."""
        settings, parts = self._settings, self._parts
        shutil.rmtree(self._scratch, ignore_errors=True)
        safety.private_folder(self._scratch)
        self._line = Line(settings.max_event_size)
        self._services = services_of(settings, parts.data, parts.member_ids, parts.store, self._line, self._jobs)
        desk = Desk(self._services, parts.store, self._jobs, self._returned, self._unmatched)
        self._road = SSHRoad(desk, self, self._keep, settings.ssh_max_procs)
        thread = ThreadPoolExecutor(1, "bundle", _step_back)
        self._bundle = asyncio.get_running_loop().run_in_executor(
            thread, _made_bundle, os.path.join(settings.cachedir, "thin")
        )
        thread.shutdown(wait=False)
        await self._read_roster()
        pauses = Backoff(first=0.1, longest=1.0)
        while True:
            try:
                await self._take_orders(pauses)
            except (OSError, TransportError) as exc:
                log.info("no orders come: %s", exc)
            self._line.open(None)
            await asyncio.sleep(pauses.next())

    async def _take_orders(self, pauses: Backoff) -> None:
        path = os.path.join(self._settings.sock_dir, SOCKET)
        reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(frame({"cmd": "road", "under_way": self._jobs.under_way}, ROAD_LIMIT))
            self._line.open(writer)
            self._line.outbox.roster()
            self._line.outbox.flush()
            while True:
                order = await read(reader, ROAD_LIMIT)
                pauses.reset()
                if "error" in order:
                    log.error("the master gives this process no orders: %s", order["error"].get("message"))
                elif "roster" in order:
                    self._start(self._read_roster())
                else:
                    self._start(self._carry_out(Job.from_wire(order["job"]), order["minions"]))
        finally:
            writer.close()

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---------------------------------------------------------------- roster

    async def _read_roster(self) -> None:
        """Reads the roster and writes down who is in it; what is wrong is told, and the hosts stay as they were."""
        sources: dict[str, safety.Signature | None] = {}

        def uses(path: str) -> None:
            sources.setdefault(path, signature_of(path))

        try:
            if self._settings.roster in _NOT_SERVED:
                raise ConfigError(_NOT_SERVED[self._settings.roster])
            roster = await asyncio.to_thread(hosts.load, self._settings, self._parts.data, "", uses)
            log.info("the roster has %d hosts", len(roster.hosts))
            self._roster = roster
        except Exception as exc:  # noqa: BLE001 - further kinds of rosters come from other packages
            log.error("the roster can't be used, its hosts stay as they were: %s", exc)
        self._parts.roster.write(Listing(frozenset(self._roster.hosts), self._roster.groups, sources))
        self._line.outbox.roster()
        self._line.wake()

    # ------------------------------------------------------------------ jobs

    async def _carry_out(self, job: Job, minions: list[str]) -> None:
        self._jobs.begin(job, minions)
        try:
            way = await self._current_way()
            hosts_now = self._roster.hosts
            known = [minion_id for minion_id in minions if minion_id in hosts_now]
            self._road.equip(hosts_now, way)
            await self._road.publish(job, known)
        except Exception as exc:
            log.exception("job %s can't be carried out over SSH", job.jid)
            for minion_id in minions:
                self.failed(job.jid, minion_id, StartFailed(f"the master can't do that: {exc}"))
            return
        for minion_id in set(minions) - set(known):
            self.failed(job.jid, minion_id, NotInRoster("the roster names no host of this name any more"))

    async def _current_way(self) -> Way:
        """How hosts are reached; made anew when the known host keys or the user's own modules changed."""
        extmods = await asyncio.to_thread(modules_digest, self._settings.opts(), self._services.files)
        state = (extmods, *map(signature_of, known_hosts(self._settings)))
        if self._way is None or self._way[0] != state:
            way = Way(
                client=client_of(self._settings, tempfile.mkdtemp(dir=self._scratch), options=self._ssh_options),
                bundle=await self._bundle,
                opts=minion_options(self._settings),
                extmods=extmods,
                max_procs=self._settings.ssh_max_procs,
                job_seconds=self._settings.ssh_job_timeout,
                log_level=LEVELS.get(self._settings.log_level, 30),
            )
            self._way = state, way
        return self._way[1]

    def begun(self, jid: str, minion_id: str) -> None:
        """See `ssh.road.Told`."""
        self._line.outbox.acknowledged(jid, minion_id)
        self._line.wake()

    def failed(self, jid: str, minion_id: str, error: SSHError) -> None:
        """See `ssh.road.Told`."""
        if not self._jobs.expects(jid, minion_id):
            return
        returned = self._parts.store.return_of(jid, minion_id) if error.state is not State.UNDELIVERED else None
        if returned is not None:  # it was stored when the connection ended, and not told of any more
            self._returned(returned)
            return
        self._jobs.answered(jid, minion_id)
        self._line.outbox.verdict(jid, minion_id, error.state.value, error.told)
        self._line.wake()

    def warm(self, minion_id: str, up: bool) -> None:
        """See `ssh.road.Told`."""
        self._line.outbox.warm(minion_id, up)
        self._line.wake()

    def _returned(self, returned: Return) -> None:
        self._jobs.answered(returned.jid, returned.id)
        self._line.outbox.returned(returned)
        self._line.wake()
        self._road.answered(returned.jid, returned.id)

    def _unmatched(self, jid: str, minion_id: str) -> None:
        self._line.outbox.acknowledged(jid, minion_id, False)
        self._line.wake()
        self._road.answered(jid, minion_id)
