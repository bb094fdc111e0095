"""Holding and killing a state run that is going on: files below `cachedir/state_pause`, one for each job."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

from minion import atomic

ALL = "__all__"
_LOOK_EVERY = 0.5  # seconds between looks at the file, where the kernel does not tell of changes


class Pauses:
    """What the user wants held or killed of one job.

    Args:
        cachedir: the minion's.
        jid: of the job.
    """

    def __init__(self, cachedir: str, jid: str) -> None:
        self._path = os.path.join(folder_of(cachedir), os.path.basename(str(jid)))

    def read(self) -> Dict[str, Dict[str, Any]]:
        """State ID, or `__all__` -> `{kill: True}` or `{duration: seconds}`."""
        import msgpack

        try:
            with open(self._path, "rb") as source:
                found = msgpack.unpackb(source.read())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, wanted: Dict[str, Dict[str, Any]]) -> None:
        """Notes what is wanted; an empty mapping lets the run go on."""
        import msgpack

        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        atomic.write(self._path, msgpack.packb(wanted), 0o600)

    def change(self, state_id: Optional[str], **wanted: Any) -> None:
        """Adds a wish for one state, or for all."""
        found = self.read()
        found.setdefault(state_id or ALL, {}).update(wanted)
        self.write(found)

    def resume(self, state_id: Optional[str]) -> None:
        """Forgets the wishes for one state, or all of them."""
        found = self.read()
        found.pop(state_id or ALL, None)
        self.write(found if state_id else {})

    def forget(self) -> None:
        """Removes the file of a run that has ended."""
        if os.path.exists(self._path):
            os.unlink(self._path)

    def wait_for(self, state_id: str) -> str:
        """Holds the run before a state as long as that is wanted; then `run` or `kill`."""
        if not os.path.exists(self._path):
            return "run"
        since = time.monotonic()
        with _changes_in(os.path.dirname(self._path)) as wait:
            while True:
                found = self.read()
                wish = found.get(state_id, found.get(ALL))
                left = None if wish is None or "duration" not in wish else since + wish["duration"] - time.monotonic()
                if wish is None or (left is not None and left <= 0 and not wish.get("kill")):
                    return "run"
                if wish.get("kill"):
                    return "kill"
                wait(left)


@contextlib.contextmanager
def _changes_in(folder: str) -> Iterator[Callable[[Optional[float]], None]]:
    """A function that waits until something in a folder changes, or so many seconds."""
    if not hasattr(fcntl, "F_NOTIFY"):
        yield lambda seconds: time.sleep(min(_LOOK_EVERY, _LOOK_EVERY if seconds is None else seconds))
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
    handle = os.open(folder, os.O_RDONLY)

    def wait(seconds: Optional[float]) -> None:
        if seconds is None:
            signal.sigwait([signal.SIGIO])
        else:
            signal.sigtimedwait([signal.SIGIO], seconds)

    try:
        wanted = fcntl.DN_CREATE | fcntl.DN_MODIFY | fcntl.DN_DELETE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT
        fcntl.fcntl(handle, fcntl.F_NOTIFY, wanted)
        yield wait
    finally:
        os.close(handle)
        while signal.sigtimedwait([signal.SIGIO], 0):
            pass  # a notice that came too late would end the process once the signal is open again
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def folder_of(cachedir: str) -> str:
    """Where the files lie."""
    return os.path.join(cachedir, "state_pause")


def paused_jobs(cachedir: str) -> List[str]:
    """The jobs that have a file."""
    try:
        return sorted(os.listdir(folder_of(cachedir)))
    except FileNotFoundError:
        return []
