"""The Maintenance process: prunes the job store, takes out what was forgotten, sees to the rotation of keys."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import msgpack
import zmq

from master.bus import Outbox
from master.config import MasterSettings
from master.errors import MasterError
from master.git_updates import GitUpdates
from master.parts import Parts
from master.processes.sockets import address, internal

log = logging.getLogger(__name__)

_DROP_FILE = ".dfn"


def run(settings: MasterSettings, parts: Parts) -> None:
    """Goes its rounds until the process is ended."""
    context: zmq.Context[Any] = zmq.Context()
    publisher = internal(context, zmq.PUSH, address(settings.sock_dir, "publish"), bind=False)
    outbox = Outbox(internal(context, zmq.PUSH, address(settings.sock_dir, "events"), bind=False))
    threading.Thread(target=_update_repositories, args=(settings, context), name="git", daemon=True).start()
    while True:
        try:
            prune(settings, parts)
            _forget_strangers(parts)
        except (MasterError, OSError):
            log.exception("a round of maintenance failed")
        if _take_drop_file(settings.cachedir):
            publisher.send(msgpack.packb({"rotate": True, "disturb": settings.ping_on_rotate}))
        outbox.flush()
        time.sleep(max(1.0, settings.loop_interval))


def _update_repositories(settings: MasterSettings, context: zmq.Context[Any]) -> None:
    """Fetches what files and pillars come from; a remote that does not answer holds up nothing else."""
    outbox = Outbox(internal(context, zmq.PUSH, address(settings.sock_dir, "events"), bind=False))

    def tell(role: str, changed: bool) -> None:
        if settings.fileserver_events:
            outbox.fire(f"salt/fileserver/{role}/update", {"changed": changed, "backend": role})
            outbox.flush()

    try:
        GitUpdates(settings.opts(), tell).run(threading.Event())
    except Exception:
        log.exception("the repositories are no longer updated")


def prune(settings: MasterSettings, parts: Parts) -> int:
    """Forgets jobs that are too old or too many; returns how many."""
    seconds = settings.keep_jobs * 3600 if settings.keep_jobs else settings.keep_jobs_seconds
    older_than = time.time() - seconds if seconds > 0 else None
    max_bytes = settings.keep_jobs_megabytes * 1_000_000 if settings.keep_jobs_megabytes > 0 else None
    pruned = parts.store.prune(older_than, max_bytes)
    if pruned:
        log.info("%d jobs were pruned from the job store", pruned)
    return pruned


def _forget_strangers(parts: Parts) -> None:
    """What is kept about ids that went away while no master ran."""
    members = parts.directory.members()
    for minion_id in list(parts.data.ids()):
        if minion_id not in members:
            parts.directory.forget(minion_id)


def _take_drop_file(cachedir: str) -> bool:
    """Whether somebody left the file that asks for a new publication key; it is removed."""
    path = os.path.join(cachedir, _DROP_FILE)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True
