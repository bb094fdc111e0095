"""Real masters and minions as processes below a temporary folder: ours, and stock Salt's where it is installed.

Nothing here waits by sleeping: readiness is an event on the master's bus, a file that appears (inotify), or the end of
a process.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from master.control_client import ControlClient
from transports.frames import Pipe

PATIENCE = 30.0
BIN = Path(sys.executable).parent
ROOT = Path(__file__).parent.parent
SALT = next((p for p in (ROOT / ".venv-salt" / "bin", Path("/opt/salt/bin")) if (p / "salt-master").exists()), None)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on at the moment."""
    taken = [socket.socket() for _ in range(count)]
    for one in taken:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


def until(what: str, holds: Callable[[], Any], folder: Path | None = None, seconds: float = PATIENCE) -> Any:
    """Waits until something holds: looks whenever anything in `folder` changes, and now and then."""
    watch = _Watch(folder) if folder else None
    if watch and watch.handle < 0:
        watch = None  # other programs hold all that the system has; looking now and then will do
    deadline = time.monotonic() + seconds
    try:
        while not (found := holds()):
            assert time.monotonic() < deadline, f"{what}: not within {seconds:g} s"
            select.select([watch.handle] if watch else [], [], [], 0.1)
            if watch:
                watch.drain()
        return found
    finally:
        if watch:
            os.close(watch.handle)


class _Watch:
    """inotify on one folder."""

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None)
        self.handle = libc.inotify_init1(os.O_NONBLOCK)
        libc.inotify_add_watch(self.handle, str(folder).encode(), 0x100 | 0x80 | 0x200)  # create, moved to, delete

    def drain(self) -> None:
        try:
            os.read(self.handle, 65536)
        except BlockingIOError:
            pass


