"""The first process of the daemon: the zygote of job processes, and the parent of the process that holds the links.

If the latter dies it is started again. Jobs at work are children of this process and outlive both.
"""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import select
import signal
import socket
import sys
import time
from typing import IO, Any, Callable, Dict, NoReturn, Optional, cast

from minion import logs
from minion.config import MinionSettings
from minion.daemon.zygote import Zygote, exit_code
from minion.errors import EX_REJECTED, ConfigError
from transports.retry import Backoff

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_PATIENCE = 10.0
_STEADY = 60.0


class Supervisor:
    """Keeps a minion's daemon running.

    Args:
        settings: its configuration.
        opts: the same as options, with the minion id.

    Raises:
        ConfigError: another daemon uses the same folders.
    """

    def __init__(self, settings: MinionSettings, opts: Dict[str, Any]) -> None:
        self._settings, self._opts = settings, opts
        self._wakeup, self._alarm = socket.socketpair()
        self._lock = _only_one(settings.cachedir)
        self._zygote = Zygote(opts, [self._wakeup, self._alarm, self._lock])
        self._link = 0  # process id
        self._since = 0.0
        self._start_at: Optional[float] = 0.0
        self._backoff = Backoff(1.0, 30.0)
        self._exit_code: Optional[int] = None

    def run(self) -> int:
        """Works until it is told to stop; returns the exit code."""
        self._wakeup.setblocking(False)
        self._alarm.setblocking(False)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, _ignored)
        self._start_link()
        _tell_systemd("READY=1")
        while self._exit_code is None:
            self._wait()
            if self._start_at is not None and time.monotonic() >= self._start_at:
                self._start_link()
        self._end()
        return self._exit_code

    def _wait(self, timeout: Optional[float] = None) -> None:
        """Waits for signals and orders, and does what they ask for."""
        if self._start_at is not None:
            timeout = max(0.0, self._start_at - time.monotonic())
        poller = select.poll()
        poller.register(self._wakeup, select.POLLIN)
        orders = self._zygote.orders
        if orders is not None:
            poller.register(orders, select.POLLIN | (select.POLLOUT if self._zygote.unsent else 0))
        for handle, event in poller.poll(None if timeout is None else timeout * 1000):
            if handle == self._wakeup.fileno():
                for number in self._wakeup.recv(4096):
                    self._on_signal(number)
            elif orders is not None and orders is self._zygote.orders:
                self._zygote.flush()
                if event & ~select.POLLOUT:
                    self._zygote.take_order()

    def _start_link(self) -> None:
        """Forks the process that holds the links, with a channel for its orders."""
        ours, theirs = socket.socketpair()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become_link(theirs)
        theirs.close()
        self._zygote.attach(ours)
        self._link, self._since, self._start_at = pid, time.monotonic(), None

    def _become_link(self, channel: socket.socket) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for own in (self._wakeup, self._alarm, self._lock):
                own.close()
            self._zygote.detach()
            code = _agent_main()(self._settings, self._opts, channel)
        except BaseException:
            log.exception("The link of this minion failed")
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP:
            logs.reopen()
            _kill(self._link, signal.SIGHUP)
        elif self._exit_code is None:
            self._exit_code = 0

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._link:
                self._link_ended(exit_code(status))
            else:
                self._zygote.ended(pid, status)

    def _link_ended(self, code: int) -> None:
        self._link = 0
        self._zygote.detach()
        if self._exit_code is not None:
            return
        if code == EX_REJECTED:
            self._exit_code = code
            return
        if time.monotonic() > self._since + _STEADY:
            self._backoff.reset()
        self._start_at = time.monotonic() + self._backoff.next()
        log.error("The link of this minion ended (%d); starting it again", code)

    def _end(self) -> None:
        """Ends the link, first kindly; jobs at work go on."""
        _tell_systemd("STOPPING=1")
        self._start_at = None
        _kill(self._link, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE
        while self._link and time.monotonic() < end:
            self._wait(end - time.monotonic())
        _kill(self._link, signal.SIGKILL)


def _agent_main() -> Callable[[MinionSettings, Dict[str, Any], socket.socket], int]:
    """The program of the link, imported where it is needed.

    asyncio takes a missing `ssl` for a Python built without; links have no use for it, and it costs 3 MB.
    """
    modules: Dict[str, Any] = cast("Dict[str, Any]", sys.modules)
    modules["ssl"] = None
    try:
        from minion.daemon.agent import main
    finally:
        del modules["ssl"]
    return main


def _only_one(cachedir: str) -> IO[str]:
    """Holds a lock for the life of this process: two daemons would run jobs twice."""
    file = open(os.path.join(cachedir, "lock"), "a", encoding="ascii")  # noqa: SIM115 - kept open
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ConfigError(f"another salt-minion is running with the cachedir {cachedir}") from None
    return file


def _ignored(number: int, frame: Any) -> None:
    """Signals are read from the wakeup socket; a handler must be there for that."""


def _kill(pid: int, number: int) -> None:
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _tell_systemd(state: str) -> None:
    """Tells the service manager, if one started us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
            notify.sendto(state.encode(), address)
    except OSError as exc:
        log.debug("systemd can't be told: %s", exc)
