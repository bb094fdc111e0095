"""One run over the roster: a job, the hosts it is for, and what each of them came to."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import fnmatch
import getpass
import logging
import os
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from master import tags, targets
from master.config import MasterSettings
from master.control_client import Verdict
from master.jobs import State
from master.jobstore import JobRecord, JobStore, SQLiteJobStore
from master.miniondata import MinionData
from master.services import services_of
from master.targets import Resolved
from minion import matchers
from minion.logs import LEVELS
from roster.host import Host
from roster.source import Roster
from ssh import adhoc, bundle
from ssh.bus import MasterBus
from ssh.connection import Client, Connection
from ssh.desk import Desk, Jobs
from ssh.errors import SSHError
from ssh.held import Way
from ssh.hosts import is_absent
from ssh.hosts import load as load_roster
from ssh.reach import client_of, minion_options, modules_digest
from ssh.road import SSHRoad
from ssh.starter import run_command
from transports.messages import Job, Return

log = logging.getLogger(__name__)

Item = Return | Verdict
_PATIENCE = 25.0  # less than what `publish.publish` adds to its own


@dataclasses.dataclass(frozen=True)
class Unmatched:
    """A host that found out that the target does not mean it."""

    id: str


class Store:
    """Where this user keeps what is known of hosts and jobs: where the master does, or at home if that can't be.

    Args:
        settings: the master's configuration.
    """

    def __init__(self, settings: MasterSettings) -> None:
        cachedir = settings.cachedir
        if not _writable(cachedir):
            home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
            cachedir = os.path.join(home, "saltern")
            log.info("%s can't be written, jobs and grains are kept in %s", settings.cachedir, cachedir)
        self.settings = dataclasses.replace(settings, cachedir=cachedir)
        self.data = MinionData(os.path.join(cachedir, "by_minion"))
        self.jobs: JobStore = SQLiteJobStore(os.path.join(cachedir, "jobs", "jobs.db"))


def _writable(folder: str) -> bool:
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.access(folder, os.W_OK | os.X_OK)


class Inventory:
    """The hosts of the roster, and whom a target means among them.

    Args:
        store: the configuration, and grains of earlier runs.
        target: what the user asked for.
    """

    def __init__(self, store: Store, target: str) -> None:
        self._store, self._absent = store, is_absent(store.settings) and adhoc.read(target) is not None
        roster = Roster({}) if self._absent else load_roster(store.settings, store.data, target)
        self.hosts = dict(roster.hosts)
        groups = {name: "L@" + ",".join(members) for name, members in roster.groups.items() if members}
        self.nodegroups: Mapping[str, Any] = {**groups, **store.settings.nodegroups}
        self._data = store.data

    def name(self, target: str, remember: bool = False) -> str:
        """The id of the host that a target names as `[user@]host[:port]`; other targets stay as they are.

        Args:
            target: a glob, as the user wrote it.
            remember: add a host that is not in the roster to it.

        Raises:
            ConfigError: there is no roster, or it is no proper host.
        """
        spec = None if any(fnmatch.fnmatchcase(host, target) for host in self.hosts) else adhoc.read(target)
        host = adhoc.choose(spec, self.hosts, self._store.settings) if spec else None
        if host is None:
            if self._absent:
                load_roster(self._store.settings, self._data, target)  # says what is missing
            return target
        if remember and host.id not in self.hosts:
            adhoc.remember(host, self._store.settings)
        self.hosts[host.id] = host
        return host.id

    def resolve(self, tgt: str | list[str], tgt_type: str, delimiter: str = ":", refresh: bool = False) -> Resolved:
        """Whom a target means, or may mean: hosts whose grains were never seen decide for themselves.

        Args:
            tgt, tgt_type, delimiter: the target.
            refresh: trust no grains of earlier runs.

        Raises:
            TargetError: the target is wrong.
        """
        known = _Nothing() if refresh else self._data
        return targets.resolve(tgt, tgt_type, delimiter, list(self.hosts), known, self.nodegroups)

    def decidable(
        self, tgt: str | list[str], tgt_type: str, minions: tuple[str, ...]
    ) -> tuple[str | tuple[str, ...], str]:
        """The target as a host can decide it, which knows no nodegroups; a list where there is nothing to decide.

        Args:
            tgt, tgt_type: the target.
            minions: whom it means, as far as is known here.
        """
        words = [f"N@{tgt}"] if tgt_type == "nodegroup" else tgt.split() if isinstance(tgt, str) else list(tgt)
        return targets.decidable(tgt, tgt_type, minions, matchers.expand_nodegroups(words, self.nodegroups))


class _Nothing:
    """No grains, no pillar."""

    def grains(self, minion_id: str) -> None:
        return None

    def pillar(self, minion_id: str) -> None:
        return None


class Run:
    """Runs jobs on hosts from this process, without a daemon.

    Args:
        store: configuration and stores.
        inventory: the hosts.
        client: how we connect.
        options: what the command line says of the thin minion: fields of `ssh.held.Way`.
    """

    def __init__(self, store: Store, inventory: Inventory, client: Client, **options: Any) -> None:
        settings = store.settings
        self._store, self._inventory = store, inventory
        self._bus = MasterBus(settings.sock_dir)
        self._jobs = Jobs()
        self._items: dict[str, asyncio.Queue[Item | Unmatched]] = {}  # by job
        services = services_of(
            settings, store.data, self._known_ids, store.jobs, self._bus, self._jobs, fetch=True,
            peer_jobs=RosterJobs(self, store, inventory),
        )  # fmt: skip
        self._desk = Desk(services, store.jobs, self._jobs, self._returned, self._unmatched)
        way = Way(
            client=client,
            bundle=bundle.build(os.path.join(settings.cachedir, "thin")),
            opts=minion_options(settings),
            extmods=modules_digest(settings.opts(), services.files),
            max_procs=settings.ssh_max_procs,
            job_seconds=settings.ssh_job_timeout,
            log_level=LEVELS.get(settings.log_level, 30),
            **options,
        )
        self._road = SSHRoad(self._desk, self, 0.0, settings.ssh_max_procs)
        self._road.equip(inventory.hosts, way)

    async def follow(self, job: Job, minions: Sequence[str], missing: Sequence[str] = ()) -> AsyncIterator[Item]:
        """Runs a job and yields what each host came to, as it comes; hosts that are not meant are left out."""
        record = JobRecord(job, time.time(), tuple(minions), tuple(missing))
        await asyncio.to_thread(self._store.jobs.add_job, record)
        await self.begin(record, job)
        async for item in self.items(job.jid, minions):
            yield item

    async def begin(self, record: JobRecord, job: Job) -> None:
        """Sends a job that is in the store.

        Args:
            record: as it is in the store.
            job: as the hosts get it.
        """
        self._items[job.jid] = asyncio.Queue()
        self._jobs.begin(job, record.minions)
        self._announce(record)
        await self._road.publish(job, record.minions)

    async def items(self, jid: str, minions: Sequence[str]) -> AsyncIterator[Item]:
        """What each host came to in a job that was begun."""
        open_hosts = set(minions)
        try:
            while open_hosts:
                item = await self._items[jid].get()
                open_hosts.discard(item.id)
                if not isinstance(item, Unmatched):
                    yield item
        finally:
            self._jobs.end(jid)
            del self._items[jid]

    async def close(self) -> None:
        """Ends what still runs, here and on the hosts."""
        await self._road.close()
        self._desk.close()
        await asyncio.to_thread(self._bus.close)
        self._store.jobs.close()

    def _known_ids(self) -> list[str]:
        return sorted({*self._inventory.hosts, *self._store.data.ids()})

    def _announce(self, record: JobRecord) -> None:
        load = record.job.to_wire()
        told = {name: load[name] for name in ("jid", "tgt", "tgt_type", "user", "fun", "arg")}
        told.update(minions=list(record.minions), missing=list(record.missing))
        self._bus.fire(tags.job_new(record.job.jid), told)

    def _returned(self, returned: Return) -> None:
        load = {**returned.to_wire(), "cmd": "_return"}
        self._bus.fire(f"salt/job/{returned.jid}/ret/{returned.id}", load)
        self._road.answered(returned.jid, returned.id)
        self._tell(returned.jid, returned)

    def _unmatched(self, jid: str, minion_id: str) -> None:
        self._road.answered(jid, minion_id)
        self._tell(jid, Unmatched(minion_id))

    def _tell(self, jid: str, item: Item | Unmatched) -> None:
        if jid in self._items:
            self._items[jid].put_nowait(item)

    def begun(self, jid: str, minion_id: str) -> None:
        """See `ssh.road.Told`."""

    def warm(self, minion_id: str, up: bool) -> None:
        """See `ssh.road.Told`."""

    def failed(self, jid: str, minion_id: str, error: SSHError) -> None:
        """See `ssh.road.Told`."""
        if not self._jobs.expects(jid, minion_id):
            return
        self._jobs.answered(jid, minion_id)
        state = error.state.value
        try:
            self._store.jobs.add_verdicts(jid, {minion_id: state})
        except Exception as exc:  # noqa: BLE001 - what became of the host is told in any case
            log.warning("what became of %s can't be kept: %s", minion_id, exc)
        self._tell(jid, verdict_of(minion_id, error))


class RosterJobs:
    """Jobs that hosts publish for each other, see `master.peers.Jobs`; called by the threads of the desk.

    Args:
        run: runs them.
        store: where they are kept.
        inventory: the hosts.
    """

    def __init__(self, run: Run, store: Store, inventory: Inventory) -> None:
        self._run, self._store, self._inventory = run, store, inventory
        self._loop = asyncio.get_running_loop()
        self._minions: dict[str, tuple[str, ...]] = {}

    def start(self, minion_id: str, fun: str | list[str], arg: list[Any], load: Mapping[str, Any]) -> dict[str, Any]:
        """See `master.peers.Jobs`."""
        inventory, tgt, kind = self._inventory, load["tgt"], load["tgt_type"]
        found = targets.resolve_guarded(tgt, kind, ":", list(inventory.hosts), self._store.data, inventory.nodegroups)
        if not found.minions:
            return {}
        wire = {"jid": self._store.jobs.new_jid(), "fun": fun, "arg": arg, "tgt": list(found.minions), "id": minion_id}
        job = Job.from_wire({**wire, "tgt_type": "list", "user": getpass.getuser()})
        record = JobRecord(job, time.time(), found.minions, found.missing)
        self._store.jobs.add_job(record)
        own_tgt, own_kind = targets.decidable(tgt, kind, found.minions, found.words)
        begun = self._run.begin(record, job.but(tgt=own_tgt, tgt_type=own_kind))
        asyncio.run_coroutine_threadsafe(begun, self._loop).result()
        self._minions[job.jid] = found.minions
        return {"jid": job.jid, "minions": list(found.minions)}

    def wait(self, jid: str, timeout: float) -> None:
        """See `master.peers.Jobs`. Connections take their time; whoever asked has some patience beyond the timeout."""
        waiting = asyncio.run_coroutine_threadsafe(self._all(jid), self._loop)
        with contextlib.suppress(TimeoutError):
            waiting.result(timeout + _PATIENCE)
        waiting.cancel()

    async def _all(self, jid: str) -> None:
        async for _ in self._run.items(jid, self._minions.pop(jid)):
            pass  # it is in the store


def verdict_of(minion_id: str, error: SSHError) -> Verdict:
    """What is told of a host that did not do the job."""
    return Verdict(minion_id, error.state.value, error.told)


async def raw(
    hosts: Mapping[str, Host], minions: Collection[str], client: Client, command: str, at_once: int
) -> AsyncIterator[Item]:
    """Runs a command of the hosts' shells, without a minion; yields what each host came to, as it comes."""
    slots = asyncio.Semaphore(at_once)

    async def one(host: Host) -> Item:
        connection = Connection(host, client)
        try:
            async with slots:
                await connection.open()
                out, err, code = await run_command(connection, command)
        except SSHError as exc:
            return verdict_of(host.id, exc)
        finally:
            await connection.close()
        value = {"stdout": out, "stderr": err, "retcode": code}
        return Return("req", host.id, "raw", [command], value, code, code == 0)

    tasks = [asyncio.ensure_future(one(hosts[minion_id])) for minion_id in minions]
    try:
        for task in asyncio.as_completed(tasks):
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder for files that go when the run is over."""
    return tempfile.TemporaryDirectory(prefix="saltern-ssh-")


__all__ = [
    "Inventory", "Item", "Run", "State", "Store", "client_of", "minion_options", "modules_digest", "raw",
    "scratch_folder", "verdict_of",
]  # fmt: skip
