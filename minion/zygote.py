"""The process that job processes are forked from: single-threaded, modules preloaded, no connection to anywhere.

It takes orders over a channel from the process that holds the link. Each order comes with one end of the new process's
pipe; what the new process has to say goes there. The zygote says which process it started and how each one ended.
"""

from __future__ import annotations

import gc
import logging
import os
import select
import signal
import socket
import sys
from typing import Any, Callable, Dict, Mapping, NoReturn, Optional

from minion import fdpass
from minion.job import Order, carry_out
from minion.master import MasterPipe
from minion.runtime import Runtime
from minion.titles import set_title
from transports.errors import Broken, CodecError

log = logging.getLogger(__name__)

PRELOADED = ("test", "cmd", "saltutil", "grains", "state", "cp", "config", "file")


class Zygote:
    """Forks a process for each order.

    Args:
        boss: channel to the supervisor; brings a new channel whenever there is a new process that holds the link.
        opts: the minion's options.
    """

    def __init__(self, boss: socket.socket, opts: Dict[str, Any]) -> None:
        self._boss, self._opts = boss, opts
        self._orders: Optional[socket.socket] = None
        self._grains: Dict[str, Any] = {}
        self._pillars: Dict[str, Dict[str, Any]] = {}  # by master
        self._numbers: Dict[int, int] = {}  # process id -> number of its order
        self._ended, self._wake = socket.socketpair()
        self._pipe = MasterPipe()
        self._prepare()

    def _prepare(self) -> None:
        """Builds what all job processes share, for the grains of now and the modules that lie there now."""
        self._runtime = Runtime({**self._opts}, self._grains, {}, self._pipe)
        if self._grains:
            self._runtime.preload(PRELOADED)
        gc.collect()
        gc.freeze()  # so that the collector of a job process does not touch, and thereby copy, what is shared

    def serve(self) -> None:
        """Works until the supervisor is gone."""
        self._ended.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        while True:
            try:
                self._wait()
            except (Broken, CodecError):
                return

    def _wait(self) -> None:
        poller = select.poll()
        handlers: Dict[int, Callable[[], None]] = {
            self._ended.fileno(): self._reap,
            self._boss.fileno(): self._take_channel,
        }
        if self._orders is not None:
            handlers[self._orders.fileno()] = self._take_order
        for handle in handlers:
            poller.register(handle, select.POLLIN)
        for handle, _event in poller.poll():
            handlers[handle]()

    def _take_channel(self) -> None:
        _message, channel = fdpass.receive(self._boss)
        if self._orders is not None:
            self._orders.close()
        self._orders = channel

    def _take_order(self) -> None:
        assert self._orders is not None
        try:
            message, pipe = fdpass.receive(self._orders)
        except (Broken, CodecError):
            self._orders.close()
            self._orders = None  # the supervisor brings a new one
            return
        if pipe is not None:
            self._start(message, pipe)
            return
        self._pillars = message.get("pillars", self._pillars)
        if "environ" in message:
            os.environ.clear()
            os.environ.update(message["environ"])
        if "grains" in message:
            self._grains = message["grains"]
            self._prepare()

    def _start(self, message: Mapping[str, Any], pipe: socket.socket) -> None:
        number = int(message["number"])
        try:
            pid = os.fork()
        except OSError as exc:
            log.error("No process for job %s: %s", message["order"]["job"].get("jid"), exc)
            self._tell({"number": number, "failed": str(exc)})
            pipe.close()
            return
        if pid == 0:
            self._become(Order(**message["order"]), pipe)
        pipe.close()
        self._numbers[pid] = number
        self._tell({"number": number, "pid": pid})

    def _become(self, order: Order, pipe: socket.socket) -> NoReturn:
        """In the new process: do what was ordered, and end whatever happens."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            for own in (self._boss, self._orders, self._ended, self._wake):
                if own is not None:
                    own.close()
            os.setsid()  # a signal to the job's process group reaches the programs it started, and nobody else
            set_title(f"ProcessPayload(jid={order.job.get('jid')})" if order.job else f"Task({order.kind})")
            self._pipe.attach(pipe)
            self._runtime.pillar.update(self._pillars.get(order.master, {}))
            carry_out(order, self._runtime)
            code = 0
        except BaseException:
            log.exception("%s %s failed", order.kind, order.job.get("jid", ""))
        finally:
            logging.shutdown()
            sys.stdout.flush()
            os._exit(code)

    def _reap(self) -> None:
        try:
            while self._ended.recv(4096):
                pass
        except BlockingIOError:
            pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._numbers.pop(pid, None)
            if number is not None:
                self._tell({"number": number, "status": _exit_code(status)})

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._orders is None:
            return
        try:
            fdpass.send(self._orders, message)
        except Broken:
            pass  # its process is gone; the next one looks at the files of the jobs at work


def _exit_code(status: int) -> int:
    """0 and above: what the process said; below: the signal that killed it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
