"""One state run at a time: a lock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import IO, Any, Dict, Iterator, List, Optional

_HELD: Dict[str, int] = {}  # lock file -> how often this process, or its parent before a fork, holds it


class Conflict(Exception):
    """Another state run is going on; `args[0]` lists it in words."""


class StateLock:
    """The lock of a minion.

    Args:
        cachedir: the minion's.
    """

    def __init__(self, cachedir: str) -> None:
        self._folder = os.path.join(cachedir, "state_runs")
        self._path = os.path.join(self._folder, "lock")

    @contextlib.contextmanager
    def held(self, fun: str, jid: str, queue: Any = False) -> Iterator[None]:
        """Holds the lock; a run that another one starts in the same process may run as well.

        Args:
            fun: what is run, and
            jid: its job, for the others to read.
            queue: wait for the others; a number: if no more than so many run and wait already.

        Raises:
            Conflict: another run is going on, and we do not wait for it.
        """
        if _HELD.get(self._path):
            yield
            return
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        with open(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as lock:
            with self._in_queue(queue):
                self._acquire(lock, queue)
            self._describe(lock, fun, jid)
            _HELD[self._path] = 1
            try:
                yield
            finally:
                del _HELD[self._path]
                lock.truncate(0)

    def _acquire(self, lock: IO[bytes], queue: Any) -> None:
        limit = queue if isinstance(queue, int) and not isinstance(queue, bool) else None
        if queue and (limit is None or self._queued() < limit):
            fcntl.flock(lock, fcntl.LOCK_EX)
            return
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                conflict = self.running()
                if conflict:
                    raise Conflict(conflict) from None
                time.sleep(0.01)  # somebody looks at the lock, or has it and did not write his name yet

    @contextlib.contextmanager
    def _in_queue(self, queue: Any) -> Iterator[None]:
        """A file that is locked as long as we wait, so that others can count us."""
        if not queue:
            yield
            return
        path = os.path.join(self._folder, f"queued_{os.getpid()}")
        with open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            try:
                yield
            finally:
                os.unlink(path)

    def _queued(self) -> int:
        """How many wait, ourselves among them."""
        names = [name for name in os.listdir(self._folder) if name.startswith("queued_")]
        return sum(_is_locked(os.path.join(self._folder, name)) for name in names)

    @staticmethod
    def _describe(lock: IO[bytes], fun: str, jid: str) -> None:
        import msgpack

        lock.seek(0)
        lock.truncate(0)
        lock.write(msgpack.packb({"fun": fun, "jid": jid, "pid": os.getpid()}))
        lock.flush()

    def holder(self) -> Optional[Dict[str, Any]]:
        """`fun`, `jid` and `pid` of the run that is going on; None if there is none, or it is ours."""
        import msgpack

        if _HELD.get(self._path) or not _is_locked(self._path):
            return None
        try:
            with open(self._path, "rb") as lock:
                found: Dict[str, Any] = msgpack.unpackb(lock.read())
                return found
        except (OSError, ValueError):
            return None

    def running(self) -> List[str]:
        """The run that is going on, in words; nothing if there is none."""
        holder = self.holder()
        if holder is None:
            return []
        return [
            f'The function "{holder["fun"]}" is running as PID {holder["pid"]} and was started at '
            f"{_time_of(str(holder['jid']))} with jid {holder['jid']}"
        ]


def _is_locked(path: str) -> bool:
    try:
        with open(path, "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def _time_of(jid: str) -> str:
    """The time that a job id names, as Salt writes it."""
    import datetime

    try:
        return datetime.datetime.strptime(jid[:20], "%Y%m%d%H%M%S%f").strftime("%Y, %b %d %H:%M:%S.%f")
    except ValueError:
        return ""
