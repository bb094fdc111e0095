"""The jobs at work on this host: `cachedir/proc/JID` holds each one's publication and process id.

The process of a job holds a lock on its file, so a file without a lock is a job that died, whatever process has its
number by now. salt-call's jobs are there too.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any, Dict, List, Mapping, Optional

from transports import codec
from transports.errors import CodecError


def folder_of(cachedir: str) -> str:
    """Where the files are."""
    return os.path.join(cachedir, "proc")


def announce(folder: str, job: Mapping[str, Any]) -> str:
    """Notes a job that is about to get a process; returns the path of its file."""
    os.makedirs(folder, 0o700, exist_ok=True)
    path = os.path.join(folder, str(job["jid"]))
    os.close(_write(path, {**job, "pid": 0}))
    return path


def enter(folder: str, job: Mapping[str, Any]) -> str:
    """Notes that the calling process runs a job, until `leave` or its end; returns the path of the file."""
    os.makedirs(folder, 0o700, exist_ok=True)
    path = os.path.join(folder, str(job["jid"]))
    _write(path, {**job, "pid": os.getpid()})  # the descriptor stays open: it holds the lock
    return path


def _write(path: str, record: Mapping[str, Any]) -> int:
    scratch = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.getpid()}")
    handle = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, codec.pack(record))
    os.rename(scratch, path)
    return handle


def leave(path: str) -> None:
    """The job is over."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def read(path: str) -> Optional[Dict[str, Any]]:
    """The publication and process id of one job; None if there is no such file or it is damaged."""
    try:
        with open(path, "rb") as file:
            record = codec.unpack(file.read())
    except (OSError, CodecError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("pid"), int) else None


def alive(path: str) -> bool:
    """Whether some process runs the job."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def wait(path: str) -> None:
    """Blocks until no process runs the job."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(handle)


def jobs(folder: str) -> List[Dict[str, Any]]:
    """All jobs at work but the caller's own; the files of dead ones are removed."""
    found = []
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return []
    for name in names:
        path = os.path.join(folder, name)
        record = None if name.startswith(".") else read(path)
        if record is None or record["pid"] in (0, os.getpid()):
            continue  # 0: it waits for its process
        if alive(path):
            found.append(record)
        else:
            leave(path)
    return found
