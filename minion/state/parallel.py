"""States with `parallel: True`: each runs in a process of its own, a limited number at the same time."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import tempfile
from typing import IO, Callable, Dict, List, Optional

from minion.state.tags import Result, Running

_STARTED = "Started in a separate process"
_WAITING = "Waiting to be started in a separate process, max_parallel hit"


class _Process:
    """A call in a child process. The child's end of a pipe closes when the child ends, however it ends."""

    def __init__(self, work: Callable[[], Result]) -> None:
        self._answer: IO[bytes] = tempfile.TemporaryFile(prefix="saltern-")  # noqa: SIM115 - read when the child ended
        self.alive, mark = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if not self._pid:
            _be_child(work, self._answer)
        os.close(mark)

    def has_ended(self) -> bool:
        """Did the child end?"""
        return bool(select.select([self.alive], [], [], 0)[0])

    def result(self) -> Optional[Result]:
        """What the child left; None if it left nothing."""
        import msgpack

        os.close(self.alive)
        os.waitpid(self._pid, 0)
        with self._answer as answer:
            answer.seek(0)
            data = answer.read()
        unpacked: Optional[Result] = msgpack.unpackb(data, strict_map_key=False) if data else None
        return unpacked

    def kill(self) -> None:
        """Ends the child."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)
        self.result()


def _be_child(work: Callable[[], Result], answer: IO[bytes]) -> None:
    import msgpack

    code = 1
    try:
        packed = msgpack.packb(work(), default=str)
        answer.write(packed)
        answer.flush()
        code = 0
    finally:
        os._exit(code)


class ParallelCalls:
    """The calls that run now or wait for it.

    Args:
        limit: how many may run at the same time; None or 0: as many as there are processors.
    """

    def __init__(self, limit: Optional[int] = None) -> None:
        self._limit = limit or os.cpu_count() or 1
        self._running: Dict[str, _Process] = {}
        self._waiting: Dict[str, Callable[[], Result]] = {}

    def __bool__(self) -> bool:
        return bool(self._running or self._waiting)

    def start(self, tag: str, name: str, work: Callable[[], Result]) -> Result:
        """Begins a call, or lets it wait; the preliminary result."""
        result: Result = {"name": name, "result": None, "changes": {}}
        if len(self._running) >= self._limit:
            self._waiting[tag] = work
            return {**result, "comment": _WAITING}
        self._running[tag] = _Process(work)
        return {**result, "comment": _STARTED}

    def knows(self, tag: str) -> bool:
        """Has this call not ended yet?"""
        return tag in self._running or tag in self._waiting

    def collect(self, running: Running) -> None:
        """Takes over the results of calls that have ended, and starts waiting ones in their place."""
        for tag in [tag for tag, process in self._running.items() if tag in running and process.has_ended()]:
            result = self._running.pop(tag).result()
            if result is None:
                result = {"result": False, "changes": {}, "comment": "Parallel process failed to return"}
            running[tag].update(result)
        while self._waiting and len(self._running) < self._limit:
            tag, work = next(iter(self._waiting.items()))
            del self._waiting[tag]
            self._running[tag] = _Process(work)

    def wait(self, running: Running, tags: Optional[List[str]] = None) -> None:
        """Waits until calls have ended: those of the tags, or all."""
        while any(self.knows(tag) for tag in tags) if tags is not None else self:
            self.wait_for_any()
            self.collect(running)

    def wait_for_any(self) -> None:
        """Waits until some call has ended."""
        if self._running:
            select.select([process.alive for process in self._running.values()], [], [])

    def kill(self) -> None:
        """Ends all calls."""
        self._waiting.clear()
        while self._running:
            self._running.popitem()[1].kill()
