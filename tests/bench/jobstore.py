"""Returns a second into the job store, in durable batches of 100, from one process and from five at once.

    python tests/bench/jobstore.py [FOLDER]

The folder must be on the kind of disk that the master's cache is on; in a folder of memory the figures mean nothing.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
import time
from multiprocessing.synchronize import Barrier

from master.jobstore import JobRecord, SQLiteJobStore
from transports.messages import Job, Return

BATCH, BATCHES = 100, 50


def write(path: str, writer: int, ready: Barrier) -> None:
    store = SQLiteJobStore(path)
    jid = store.new_jid()
    minions = tuple(f"minion-{writer}-{number}" for number in range(BATCH * BATCHES))
    store.add_job(JobRecord(Job(jid, ("test.ping",), ((),), "*"), time.time(), minions))
    ready.wait()
    for start in range(0, len(minions), BATCH):
        store.add_returns(
            [Return(jid, name, "test.ping", [], True, 0, True) for name in minions[start : start + BATCH]]
        )


def measure(path: str, writers: int) -> float:
    ready = multiprocessing.Barrier(writers + 1)
    processes = [multiprocessing.Process(target=write, args=(path, writer, ready)) for writer in range(writers)]
    for process in processes:
        process.start()
    ready.wait()
    began = time.monotonic()
    for process in processes:
        process.join()
    return writers * BATCH * BATCHES / (time.monotonic() - began)


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    for writers in (1, 5):
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            print(f"{writers} writer(s): {measure(f'{scratch}/jobs.db', writers):,.0f} returns a second")


if __name__ == "__main__":
    main()
