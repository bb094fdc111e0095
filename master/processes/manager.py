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

from minion.daemon.titles import set_title

log = logging.getLogger(__name__)

_PR_SET_PDEATHSIG = 1
_STOP_SECONDS = 8.0
_FOREVER = 86400.0
_WATCHED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
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

    def run(self) -> int:
        """Starts the children and looks after them until SIGTERM or SIGINT; returns the exit code."""
        set_title(self._title)
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)  # taken one by one below, so that none comes unseen
        for child in self._children:
            self._start(child)
        while any(child.pid for child in self._children):
            self._take_signal()
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
            # A child ends at once: what it was doing is done again by whoever asked.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, lambda *_: self._on_hangup())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
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

    def _take_signal(self) -> None:
        left = self._stop_at - time.monotonic() if self._stopping else _FOREVER
        taken = signal.sigtimedwait(_WATCHED, max(0.0, left))
        if taken is None and self._stopping:
            self._signal(signal.SIGKILL)
            self._stop_at += _STOP_SECONDS
        elif taken is None:
            return
        elif taken.si_signo == signal.SIGCHLD:
            self._reap()
        elif taken.si_signo == signal.SIGHUP:
            self._on_hangup()
            self._signal(signal.SIGHUP)
        elif not self._stopping:
            self._stopping, self._stop_at = True, time.monotonic() + _STOP_SECONDS
            self._signal(signal.SIGTERM)

    def _reap(self) -> None:
        for child in self._children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if pid:
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

    def _signal(self, number: int) -> None:
        for child in self._children:
            if child.pid:
                try:
                    os.kill(child.pid, number)
                except ProcessLookupError:
                    pass
