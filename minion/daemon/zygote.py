"""Forks a process for each job: from a process that is single-threaded, has modules preloaded, and no connection.

Orders come over a channel from the process that holds the links, each with one end of the new process's pipe; what the
new process has to say goes there. Who ordered is told which process was started and how it ended.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
from typing import Any, Dict, Mapping, NoReturn, Optional, Protocol, Sequence

from minion.daemon import fdpass
from minion.daemon.titles import set_title
from minion.job import Order, carry_out
from minion.master import MasterPipe
from minion.runtime import Runtime, signature
from transports.errors import Broken, CodecError
from transports.frames import frame

log = logging.getLogger(__name__)

PRELOADED = ("test", "cmd", "saltutil", "cp", "config")  # what is small or called often; an idle minion should be small
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Closable(Protocol):
    """A file or a socket."""

    def close(self) -> None: ...


class Zygote:
    """Forks a process for each order.

    Args:
        opts: the minion's options.
        private: files and sockets of this process that the new ones must not have.
    """

    def __init__(self, opts: Dict[str, Any], private: Sequence[Closable]) -> None:
        self._opts, self._private = opts, private
        self.orders: Optional[socket.socket] = None
        self._grains: Dict[str, Any] = {}
        self._pillars: Dict[str, Dict[str, Any]] = {}  # by master
        self.unsent = bytearray()
        self._numbers: Dict[int, int] = {}  # process id -> number of its order
        self._pipe = MasterPipe()
        self._prepare()

    def _prepare(self) -> None:
        """Builds what all job processes share, for the grains of now and the modules that lie there now."""
        self._signature = signature(self._opts)
        self._runtime = Runtime({**self._opts}, self._grains, {}, self._pipe)
        if self._grains:
            self._runtime.preload(PRELOADED)
        gc.collect()
        gc.freeze()  # so that the collector of a job process does not touch, and thereby copy, what is shared

    def attach(self, orders: socket.socket) -> None:
        """Takes orders from a new process; numbers of processes that an earlier one ordered mean nothing to it."""
        self.detach()
        self.orders = orders
        self.unsent.clear()
        self._numbers.clear()

    def detach(self) -> None:
        """Takes no orders any more."""
        if self.orders is not None:
            self.orders.close()
            self.orders = None

    def take_order(self) -> None:
        """Reads one message from the channel and does what it says."""
        assert self.orders is not None
        try:
            message, pipe = fdpass.receive(self.orders)
        except (Broken, CodecError):
            self.detach()  # its process is about to be replaced
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
        if signature(self._opts) != self._signature:
            self._prepare()  # salt-call may have synced modules, or somebody put one there
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
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for own in self._private:
                own.close()
            self.detach()
            os.umask(0o022)  # what jobs make is for others, too, unless they say otherwise
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

    def ended(self, pid: int, status: int) -> None:
        """A child process ended, as `os.waitpid` said."""
        number = self._numbers.pop(pid, None)
        if number is not None:
            self._tell({"number": number, "status": exit_code(status)})

    def _tell(self, message: Mapping[str, Any]) -> None:
        """Says something without ever waiting: who reads it may be waiting for us to take an order."""
        if self.orders is not None:
            self.unsent += frame(message)
            self.flush()

    def flush(self) -> None:
        """Sends what could not be sent before."""
        if self.orders is None or not self.unsent:
            return
        try:
            sent = self.orders.send(self.unsent, socket.MSG_DONTWAIT)
            del self.unsent[:sent]
        except BlockingIOError:
            pass  # the supervisor calls again when there is room
        except OSError:
            self.unsent.clear()  # its process is gone; the next one looks at the files of the jobs at work


def exit_code(status: int) -> int:
    """0 and above: what the process said; below: the signal that killed it."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