class Daemon:
    """One running daemon and its log."""

    def __init__(self, name: str, argv: list[str], log: Path) -> None:
        self.name, self.log = name, log
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SALT_")}
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment, start_new_session=True
            )

    def children(self, title: str = "") -> list[int]:
        """Ids of the processes below this one whose title contains a text."""
        found, pending = [], [self.process.pid]
        while pending:
            pid = pending.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                try:
                    below = [int(child) for child in task.read_text().split()]
                except OSError:
                    continue
                pending += below
                found += [child for child in below if title in _title(child)]
        return found

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signals the main process alone and waits for its end."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def stop(self) -> None:
        """Ends it in good order; what does not end in time is killed."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


class Lab:
    """A master and its minions below one folder."""

    def __init__(self, **options: Any) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lab")  # paths of Unix sockets must be short
        self.root = Path(self._folder.name)
        self.publish_port, self.ret_port = free_ports(2)
        self.options = options
        self.daemons: dict[str, Daemon] = {}
        self._stock_master = False
        for folder in ("etc", "srv/salt", "srv/pillar"):
            (self.root / folder).mkdir(parents=True)

    # ---------------------------------------------------------------- master

    def write_master(self, **options: Any) -> None:
        """Writes the master's configuration."""
        self.options.update(options)
        config = {
            "interface": "127.0.0.1",
            "publish_port": self.publish_port,
            "ret_port": self.ret_port,
            "root_dir": str(self.root),
            "pki_dir": str(self.root / "pki"),
            "sock_dir": str(self.root / "run"),
            "cachedir": str(self.root / "cache"),
            "log_file": str(self.root / "master.log"),
            "file_roots": {"base": [str(self.root / "srv/salt")]},
            "pillar_roots": {"base": [str(self.root / "srv/pillar")]},
            **self.options,
        }
        (self.root / "etc" / "master").write_text(yaml.safe_dump(config))

    def start_master(self, **options: Any) -> Daemon:
        """Starts our master; returns when it answers on its control socket."""
        self.write_master(**options)
        daemon = self._start("master", [str(BIN / "salt-master"), "-c", str(self.root / "etc"), "-l", "info"])
        control = self.root / "run" / "control.sock"
        until("the master's start", lambda: control.exists() and self._answers(daemon), self.root)
        return daemon

    def _answers(self, daemon: Daemon) -> bool:
        assert daemon.process.poll() is None, f"the master ended:\n{self.tail('master')}"
        try:
            return "pong" in self.control.ask("ping")
        except Exception:  # noqa: BLE001 - not yet
            return False

    def start_stock_master(self, **options: Any) -> Daemon:
        """Starts a stock Salt master."""
        assert SALT is not None
        self._stock_master = True
        (self.root / "log").mkdir(exist_ok=True)
        self.write_master(**options)
        daemon = self._start("master", [str(SALT / "salt-master"), "-c", str(self.root / "etc"), "-l", "warning"])
        until("the stock master's start", lambda: (self.root / "run" / "publish_pull.ipc").exists(), seconds=60)
        return daemon

    @property
    def control(self) -> ControlClient:
        """Questions to our master."""
        return ControlClient(str(self.root / "run"))

    # --------------------------------------------------------------- minions

    def start_minion(
        self, minion_id: str, stock: bool = False, wait: bool = True, netns: str = "", **options: Any
    ) -> Daemon:
        """Starts a minion, ours or stock Salt's; returns when it has told the master that it started.

        Args:
            wait: for that; without, returns at once.
            netns: network namespace to start it in.
        """
        folder = self.root / minion_id
        folder.mkdir(exist_ok=True)
        config = {
            "id": minion_id,
            "master": "127.0.0.1",
            "master_port": self.ret_port,
            "root_dir": str(folder),
            "pki_dir": str(folder / "pki"),
            "cachedir": str(folder / "cache"),
            "sock_dir": str(folder / "run"),
            "pidfile": str(folder / "pid"),
            "log_file": str(folder / "log"),
            "acceptance_wait_time": 1,
            "recon_default": 100,
            "recon_max": 1000,
            **options,
        }
        (folder / "minion").write_text(yaml.safe_dump(config))
        started = self.listen(f"salt/minion/{minion_id}/start") if wait and not self._stock_master else None
        folder_of_programs = SALT if stock else BIN
        assert folder_of_programs is not None
        argv = ["ip", "netns", "exec", netns] if netns else []
        argv += [str(folder_of_programs / "salt-minion"), "-c", str(folder), "-l", "info"]
        daemon = self._start(minion_id, argv, folder)
        if started is not None:
            self.expect(started, f"the start of minion {minion_id}", 60)
        return daemon

    def salt_call(self, minion_id: str, *args: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Runs our `salt-call` with a minion's configuration."""
        return run([str(BIN / "salt-call"), "-c", str(self.root / minion_id), *args], **popen)

    # -------------------------------------------------------------- commands

    def command(self, name: str, *args: str, timeout: float = 60, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Runs one of the master's commands (ours, or stock Salt's if the master is)."""
        folder = SALT if self._stock_master else BIN
        return run([str(folder / name), "-c", str(self.root / "etc"), *args], timeout=timeout, **popen)

    def salt(self, *args: str, **popen: Any) -> subprocess.CompletedProcess[str]:
        """Runs `salt`."""
        return self.command("salt", *args, **popen)

    def results(self, *args: str) -> dict[str, Any]:
        """What minions answered: runs `salt --static --out=json`."""
        done = self.salt("--static", "--out=json", *args)
        assert done.stdout.strip(), f"salt {args} printed nothing: {done.stderr}\n{self.tail('master')}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def key(self, *args: str) -> subprocess.CompletedProcess[str]:
        """Runs `salt-key`."""
        return self.command("salt-key", *args)

    # ---------------------------------------------------------------- events

    def listen(self, *tags: str) -> Pipe:
        """Events from now on."""
        pipe = self.control.open("events", tags=list(tags))
        assert "listening" in pipe.receive(PATIENCE)
        return pipe

    def expect(self, pipe: Pipe, what: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The next event; closes the pipe."""
        try:
            event: dict[str, Any] = pipe.receive(seconds)
            return event
        except TimeoutError:
            logs = "\n".join(f"== {name}\n{self.tail(name)}" for name in self.daemons)
            raise AssertionError(f"{what} was not seen within {seconds:g} s\n{logs}") from None
        finally:
            pipe.close()

    # ------------------------------------------------------------------- end

    def tail(self, name: str, lines: int = 25) -> str:
        """The end of a daemon's output."""
        daemon = self.daemons.get(name)
        return "\n".join(daemon.log.read_text(errors="replace").splitlines()[-lines:]) if daemon else ""

    def _start(self, name: str, argv: list[str], folder: Path | None = None) -> Daemon:
        self.daemons[name] = Daemon(name, argv, (folder or self.root) / "output")
        return self.daemons[name]

    def close(self) -> None:
        """Ends everything."""
        for daemon in reversed(list(self.daemons.values())):
            daemon.stop()
        self._folder.cleanup()


def run(argv: list[str], timeout: float = 60, **popen: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with its output as text."""
    environment: Mapping[str, str] = {k: v for k, v in os.environ.items() if not k.startswith("SALT_")}
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False,
        **{"env": environment, **popen},
    )  # fmt: skip
