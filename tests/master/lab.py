"""A master in a thread: the real control socket, hub and job store, with minions that are functions.

The commands and clients under test connect to it as to any master.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from master import control
from master.bus import Outbox
from master.control import ControlServer, Resolved
from master.hub import Hub, HubOptions
from master.jobstore import SQLiteJobStore
from master.miniondata import MinionData
from master.targets import resolve
from transports.messages import Job, Return

Behaviour = Callable[[Job, str], Any]


class Failed:
    """A result with a return code."""

    def __init__(self, value: Any, retcode: Any = 1, out: str = "") -> None:
        self.value, self.retcode, self.out = value, retcode, out


SILENCE = object()  # what a behaviour returns for a minion that does not answer (yet)


def obedient(job: Job, minion_id: str) -> Any:
    """What an ordinary minion does; several functions give maps, as always."""
    results = {fun: _call(fun, list(args), job) for fun, args in zip(job.fun, job.arg, strict=True)}
    return results if job.several else results[job.fun[0]]


def _call(fun: str, args: list[Any], job: Job) -> Any:
    if fun == "test.ping":
        return True
    if fun == "test.arg":
        kwargs = {k: v for arg in args if isinstance(arg, dict) and "__kwarg__" in arg for k, v in arg.items()}
        return {"args": [arg for arg in args if not (isinstance(arg, dict) and "__kwarg__" in arg)], "kwargs": kwargs}
    if fun == "test.fail":
        return Failed("it failed", args[0] if args else 1)
    if fun == "sys.list_functions":
        return ["sys.list_functions", "test.arg", "test.ping"]
    if fun == "sys.doc":
        return {"test.ping": "\nSays True.\n", "test.arg": "\nShows its arguments.\n"}
    if fun == "saltutil.find_job":
        return {}
    return Failed(f"'{fun}' is not available.")


class Lab:
    """A running master.

    Args:
        root: a short path below which everything lies.
        minions: id -> what it does with a job.
        absent: accepted minions that are not connected.
        pending: ids whose keys wait.
    """

    def __init__(
        self,
        root: Path,
        minions: Mapping[str, Behaviour],
        absent: Collection[str] = (),
        pending: Collection[str] = (),
        options: str = "",
    ) -> None:
        self.root, self.minions, self.absent, self.pending = root, dict(minions), set(absent), set(pending)
        self.sock_dir, self.cachedir, self.conf_dir = root / "run", root / "cache", root / "etc"
        for folder in (self.sock_dir, self.cachedir, self.conf_dir, root / "srv"):
            folder.mkdir(parents=True, exist_ok=True)
        (self.conf_dir / "master").write_text(
            f"sock_dir: {self.sock_dir}\ncachedir: {self.cachedir}\npki_dir: {root}/pki\nlog_file: {root}/log\n"
            f"file_roots: {{base: [{root}/srv]}}\npillar_roots: {{base: [{root}/pillar]}}\n"
            f"timeout: 0.3\ngather_job_timeout: 0.3\n{options}"
        )
        self.store = SQLiteJobStore(str(self.cachedir / "jobs" / "jobs.db"))
        self.data = MinionData(str(self.cachedir / "by_minion"))
        self.published: list[Job] = []
        self.news = threading.Condition()  # notified when something was published, or an event happened
        self.events: list[str] = []
        self.start()

    # ------------------------------------------------------------ the master

    def start(self) -> None:
        """Starts the master (again)."""
        started = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(started)), daemon=True)
        self._thread.start()
        assert started.wait(10)

    def stop(self) -> None:
        """Ends it: all connections break."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # somebody else stopped it just now
                self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join(10)

    async def _serve(self, started: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self.hub = Hub(HubOptions(), self.store, self, self._relay)
        self._outbox = Outbox(self)
        server = ControlServer(str(self.sock_dir / control.SOCKET), self.hub, self.store, self, {}, {}, 0.3, 0.3)
        await server.start()
        self.hub._started -= 60  # as if the minions had had time to connect
        for name in self.minions:
            self._outbox.presence(name, name not in self.absent)
        self._outbox.flush()
        started.set()
        await self._over.wait()
        assert server._server is not None
        server._server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)

    def _relay(self, tag: str, packed: bytes) -> None:
        with self.news:
            self.events.append(tag)
            self.news.notify_all()

    def send(self, message: bytes) -> None:
        """Notes for the hub."""
        self.hub.on_notes(message)

    def resolve(self, tgt: str | list[str], tgt_type: str, delimiter: str) -> Resolved:
        """Whom a target means."""
        groups = {"webs": "web*"}
        return resolve(tgt, tgt_type, delimiter, list(self.minions), self.data, groups)

    def describe(self, minion_id: str) -> str:
        """Why a minion is not accepted."""
        if minion_id in self.pending:
            return "Minion did not return. [Not accepted] Its key is not accepted: pending, fingerprint aa:bb"
        return "Minion did not return. [Not connected] No minion of this name is known"

    def forget(self, minion_id: str, preserve: bool) -> None:
        """Nothing is kept."""

    # ----------------------------------------------------------- the minions

    def publish(
        self, job: Mapping[str, Any], own: Collection[str], broadcast: bool, topics: Sequence[str] | None
    ) -> None:
        """The wire: brings a job to the minions that are there, a moment later."""
        made = Job.from_wire(dict(job))
        with self.news:
            self.published.append(made)
            self.news.notify_all()
        for name in own:
            if name not in self.absent:
                self._loop.call_soon(self._work, made, name)

    def cut(self, minions: Sequence[str], rotate: bool, disturb: bool) -> None:
        """No keys here."""

    def _work(self, job: Job, name: str) -> None:
        self._outbox.acknowledged(job.jid, name)
        self._outbox.flush()
        result = self.minions[name](job, name)
        if result is not SILENCE:
            self.send_return(job, name, result)

    def answer(self, job: Job, name: str, result: Any = True) -> None:
        """A minion that was silent answers at last; from any thread."""
        done = threading.Event()

        def work() -> None:
            self.send_return(job, name, result)
            done.set()

        self._loop.call_soon_threadsafe(work)
        assert done.wait(10)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """For behaviours: does something after a while."""
        self._loop.call_later(seconds, act)

    def come(self, name: str) -> None:
        """An absent minion connects; from any thread."""
        self.absent.discard(name)
        self._loop.call_soon_threadsafe(lambda: (self._outbox.presence(name, True), self._outbox.flush()))

    def send_return(self, job: Job, name: str, result: Any) -> None:
        """For behaviours: what a minion answers."""
        value, retcode, success, out = result, 0, True, ""
        if isinstance(result, Failed):
            value, retcode, success, out = result.value, result.retcode, not result.retcode, result.out
        elif job.several:
            codes = {fun: item.retcode if isinstance(item, Failed) else 0 for fun, item in result.items()}
            value = {fun: item.value if isinstance(item, Failed) else item for fun, item in result.items()}
            retcode, success = codes, {fun: not code for fun, code in codes.items()}  # type: ignore[assignment]
        fun = job.fun if job.several else job.fun[0]
        args = [list(arg) for arg in job.arg] if job.several else list(job.arg[0])
        returned = Return(job.jid, name, fun, args, value, retcode, success, out)
        self.store.add_returns([returned])
        self._outbox.returned(returned)
        self._outbox.flush()


def find_job_running(job: Job, minion_id: str) -> Any:
    """A minion that works on everything for ever, and says so when it is asked."""
    if job.fun == ("saltutil.find_job",):
        return {"jid": job.arg[0][0], "pid": os.getpid()}
    return SILENCE
