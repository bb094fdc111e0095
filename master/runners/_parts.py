"""What runners work with, made from the master's options."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any

from master.client import LocalClient
from master.jobstore import SQLiteJobStore
from master.keys import KeyStore, State
from master.members import RosterIndex
from master.miniondata import MinionData
from master.targets import resolve
from minion.errors import SaltInvocationError

Opts = Mapping[str, Any]


@contextmanager
def job_store(opts: Opts) -> Iterator[SQLiteJobStore]:
    """The job store, for as long as it is needed."""
    with closing(SQLiteJobStore(os.path.join(str(opts["cachedir"]), "jobs", "jobs.db"))) as store:
        yield store


def client(opts: Opts) -> LocalClient:
    """Runs functions on minions."""
    return LocalClient(mopts=opts)


def keys(opts: Opts) -> KeyStore:
    """The minions' keys."""
    return KeyStore(str(opts["pki_dir"]))


def accepted(opts: Opts) -> list[str]:
    """The ids of all accepted minions."""
    return keys(opts).ids(State.ACCEPTED)


def members(opts: Opts) -> list[str]:
    """The ids of all accepted minions, and of the hosts of the roster that the master serves."""
    return sorted({*accepted(opts), *RosterIndex.of(opts).hosts})


def minion_data(opts: Opts) -> MinionData:
    """What is kept of the minions."""
    return MinionData(os.path.join(str(opts["cachedir"]), "by_minion"))


def targeted(opts: Opts, tgt: Any, tgt_type: str) -> tuple[str, ...]:
    """Whom a target means among the minions of the master; None means all.

    Raises:
        TargetError: it is wrong.
    """
    wanted = "*" if tgt is None else tgt
    groups = RosterIndex.of(opts).nodegroups(opts.get("nodegroups") or {})
    return resolve(wanted, tgt_type, ":", frozenset(members(opts)), minion_data(opts), groups).minions


def master_id(opts: Opts) -> str:
    """The id under which the master appears."""
    return str(opts.get("id") or f"{socket.gethostname()}_master")


def listed(value: Any) -> list[str]:
    """A list that may have been written with commas; nothing is an empty one."""
    if not value:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    if isinstance(value, Iterable):
        return [str(part) for part in value]
    raise SaltInvocationError(f"a list of names is expected, not {value!r}")
