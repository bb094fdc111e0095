"""Returns that the master has not acknowledged yet, on disk: one file each, oldest first.

The process of a job puts its return there, so that it outlives whatever dies next; the link delivers and removes it.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from transports import codec
from transports.errors import CodecError

log = logging.getLogger(__name__)

_SUFFIX = ".ret"
_UNFINISHED_AGE = 3600.0


class Parcel(NamedTuple):
    """One return.

    Attributes:
        path: its file.
        jid: the job.
        made: when, in seconds of the epoch.
    """

    path: str
    jid: str
    made: float


def put(folder: str, load: Dict[str, Any], now: Callable[[], float] = time.time) -> str:
    """Stores one return and gives its path.

    Args:
        folder: one master's returns; made if it is missing.
        load: the return as it travels.
        now: the time, which orders the returns.

    Raises:
        OSError: the disk is full, or refuses for another reason; nothing is left behind.
        CodecError: the return can't travel.
    """
    packed = codec.pack(load)
    os.makedirs(folder, 0o700, exist_ok=True)
    name = f"{int(now() * 1e6):017d}-{load['jid']}-{os.getpid()}{_SUFFIX}"
    path = os.path.join(folder, name)
    scratch = os.path.join(folder, f".{name}")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
            file.write(packed)
        os.rename(scratch, path)
    except OSError:
        if os.path.lexists(scratch):
            os.unlink(scratch)
        raise
    return path


class Spool:
    """The returns for one master, within limits.

    Args:
        folder: where they lie; made if it is missing.
        keep: seconds that a return is kept.
        max_bytes: all of them together; above that the oldest go.
        now: the time.
    """

    def __init__(
        self, folder: str, keep: float, max_bytes: int = 256 * 1024 * 1024, now: Callable[[], float] = time.time
    ) -> None:
        self.folder, self._keep, self._max_bytes, self._now = folder, keep, max_bytes, now
        os.makedirs(folder, 0o700, exist_ok=True)

    def waiting(self) -> List[Parcel]:
        """The returns to deliver, oldest first, after those beyond the limits were dropped."""
        found = [parcel for parcel in map(self._parcel, sorted(os.listdir(self.folder))) if parcel]
        sizes = [_size(parcel.path) for parcel in found]
        total, kept = sum(sizes), []
        for parcel, size in zip(found, sizes):
            if total > self._max_bytes:
                self._drop(parcel, "the returns together are larger than the limit")
                total -= size
            elif self._now() > parcel.made + self._keep:
                self._drop(parcel, f"the master did not take it for {self._keep:.0f} s (return_keep)")
                total -= size
            else:
                kept.append(parcel)
        return kept

    def has(self, jid: str) -> bool:
        """Whether the return of a job waits here."""
        return any(f"-{jid}-" in name for name in os.listdir(self.folder) if name.endswith(_SUFFIX))

    def read(self, parcel: Parcel) -> Optional[Dict[str, Any]]:
        """The return as it travels; None, and the file is gone, if it is damaged."""
        try:
            with open(parcel.path, "rb") as file:
                load = codec.unpack(file.read())
            if isinstance(load, dict) and load.get("jid"):
                return load
            reason = "it holds no return"
        except FileNotFoundError:
            return None
        except (OSError, CodecError) as exc:
            reason = str(exc)
        self._drop(parcel, reason)
        return None

    def delivered(self, parcel: Parcel) -> None:
        """The master has it."""
        try:
            os.unlink(parcel.path)
        except FileNotFoundError:
            pass

    def _parcel(self, name: str) -> Optional[Parcel]:
        stamp, _, rest = name.partition("-")
        path = os.path.join(self.folder, name)
        if name.endswith(_SUFFIX) and stamp.isdigit():
            return Parcel(path, rest.rpartition("-")[0], int(stamp) / 1e6)
        if name.startswith(".") and name.endswith(_SUFFIX) and _age(path) > _UNFINISHED_AGE:
            os.unlink(path)
        return None

    def _drop(self, parcel: Parcel, why: str) -> None:
        log.error("The return of job %s is given up: %s", parcel.jid, why)
        self.delivered(parcel)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _age(path: str) -> float:
    try:
        return time.time() - os.lstat(path).st_mtime
    except FileNotFoundError:
        return 0.0
