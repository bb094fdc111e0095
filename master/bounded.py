"""Work that may never end, such as matching somebody else's regular expression: done by a child that is killed in time.

Nothing else stops it: the engine of regular expressions lets no other thread run while it searches.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import time
from collections.abc import Callable

_NICE = 5


def within(seconds: float, work: Callable[[], bytes]) -> bytes | None:
    """What some work gives; None if it takes longer, or fails.

    Args:
        seconds: how long it may take.
        work: done in a copy of this process. It may look at everything and must change nothing.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        _work(writing, work, seconds)
    os.close(writing)
    try:
        return _read(reading, time.monotonic() + seconds)
    finally:
        os.close(reading)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _work(writing: int, work: Callable[[], bytes], seconds: float) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 1))  # should the parent die before
        os.nice(_NICE)
        with open(writing, "wb") as stream:
            stream.write(b"+" + work())
    finally:
        os._exit(0)


def _read(reading: int, ends: float) -> bytes | None:
    poller = select.poll()
    poller.register(reading, select.POLLIN)
    parts: list[bytes] = []
    while poller.poll(max(0.0, ends - time.monotonic()) * 1000):
        part = os.read(reading, 65536)
        if not part:
            return b"".join(parts)[1:] if parts else None
        parts.append(part)
    return None
