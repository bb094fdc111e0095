"""What bulk deployments came to: a file for each run, a line of JSON for each thing that happened.

`salt-deploy` writes them, `--resume` and `salt-run deploy.status` read them. A run holds a lock on its file for as long
as it lasts, so that one that was killed can be told from one that works. What a kill cut off in the middle of a line is
left out when the file is read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from master import safety
from master.errors import StoreError, UnsafePath
from master.jids import new_jid
from transports import names

KEPT = 100
_SUFFIX = ".jsonl"
_MOST = 256 * 1024 * 1024


@dataclass(frozen=True)
class HostRecord:
    """What is known of one host of a run.

    Attributes:
        id: the host.
        step: what it did last.
        outcome: what it came to; "" if it has not ended.
        fine: whether that is what was wanted.
        changed: whether anything was changed there.
        text: one line for people: the error, or what else is to be said.
        seconds: how long it took.
        sent: bytes that it was sent.
    """

    id: str
    step: str = ""
    outcome: str = ""
    fine: bool = False
    changed: bool = False
    text: str = ""
    seconds: float = 0.0
    sent: int = 0


@dataclass(frozen=True)
class RunRecord:
    """A run as its file tells of it.

    Attributes:
        id: its name, the time when it began.
        action: `deploy`, `upgrade`, `remove`, or a dry run of one.
        words: the command line, to repeat it.
        begun, ended: seconds of the epoch; `ended` is 0 if it did not.
        active: whether it works at this moment.
        hosts: what is known of each host.
    """

    id: str
    action: str
    words: tuple[str, ...]
    begun: float
    ended: float = 0.0
    active: bool = False
    hosts: Mapping[str, HostRecord] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`running`, `finished` or `interrupted`."""
        return "running" if self.active else "finished" if self.ended else "interrupted"


class Journal:
    """Writes the file of a run; its lock says that the run lasts.

    Args:
        cachedir: the master's.
        action, words, hosts: see `RunRecord`.

    Raises:
        OSError, UnsafePath: it can't be written.
    """

    def __init__(self, cachedir: str, action: str, words: Sequence[str], hosts: Sequence[str]) -> None:
        folder = safety.private_folder(folder_of(cachedir))
        self.id = new_jid(os.path.join(folder, ".last"))
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(_path(cachedir, self.id), flags, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        self._write({"action": action, "words": list(words), "hosts": list(hosts)})
        for name in runs(cachedir)[KEPT:]:
            with contextlib.suppress(FileNotFoundError):  # another run that begins does the same
                os.unlink(_path(cachedir, name))

    def __repr__(self) -> str:
        return f"<Journal {self.id}>"

    def step(self, host: str, step: str) -> None:
        """A host begins a step."""
        self._write({"id": host, "step": step})

    def end(self, record: HostRecord) -> None:
        """A host is done, whatever it came to; this survives a power failure."""
        self._write(dataclasses.asdict(record))
        os.fsync(self._handle)

    def close(self, finished: bool) -> None:
        """The run is over.

        Args:
            finished: whether all hosts had their turn.
        """
        if finished:
            self._write({"ended": True})
        os.close(self._handle)

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps({"at": round(time.time(), 3), **line}, separators=(",", ":"))
        os.write(self._handle, text.encode() + b"\n")


def folder_of(cachedir: str) -> str:
    """Where the files are."""
    return os.path.join(cachedir, "deploy")


def runs(cachedir: str) -> list[str]:
    """All runs that are remembered, the latest first."""
    try:
        found = os.listdir(folder_of(cachedir))
    except FileNotFoundError:
        return []
    return sorted((name[: -len(_SUFFIX)] for name in found if name.endswith(_SUFFIX)), reverse=True)


def read(cachedir: str, run: str = "") -> RunRecord:
    """A run; the latest if none is named.

    Raises:
        StoreError: there is no such run, or it can't be read.
    """
    known = runs(cachedir)
    if not known or (run and run not in known):
        raise StoreError(f"there is no deployment {run or 'yet'}; salt-run deploy.list names those that are remembered")
    path = _path(cachedir, run or known[0])
    try:
        lines = list(_lines(safety.read(path, _MOST)))
        active = _is_locked(path)
    except (OSError, UnsafePath) as exc:
        raise StoreError(f"the deployment {run or known[0]} can't be read: {exc}") from None
    if not lines or "action" not in lines[0]:
        raise StoreError(f"the file {path} is not that of a deployment")
    return _record(run or known[0], lines, active)


def _record(run: str, lines: Sequence[Mapping[str, Any]], active: bool) -> RunRecord:
    head, *rest = lines
    hosts = {str(name): HostRecord(str(name)) for name in head.get("hosts", ())}
    known = {field.name for field in dataclasses.fields(HostRecord)}
    ended = 0.0
    for line in rest:
        if "id" in line:
            told = {name: value for name, value in line.items() if name in known}
            hosts[line["id"]] = dataclasses.replace(hosts.get(line["id"], HostRecord(line["id"])), **told)
        elif "ended" in line:
            ended = float(line["at"])
    return RunRecord(run, str(head["action"]), tuple(head["words"]), float(head["at"]), ended, active, hosts)


def _lines(data: bytes) -> Iterator[dict[str, Any]]:
    for line in data.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict) and "at" in told:
            yield told


def _is_locked(path: str) -> bool:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _path(cachedir: str, run: str) -> str:
    return os.path.join(folder_of(cachedir), f"{names.jid(run)}{_SUFFIX}")
