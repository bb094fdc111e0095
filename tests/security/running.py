"""A real master, started as users start it, and what an observer on its host can see of it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from master.control_client import ControlClient
from master.events import EventClient
from master.jobstore import SQLiteJobStore
from master.keys import KeyStore, State
from tests.security.peer import SHA1, SHA224, NoReply, Peer, pem, until

ROOT = Path(__file__).resolve().parents[2]
START = 20.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in taken:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in taken]


class Master:
    """A master below a folder of its own.

    Args:
        options: of its configuration file; or a function that makes them of the folder.
    """

    def __init__(self, options: Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="sec"))  # short: paths of sockets are limited
        self.publish_port, self.port = free_ports(2)
        for name in ("etc/master.d", "var/log/salt", "srv/salt", "srv/pillar"):
            (self.root / name).mkdir(parents=True)
        self.options = {
            "interface": "127.0.0.1", "publish_port": self.publish_port, "ret_port": self.port,
            "root_dir": str(self.root), "keysize": 2048, "worker_threads": 2, "auto_accept": True,
            "file_roots": {"base": [f"{self.root}/srv/salt"]}, "pillar_roots": {"base": [f"{self.root}/srv/pillar"]},
            "timeout": 1, "gather_job_timeout": 1, **(options(self.root) if callable(options) else options),
        }  # fmt: skip
        self.conf_dir = self.root / "etc"
        (self.conf_dir / "master").write_text(yaml.safe_dump(self.options))
        self.pki, self.cache = self.root / "etc/salt/pki/master", self.root / "var/cache/salt/master"
        self.run, self.log = self.root / "var/run/salt/master", self.root / "var/log/salt/master"
        self._process: subprocess.Popen[str] | None = None

    # --------------------------------------------------------------- life

    def spawn(self, **how: Any) -> subprocess.Popen[str]:
        """Starts it, without waiting until it serves."""
        program = "from master.cli.daemon import main; main()"
        command = [sys.executable, "-P", "-c", program, "-c", str(self.conf_dir)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with open(self.root / "console", "ab") as console:
            self._process = subprocess.Popen(
                command, env=environment, text=True, stdout=console, stderr=subprocess.STDOUT, **how
            )
        return self._process

    def start(self) -> Master:
        """Starts it and waits until it serves."""
        self.spawn()
        self.wait_until_serving()
        return self

    def wait_until_serving(self) -> None:
        """Waits until each worker answers; they do not in the second in which they are started."""
        algorithms = SHA1 if self.options.get("allow_sha1", True) else SHA224
        ends = time.monotonic() + START
        for name in self.names_of_all_workers():
            while not self._serves(name, algorithms):
                assert time.monotonic() < ends and self.process.poll() is None, self.said()

    def _serves(self, name: str, algorithms: tuple[str, str]) -> bool:
        peer = self.peer(name, algorithms=algorithms)
        try:
            if not self.options["auto_accept"]:
                self.accept(name)
            return bool(peer.sign_in().ask("_file_envs", wait=1.0))
        except NoReply:
            return False
        finally:
            peer.close()

    def names_of_all_workers(self) -> list[str]:
        """Ids of which each belongs to another worker."""
        found: dict[int, str] = {}
        number = 0
        while len(found) < self.options["worker_threads"]:
            name = f"ready{number}"
            found.setdefault(zlib.crc32(name.encode()) % self.options["worker_threads"], name)
            number += 1
        return list(found.values())

    def stop(self) -> None:
        """Ends it and removes everything."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def said(self) -> str:
        """What it printed so far."""
        return (self.root / "console").read_text(encoding="utf-8", errors="replace")

    # ------------------------------------------------------------- parties

    def peer(self, minion_id: str, number: int = 0, **how: Any) -> Peer:
        """A minion that has not signed in."""
        return Peer(self.port, minion_id, number, **how)

    def minion(self, minion_id: str, number: int = 0, **how: Any) -> Peer:
        """A minion that is in."""
        if not (self.pki / "minions" / minion_id).exists() and not self.options["auto_accept"]:
            self.accept(minion_id, number)
        return self.peer(minion_id, number, **how).sign_in()

    def accept(self, minion_id: str, number: int = 0) -> None:
        """An operator accepts the key of a minion beforehand."""
        keys = KeyStore(str(self.pki))
        with keys.locked():
            keys.store(minion_id, pem(number), State.ACCEPTED)

    @property
    def control(self) -> ControlClient:
        """An operator; root, as the tests are."""
        return ControlClient(str(self.run))

    @property
    def store(self) -> SQLiteJobStore:
        """The jobs."""
        return SQLiteJobStore(str(self.cache / "jobs/jobs.db"))

    def publish(self, tgt: Any, fun: Any = "test.ping", tgt_type: str = "list", **fields: Any) -> str:
        """Publishes a job; its jid."""
        answer = self.control.ask("run", tgt=tgt, tgt_type=tgt_type, fun=fun, arg=fields.pop("arg", []), **fields)
        return str(answer["jid"])

    @contextlib.contextmanager
    def events(self) -> Iterator[EventClient]:
        """The bus, from now on."""
        client = EventClient(self.control)
        client.subscribe()
        try:
            yield client
        finally:
            client.destroy()

    # -------------------------------------------------------------- looks

    def pids(self) -> dict[int, str]:
        """Process id -> title, of all its processes."""
        found: dict[int, str] = {}
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return found

    def pid_of(self, title: str) -> int:
        """The process with this in its title."""
        return next(pid for pid, known in self.pids().items() if title in known)

    def kill(self, title: str) -> int:
        """Ends one process at once and waits for its successor; its process id."""
        before = self.pid_of(title)
        os.kill(before, signal.SIGKILL)
        return int(until(lambda: next((p for p, t in self.pids().items() if title in t and p != before), 0)))

    def memory(self) -> dict[str, int]:
        """Title -> MiB in use now."""
        return {title: _status(pid, "VmRSS") for pid, title in self.pids().items()}

    def peaks(self) -> dict[str, int]:
        """Title -> MiB in use at the most, since `forget_peaks`."""
        return {title: _status(pid, "VmHWM") for pid, title in self.pids().items()}

    def forget_peaks(self) -> None:
        """Measures peaks of memory anew."""
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def log_text(self) -> str:
        """The log so far."""
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def files(self) -> dict[str, int]:
        """What it keeps on the disk, except for its log: path -> size."""
        found = {}
        for folder, _, names in os.walk(self.root):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    path = os.path.join(folder, name)
                    found[os.path.relpath(path, self.root)] = os.lstat(path).st_size
        return {name: size for name, size in found.items() if name not in ("console", "var/log/salt/master")}


def _status(pid: int, field: str) -> int:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        found = re.search(rf"^{field}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.M)
        return int(found[1]) // 1024 if found else 0
    return 0
