"""The real daemon as a process, below a scratch folder, with a master whose every answer can be bent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import yaml

from tests.transports.keys import private
from tests.transports.stand_in import SILENT, StandIn
from transports.crypto import private_pem

PATIENCE = 30.0
RUN = "from minion.cli.daemon import main; main()"


class Minion:
    """One minion's folder, and its daemon while it runs."""

    def __init__(self, root: Path, master: StandIn, **options: Any) -> None:
        self.root, self.master = root, master
        self.daemon: subprocess.Popen[bytes] | None = None
        (root / "pki").mkdir(parents=True, mode=0o700)
        with open(os.open(root / "pki/minion.pem", os.O_WRONLY | os.O_CREAT, 0o400), "wb") as file:
            file.write(private_pem(private("minion")))
        self.configure(**options)

    def configure(self, **options: Any) -> None:
        """Writes the configuration."""
        config = {
            "id": "m1",
            "master": "127.0.0.1",
            "master_port": self.master.ports[1],
            "root_dir": str(self.root),
            "pki_dir": str(self.root / "pki"),
            "cachedir": str(self.root / "cache"),
            "pidfile": str(self.root / "pid"),
            "log_file": str(self.root / "log"),
            "log_level_logfile": "debug",
            "acceptance_wait_time": 0.1,
            "auth_timeout": 1,
            "recon_default": 20,
            "recon_max": 200,
            "return_retry_timer": 0.2,
            "return_retry_timer_max": 0.5,
            "request_timeout": 2,
            "heartbeat": 1,
            **options,
        }
        (self.root / "minion").write_text(yaml.safe_dump(config))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts the daemon."""
        environment = {**os.environ, "PYTHONWARNINGS": "default"}
        self.daemon = subprocess.Popen(
            [sys.executable, "-c", RUN, "-c", str(self.root), "-l", "quiet", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return self.daemon

    def log(self) -> str:
        """What the daemon wrote."""
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def link(self) -> int:
        """Process id of the link."""
        assert self.daemon is not None
        found = [pid for pid in self.children(self.daemon.pid) if "MinionProcessManager" in _title(pid)]
        return found[0] if found else 0

    @staticmethod
    def children(pid: int) -> list[int]:
        """The children of a process."""
        with contextlib.suppress(OSError):
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return []

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends the daemon and returns its exit code."""
        daemon, self.daemon = self.daemon, None
        assert daemon is not None
        if daemon.poll() is None:
            daemon.send_signal(number)
        code = await asyncio.get_running_loop().run_in_executor(None, daemon.wait, PATIENCE)
        assert daemon.stdout is not None
        daemon.stdout.close()
        return code

    async def kill_all(self) -> None:
        """Kills the daemon and all its processes at once, as a power failure does."""
        assert self.daemon is not None
        everything = [*self.children(self.daemon.pid), self.daemon.pid]
        for pid in everything:
            os.kill(pid, signal.SIGSTOP)
        for pid in everything:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self.stop(signal.SIGKILL)

    def returns(self) -> list[dict[str, Any]]:
        """The returns that the master got."""
        return [load for cmd, load in self.master.asked if cmd == "_return"]

    def asked(self, cmd: str) -> list[dict[str, Any]]:
        """The requests of one kind that the master got."""
        return [load for found, load in self.master.asked if found == cmd]

    async def started(self, count: int = 1) -> None:
        """Waits for the start event, and until the minion listens."""
        tag = "salt/minion/m1/start"
        await self.master.until(
            lambda: sum(load["tag"] == tag for load in self.asked("_minion_event")) >= count and self.master.topics,
            PATIENCE,
        )

    async def publish(self, fun: str, *arg: Any, **more: Any) -> str:
        """Publishes a job and returns its id."""
        job = self.master.job(fun, *arg, **more)
        await self.master.publish(self.master.frame(job))
        return str(job["jid"])

    async def result(self, jid: str) -> dict[str, Any]:
        """Waits for the return of a job."""
        await self.master.until(lambda: any(load["jid"] == jid for load in self.returns()), PATIENCE)
        return next(load for load in self.returns() if load["jid"] == jid)

    async def run(self, fun: str, *arg: Any, **more: Any) -> Any:
        """Publishes a job and waits for its value."""
        return (await self.result(await self.publish(fun, *arg, **more)))["return"]

    async def until(self, holds: Callable[[], Any]) -> Any:
        """Waits until something holds that only the file system or the process table shows."""
        end = time.monotonic() + PATIENCE
        while not (found := holds()):
            assert time.monotonic() < end, self.log()[-3000:]
            await asyncio.sleep(0.02)
        return found


def _title(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return ""


@contextlib.asynccontextmanager
async def minion(root: Path, own: bool = True, start: bool = True, **options: Any) -> AsyncIterator[Minion]:
    """A master, and a minion that has started; both are gone afterwards."""
    master = StandIn(private("master"))
    master.desk.own = own
    master.minion_key = private("minion").public_key()
    await master.start()
    made = Minion(root, master, **options)
    try:
        if start:
            made.start()
            await made.started()
        yield made
    except BaseException:
        print(made.log()[-5000:])
        raise
    finally:
        if made.daemon is not None:
            await made.stop()
        await master.stop()


def run(test: Callable[[Path], Awaitable[None]]) -> Callable[[Path], None]:
    """A test that is a coroutine."""

    def wrapped(tmp_path: Path) -> None:
        asyncio.run(asyncio.wait_for(test(tmp_path), 60))

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


async def answers(cmd: str, load: dict[str, Any]) -> Any:
    """What a master answers that knows nothing."""
    return {} if cmd == "_pillar" else None


__all__ = ["SILENT", "Minion", "answers", "minion", "run"]
