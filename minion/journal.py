"""Which jobs this minion began and ended, on disk: none runs twice, whatever is restarted.

One line for each step, `STATE JID MASTER`, appended. A job that began and did not end when the minion starts again is
either still at work (its process survived) or lost.
"""

from __future__ import annotations

import collections
import os
from typing import IO, Dict, List, NamedTuple, Optional

from minion import atomic

BEGUN, DONE = "begun", "done"


class Entry(NamedTuple):
    """What is known of one job.

    Attributes:
        state: BEGUN or DONE.
        master: the master it came from, as the name of its folder of returns.
    """

    state: str
    master: str


class Journal:
    """The memory of job ids.

    Args:
        path: the file; its folder must exist.
        memory: ended jobs that are remembered at the least; those that did not end are never forgotten.
    """

    def __init__(self, path: str, memory: int) -> None:
        self.path, self._memory = path, max(1, memory)
        self._entries: Dict[str, Entry] = collections.OrderedDict()
        self._file: Optional[IO[str]] = None
        self._read()
        self._compact()

    def __repr__(self) -> str:
        return f"<Journal of {len(self._entries)} jobs>"

    def find(self, jid: str) -> str:
        """BEGUN, DONE, or "" for a job that was never seen."""
        entry = self._entries.get(jid)
        return entry.state if entry else ""

    def unfinished(self) -> Dict[str, Entry]:
        """The jobs that began and did not end."""
        return {jid: entry for jid, entry in self._entries.items() if entry.state == BEGUN}

    def begin(self, jid: str, master: str) -> None:
        """Notes that a job is about to be run. The process that runs it makes the note durable, see `sync`."""
        self._add(jid, Entry(BEGUN, master))

    def end(self, jid: str) -> None:
        """Notes that a job ended and its return is in safe hands."""
        entry = self._entries.get(jid)
        if entry is not None and entry.state == BEGUN:
            self._add(jid, Entry(DONE, entry.master))

    def _add(self, jid: str, entry: Entry) -> None:
        self._entries[jid] = entry
        assert self._file is not None
        self._file.write(f"{entry.state} {jid} {entry.master}\n")
        self._lines += 1
        if self._lines > 4 * self._memory + len(self._entries):
            self._compact()

    def _read(self) -> None:
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            words = line.split(" ")
            if len(words) == 3 and words[0] in (BEGUN, DONE):  # a crash may have cut the last line short
                self._entries[words[1]] = Entry(words[0], words[2])

    def _compact(self) -> None:
        ended: List[str] = [jid for jid, entry in self._entries.items() if entry.state == DONE]
        for jid in ended[: -self._memory]:
            del self._entries[jid]
        text = "".join(f"{entry.state} {jid} {entry.master}\n" for jid, entry in self._entries.items())
        self.close()
        atomic.write(self.path, text, mode=0o600)
        self._lines = len(self._entries)
        self._file = open(self.path, "a", encoding="ascii", buffering=1)  # noqa: SIM115 - kept open

    def close(self) -> None:
        """Lets go of the file."""
        if self._file is not None:
            self._file.close()


def sync(path: str) -> None:
    """Makes the journal's notes survive a power failure; called in the process of the job, which can wait."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fdatasync(handle)
    finally:
        os.close(handle)
