"""Starts processes, restarts one that dies, ends them together."""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from minion.titles import set_title

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 8.0
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class _Child:
    title: str
    target: Callable[[], None]
    pid: int = 0
    deaths: list[float] = field(default_factory=list)


class Manager:
    """Keeps children alive until it is told to stop.

    Children are forked, so what was imported before is shared with them. A child ends when its manager dies, however
    it dies.

    Args:
        title: of this process, for `ps`.
        on_hangup: called at SIGHUP, here and in each child (log files are opened again).
    """

    def __init__(self, title: str, on_hangup: Callable[[], None]) -> None:
        self._title, self._on_hangup = title, on_hangup
        self._children: list[_Child] = []
        self._stopping = False
        self._stop_at = 0.0

    def add(self, title: str, target: Callable[[], None]) -> None:
        """Adds a child: `target` runs in it and should never return."""
        self._children.append(_Child(title, target))

    def run(self, ready: Callable[[], None] | None = None) -> int:
        """Starts the children and looks after them until SIGTERM or SIGINT; returns the exit code."""
        set_title(self._title)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._hang_up)
        for child in self._children:
            self._start(child)
        if ready is not None:
            ready()
        while any(child.pid for child in self._children):
            self._wait()
        return 0

    def _start(self, child: _Child) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid:
            child.pid = pid
            return
        code = 1
        try:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(0)
            signal.signal(signal.SIGTERM, _end)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, lambda *_: self._on_hangup())
            set_title(child.title)
            child.target()
            code = 0
        except SystemExit as exc:
            code = exc.code if isinstance(exc.code, int) else 1
        except BaseException:
            log.exception("process %s failed", child.title)
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _wait(self) -> None:
        try:
            pid, status = os.wait()
        except InterruptedError:
            return
        except ChildProcessError:
            for child in self._children:
                child.pid = 0
            return
        ended = [child for child in self._children if child.pid == pid]
        for child in ended:
            child.pid = 0
            if not self._stopping:
                self._restart(child, pid, status)

    def _restart(self, child: _Child, pid: int, status: int) -> None:
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
        log.error("process %s (pid %d) died with %s, it is restarted", child.title, pid, how)
        time.sleep(self._pause(child))
        if not self._stopping:
            self._start(child)

    @staticmethod
    def _pause(child: _Child) -> float:
        """Nothing for a first death, up to five seconds for a child that keeps dying."""
        now = time.monotonic()
        child.deaths = [when for when in child.deaths if when > now - 60] + [now]
        return min(5.0, 0.2 * (len(child.deaths) - 1) ** 2)

    def _stop(self, *_: object) -> None:
        if self._stopping:
            return
        self._stopping = True
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, _STOP_SECONDS)
        self._signal(signal.SIGTERM)

    def _kill(self, *_: object) -> None:
        self._signal(signal.SIGKILL)

    def _hang_up(self, *_: object) -> None:
        self._on_hangup()
        self._signal(signal.SIGHUP)

    def _signal(self, number: int) -> None:
        for child in self._children:
            if child.pid:
                try:
                    os.kill(child.pid, number)
                except ProcessLookupError:
                    pass


def _end(*_: object) -> None:
    """Ends a child at once: what it was doing is done again by whoever asked, and sockets would only linger."""
    logging.shutdown()
    os._exit(0)
