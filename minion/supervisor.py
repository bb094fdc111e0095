"""The first process of the daemon: starts the zygote and the process that holds the links, and restarts what dies.

Both are forked from here, so that they share what is loaded. Whenever one of them is new, they get a new channel to
each other. Jobs at work are children of the zygote and outlive all of this.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from minion import fdpass, logs
from minion.config import MinionSettings
from transports.errors import Broken
from transports.retry import Backoff

log = logging.getLogger(__name__)

EX_REJECTED = 77
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
_PATIENCE = 10.0
_STEADY = 60.0

Life = Callable[[socket.socket], int]


class Part:
    """One of the two processes.

    Args:
        name: for the log.
        life: what it does, with its channel to us; returns the exit code.
    """

    def __init__(self, name: str, life: Life) -> None:
        self.name, self._life = name, life
        self.pid = 0
        self.channel: Optional[socket.socket] = None
        self.since = 0.0
        self.backoff = Backoff(1.0, 30.0)

    def start(self, strangers: List[socket.socket]) -> None:
        """Forks it.

        Args:
            strangers: our descriptors that it must not have.
        """
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            ours.close()
            self._become(theirs, strangers)
        theirs.close()
        if self.channel is not None:
            self.channel.close()
        self.pid, self.channel, self.since = pid, ours, time.monotonic()

    def _become(self, channel: socket.socket, strangers: List[socket.socket]) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for stranger in strangers:
                stranger.close()
            code = self._life(channel)
        except BaseException:
            log.exception("The %s failed", self.name)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)


class Supervisor:
    """Keeps a minion's daemon running.

    Args:
        settings: its configuration.
        opts: the same as options, with the minion id.
    """

    def __init__(self, settings: MinionSettings, opts: Dict[str, Any]) -> None:
        self._zygote = Part("zygote", lambda channel: _zygote(channel, opts))
        self._agent = Part("link", lambda channel: _agent(channel, settings, opts))
        self._parts = (self._zygote, self._agent)
        self._wakeup, self._alarm = socket.socketpair()
        self._exit_code: Optional[int] = None

    def run(self) -> int:
        """Works until it is told to stop; returns the exit code."""
        self._wakeup.setblocking(False)
        self._alarm.setblocking(False)
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        for kind in _SIGNALS:
            signal.signal(kind, lambda signum, frame: None)
        for part in self._parts:
            self._start(part)
        self._connect()
        _tell_systemd("READY=1")
        while self._exit_code is None:
            for number in self._signals():
                self._on_signal(number)
        self._end()
        return self._exit_code

    def _start(self, part: Part) -> None:
        strangers = [self._wakeup, self._alarm, *(other.channel for other in self._parts if other.channel is not None)]
        part.start(strangers)

    def _connect(self) -> None:
        """Gives the two a channel to each other."""
        ends = socket.socketpair()
        for part, end in zip(self._parts, ends):
            try:
                assert part.channel is not None
                fdpass.send(part.channel, {}, end)
            except Broken:
                pass  # it died just now, and is connected when it is there again
            end.close()

    def _signals(self, timeout: Optional[float] = None) -> List[int]:
        """Waits for signals."""
        select.select([self._wakeup], [], [], timeout)
        try:
            return list(self._wakeup.recv(4096))
        except BlockingIOError:
            return []

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._restart_dead()
        elif number == signal.SIGHUP:
            logs.reopen()
            for part in self._parts:
                _kill(part.pid, signal.SIGHUP)
        else:
            self._exit_code = 0

    def _restart_dead(self) -> None:
        for part in self._parts:
            status = _reap(part)
            if status is None:
                continue
            if part is self._agent and status == EX_REJECTED:
                self._exit_code = EX_REJECTED
                return
            log.error("The %s of this minion ended (%d); starting it again", part.name, status)
            if time.monotonic() > part.since + _STEADY:
                part.backoff.reset()
            elif self._stopped_while_waiting(part.backoff.next()):
                return
            self._start(part)
            self._connect()

    def _stopped_while_waiting(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if {signal.SIGTERM, signal.SIGINT} & set(self._signals(max(0.0, end - time.monotonic()))):
                self._exit_code = 0
                return True
        return False

    def _end(self) -> None:
        """Ends both processes, first kindly."""
        _tell_systemd("STOPPING=1")
        left = [part for part in self._parts if part.pid]
        for part in left:
            _kill(part.pid, signal.SIGTERM)
        end = time.monotonic() + _PATIENCE
        while left and time.monotonic() < end:
            self._signals(max(0.0, end - time.monotonic()))
            left = [part for part in left if _reap(part) is None]
        for part in left:
            _kill(part.pid, signal.SIGKILL)
            os.waitpid(part.pid, 0)


def _reap(part: Part) -> Optional[int]:
    """The exit code of a part that ended, -N if signal N killed it; None if it runs (or is known to be gone)."""
    if not part.pid:
        return None
    pid, status = os.waitpid(part.pid, os.WNOHANG)
    if pid == 0:
        return None
    part.pid = 0
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _kill(pid: int, number: int) -> None:
    if pid:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _zygote(channel: socket.socket, opts: Dict[str, Any]) -> int:
    from minion.titles import set_title
    from minion.zygote import Zygote

    set_title("Zygote")
    Zygote(channel, opts).serve()
    return 0


def _agent(channel: socket.socket, settings: MinionSettings, opts: Dict[str, Any]) -> int:
    from minion.agent import main

    return main(settings, opts, channel)


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
