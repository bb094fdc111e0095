"""The way from a job process to the master: a pipe to the process that holds the link."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from contextlib import contextmanager
from typing import IO, Any, Iterator, Optional

from minion.errors import CommandExecutionError, MasterUnreachable
from transports.errors import CodecError, TransportError
from transports.frames import Pipe

_PATIENCE = 30.0  # how much longer than the request's own deadline to wait for the process that holds the link


class MasterPipe:
    """Asks the master, and (commands that begin with `__`) the minion's daemon itself.

    Processes and threads that a job starts may use it at the same time; they take turns. A pipe can be made before it
    is known what it will be connected to, see `attach`.
    """

    def __init__(self) -> None:
        self._pipe: Optional[Pipe] = None
        self._turns: Optional[IO[bytes]] = None
        self._threads = threading.RLock()
        self._count = 0

    def __repr__(self) -> str:
        return f"<MasterPipe {self._pipe!r}>"

    def attach(self, sock: socket.socket) -> None:
        """Connects the pipe; the socket is owned by it from then on."""
        self._pipe = Pipe(sock)
        self._turns = _lock_file()

    def close(self) -> None:
        """Ends the connection; twice is fine."""
        if self._pipe is not None and self._turns is not None:
            self._pipe.close()
            self._turns.close()

    def request(self, cmd: str, **load: Any) -> Any:
        """Asks and returns the reply.

        Args:
            cmd: a command of the master's request table, or one of the daemon's own.
            load: its arguments; `timeout` is how many seconds to wait, 60 if it is not given.

        Raises:
            MasterUnreachable: no reply.
            CommandExecutionError: the request was refused.
        """
        timeout = float(load.pop("timeout", None) or 60.0)
        with self._my_turn() as pipe:
            self._count += 1
            number = f"{os.getpid()}-{self._count}"
            try:
                pipe.send({"number": number, "cmd": cmd, "load": load, "timeout": timeout})
            except CodecError as exc:
                raise CommandExecutionError(f"{cmd}: it can't be sent: {exc}") from exc
            except TransportError as exc:
                raise MasterUnreachable(f"{cmd}: the minion's link to the master is gone: {exc}") from exc
            try:
                while True:
                    answer = pipe.receive(timeout + _PATIENCE)
                    if answer.get("number") == number:  # else: the late answer to one that was given up
                        break
            except (TransportError, TimeoutError) as exc:
                raise MasterUnreachable(f"{cmd}: the minion's link to the master does not answer: {exc}") from exc
        return _result(cmd, answer)

    @contextmanager
    def _my_turn(self) -> Iterator[Pipe]:
        if self._pipe is None or self._turns is None:
            raise MasterUnreachable("there is no connection to a master")
        with self._threads:
            fcntl.lockf(self._turns, fcntl.LOCK_EX)
            try:
                yield self._pipe
            finally:
                fcntl.lockf(self._turns, fcntl.LOCK_UN)


def _lock_file() -> IO[bytes]:
    """A file without a name, for its lock."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("saltern"), "r+b", buffering=0)
    import tempfile

    return tempfile.TemporaryFile(prefix="saltern-")


def _result(cmd: str, answer: Any) -> Any:
    if "error" not in answer:
        return answer.get("reply")
    if answer.get("unreachable"):
        raise MasterUnreachable(f"{cmd}: {answer['error']}")
    raise CommandExecutionError(f"{cmd}: {answer['error']}")
