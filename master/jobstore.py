"""Keeps jobs and what the minions answered.

`JobStore` is the interface; `SQLiteJobStore` the store of a single master. Several processes use one store: the workers
add returns, the event publisher adds jobs, maintenance prunes, `salt-run` reads.
"""

from __future__ import annotations

import contextlib
import datetime
import enum
import fnmatch
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

from master import jids
from master.errors import StoreError
from master.locks import locked, open_shared
from transports.codec import pack, unpack
from transports.errors import TransportError
from transports.messages import Job, Return


@dataclass(frozen=True)
class JobRecord:
    """A job as it was published.

    Attributes:
        job: what was asked, and by whom.
        started: when, in seconds of the epoch.
        minions: who is expected to answer.
        missing: who was named but is not known.
        unasked: whether a minion did it of its own accord (`salt-call`, a schedule) and told the master afterwards.
    """

    job: Job
    started: float
    minions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unasked: bool = False


class Outcome(enum.Enum):
    """What adding a return came to."""

    NEW = "new"
    SAME = "same"  # it was there already: the minion repeats itself because it missed our acknowledgement
    DIFFERENT = "different"  # there is another return of this minion, which was kept


@dataclass(frozen=True)
class Query:
    """Which jobs to find; what is empty does not matter.

    Attributes:
        fun, user: globs, one of which has to match the user, or one of the functions.
        target: globs, one of which has to match the target or a minion that is expected to answer.
        since, until: when the job was made; without a time zone they are local time.
        ids: minions, one of which is expected to answer.
        metadata: keys and values, one of which the job's metadata holds.
    """

    fun: Sequence[str] = ()
    target: Sequence[str] = ()
    user: Sequence[str] = ()
    since: datetime.datetime | None = None
    until: datetime.datetime | None = None
    ids: Collection[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)


EVERY_JOB = Query()


class JobStore(Protocol):
    """What a job store can do. Each method may raise `StoreError`, and works again once the cause is gone."""

    def new_jid(self) -> str:
        """A job id greater than all before, whichever process made them."""
        ...

    def add_job(self, record: JobRecord) -> None:
        """Keeps a job; it is durable when this returns."""
        ...

    def add_returns(self, returns: Sequence[Return]) -> list[Outcome]:
        """Keeps returns, all of them durable when this returns; tells what became of each."""
        ...

    def add_unasked(self, returned: Return, started: float) -> str:
        """Keeps a return that no job asked for, as a job of its own; returns the id that was made for it.

        Raises:
            CodecError: what it says of itself makes no job.
        """
        ...

    def add_verdicts(self, jid: str, states: Mapping[str, str]) -> None:
        """Keeps what became of minions that did not return; later verdicts replace earlier ones."""
        ...

    def job(self, jid: str) -> JobRecord | None:
        """A job, if it is known."""
        ...

    def returns(self, jid: str) -> Iterator[Return]:
        """The returns of a job, sorted by minion id, read as they are asked for."""
        ...

    def return_of(self, jid: str, minion_id: str) -> Return | None:
        """What one minion answered, if it did."""
        ...

    def verdicts(self, jid: str) -> dict[str, str]:
        """Minion id -> state, of the minions that have not returned."""
        ...

    def find(self, query: Query = EVERY_JOB, limit: int | None = None, offset: int = 0) -> Iterator[JobRecord]:
        """Jobs, the newest first, read as they are asked for.

        Args:
            query: which.
            limit: how many at the most.
            offset: how many to leave out first.
        """
        ...

    def prune(self, older_than: float | None = None, max_bytes: int | None = None) -> int:
        """Forgets jobs, the oldest first, with all that belongs to them.

        Args:
            older_than: seconds of the epoch; jobs made before go.
            max_bytes: while the store is larger, more go.

        Returns:
            how many jobs went.
        """
        ...

    def size(self) -> int:
        """Bytes in use."""
        ...

    def close(self) -> None:
        """Lets go of files and connections until the next use."""
        ...


_PAGE = 100
_PRUNED_AT_ONCE = 10
_SETTINGS = """
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 67108864;
PRAGMA cache_size = -400;
"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    jid TEXT PRIMARY KEY, fun TEXT, target TEXT, user TEXT, started REAL, unasked INTEGER, minions TEXT, missing TEXT,
    load BLOB
);
CREATE TABLE IF NOT EXISTS returns (jid TEXT, id TEXT, load BLOB, PRIMARY KEY (jid, id));
CREATE TABLE IF NOT EXISTS verdicts (jid TEXT, id TEXT, state TEXT, PRIMARY KEY (jid, id)) WITHOUT ROWID;
"""
_FORGET = (
    "DELETE FROM returns WHERE jid = ?",
    "DELETE FROM verdicts WHERE jid = ?",
    "DELETE FROM jobs WHERE jid = ?",
)
_START_ANEW = "move it away, a new one is made then"
_REMEDIES = {
    "full": "free some space there",
    "disk I/O error": "see whether its file system has space and is in order",
    "readonly": "see that the master's user may write there",
    "unable to open": "see that the master's user may write there",
    "malformed": _START_ANEW,
    "not a database": _START_ANEW,
}


class SQLiteJobStore:
    """A job store in one file, for the processes of one master.

    Writers queue for a lock of their own beside the file: the kernel wakes the next one, where SQLite's would sleep
    and try again. Readers never wait. A file that was moved away is noticed, and a new one made.

    Args:
        path: the database, made with its folder if it is missing. Beside it are `PATH.lock` and `PATH.jid`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._mutex = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def __repr__(self) -> str:
        return f"<SQLiteJobStore {self._path}>"

    def new_jid(self) -> str:
        with self._mutex, self._failures():
            self._connected()
            return jids.new_jid(f"{self._path}.jid")

    def add_job(self, record: JobRecord) -> None:
        with self._writing() as db:
            _insert_job(db, record)

    def add_returns(self, returns: Sequence[Return]) -> list[Outcome]:
        with self._writing() as db:
            return [_insert_return(db, returned) for returned in returns]

    def add_unasked(self, returned: Return, started: float) -> str:
        jid = self.new_jid()
        returned = returned.but(jid=jid)
        load = returned.to_wire()
        job = Job.from_wire({**load, "arg": load["fun_args"], "tgt": [returned.id], "tgt_type": "list", "id": ""})
        with self._writing() as db:
            _insert_job(db, JobRecord(job, started, (returned.id,), unasked=True))
            _insert_return(db, returned)
        return jid

    def add_verdicts(self, jid: str, states: Mapping[str, str]) -> None:
        rows = [(jid, minion_id, state) for minion_id, state in states.items()]
        with self._writing() as db:
            db.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)

    def job(self, jid: str) -> JobRecord | None:
        rows = self._read("SELECT * FROM jobs WHERE jid = ?", jid)
        return _record(rows[0]) if rows else None

    def returns(self, jid: str) -> Iterator[Return]:
        last = ""
        while rows := self._read(
            "SELECT id, load FROM returns WHERE jid = ? AND id > ? ORDER BY id LIMIT ?", jid, last, _PAGE
        ):
            for minion_id, load in rows:
                yield _return(jid, minion_id, load)
            last = rows[-1][0]

    def return_of(self, jid: str, minion_id: str) -> Return | None:
        rows = self._read("SELECT load FROM returns WHERE jid = ? AND id = ?", jid, minion_id)
        return _return(jid, minion_id, rows[0][0]) if rows else None

    def verdicts(self, jid: str) -> dict[str, str]:
        rows = self._read(
            "SELECT id, state FROM verdicts AS v WHERE jid = ? AND NOT EXISTS"
            " (SELECT 1 FROM returns AS r WHERE r.jid = v.jid AND r.id = v.id) ORDER BY id",
            jid,
        )
        return dict(rows)

    def find(self, query: Query = EVERY_JOB, limit: int | None = None, offset: int = 0) -> Iterator[JobRecord]:
        found = (_record(row) for row in self._newest_first(query) if _fits(row, query))
        return islice(found, offset, None if limit is None else offset + limit)

    def prune(self, older_than: float | None = None, max_bytes: int | None = None) -> int:
        pruned = 0
        if older_than is not None:
            limit = jids.digits(datetime.datetime.fromtimestamp(older_than, datetime.UTC))
            while gone := self._forget_oldest(limit):
                pruned += gone
        while max_bytes is not None and self.size() > max_bytes:
            gone = self._forget_oldest("9")
            if not gone:
                break
            pruned += gone
        return pruned

    def size(self) -> int:
        ((total, free, page),) = self._read(
            "SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count,"
            " pragma_page_size"
        )
        return int((total - free) * page)

    def close(self) -> None:
        with self._mutex:
            if self._connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    self._connection.close()
            self._connection = None

    # ------------------------------------------------------------ behind it

    def _newest_first(self, query: Query) -> Iterator[tuple[Any, ...]]:
        first = jids.digits(query.since) if query.since else ""
        before = jids.digits(query.until + datetime.timedelta(microseconds=1)) if query.until else "9"
        while rows := self._read(
            "SELECT * FROM jobs WHERE jid < ? AND jid >= ? ORDER BY jid DESC LIMIT ?", before, first, _PAGE
        ):
            yield from rows
            before = rows[-1][0]

    def _forget_oldest(self, before: str) -> int:
        with self._writing() as db:
            rows = db.execute(
                "SELECT jid FROM jobs WHERE jid < ? ORDER BY jid LIMIT ?", (before, _PRUNED_AT_ONCE)
            ).fetchall()
            for statement in _FORGET:
                db.executemany(statement, rows)
            db.execute("PRAGMA incremental_vacuum").fetchall()
            return len(rows)

    def _read(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._mutex, self._failures():
            return self._connected().execute(sql, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._mutex, self._failures():
            db = self._connected()
            with locked(f"{self._path}.lock"):
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    with contextlib.suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                    raise

    def _connected(self) -> sqlite3.Connection:
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            inode = 0
        if self._connection is None or inode != self._inode:
            self.close()
            self._connection = self._connect()
            self._inode = os.stat(self._path).st_ino
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        os.makedirs(os.path.dirname(self._path) or ".", mode=0o700, exist_ok=True)
        with locked(f"{self._path}.lock"):
            with contextlib.suppress(FileExistsError):
                os.close(open_shared(self._path, os.O_EXCL))
            db = sqlite3.connect(self._path, timeout=30, isolation_level=None, check_same_thread=False)
            try:
                db.executescript(_SETTINGS)
                db.executescript(_SCHEMA)
            except sqlite3.Error:
                db.close()
                raise
        return db

    @contextlib.contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as exc:
            self.close()
            remedy = next((remedy for sign, remedy in _REMEDIES.items() if sign in str(exc)), "see its file system")
            raise StoreError(f"the job store {self._path} can't be used: {exc}; {remedy}") from exc


def _insert_job(db: sqlite3.Connection, record: JobRecord) -> None:
    job = record.job
    target = job.tgt if isinstance(job.tgt, str) else ",".join(job.tgt)
    minions, missing = "\n".join(record.minions), "\n".join(record.missing)
    row = (job.jid, job.fun_text, target, job.user, record.started, record.unasked, minions, missing)
    done = db.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, pack(job.to_wire())))
    if not done.rowcount:
        raise StoreError(f"there is a job {job.jid} already")


def _insert_return(db: sqlite3.Connection, returned: Return) -> Outcome:
    load = returned.to_wire()
    packed = pack(load)
    key = (returned.jid, returned.id)
    if db.execute("INSERT OR IGNORE INTO returns VALUES (?, ?, ?)", (*key, packed)).rowcount:
        return Outcome.NEW
    (kept,) = db.execute("SELECT load FROM returns WHERE jid = ? AND id = ?", key).fetchone()
    return Outcome.SAME if kept == packed or unpack(kept) == unpack(packed) else Outcome.DIFFERENT


def _record(row: tuple[Any, ...]) -> JobRecord:
    jid, _, _, _, started, unasked, minions, missing, load = row
    with _damage(jid):
        job = Job.from_wire(unpack(load))
    return JobRecord(job, started, _lines(minions), _lines(missing), bool(unasked))


def _return(jid: str, minion_id: str, load: bytes) -> Return:
    with _damage(jid):
        return Return.from_wire(unpack(load), minion_id)


@contextlib.contextmanager
def _damage(jid: str) -> Iterator[None]:
    try:
        yield
    except TransportError as exc:
        raise StoreError(f"the job store holds damaged data of job {jid}: {exc}") from exc


def _lines(text: str) -> tuple[str, ...]:
    return tuple(text.split("\n")) if text else ()


def _fits(row: tuple[Any, ...], query: Query) -> bool:
    _, fun, target, user, _, _, minions, _, load = row
    return (
        _matches(fun, query.fun)
        and (_matches(target, query.target) or _matches(minions.replace("\n", ","), query.target))
        and _matches(user, query.user)
        and (not query.ids or not set(query.ids).isdisjoint(_lines(minions)))
        and (not query.metadata or _has_metadata(unpack(load), query.metadata))
    )


def _matches(text: str, patterns: Sequence[str]) -> bool:
    if not patterns:
        return True
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns for name in (text, *text.split(",")))


def metadata_of(job: Mapping[str, Any]) -> dict[str, Any] | None:
    """The metadata of a job in the form that travels; it may be among the arguments as well."""
    found = [job.get("metadata")]
    found += [arg.get("metadata") for arg in job.get("arg") or () if isinstance(arg, dict) and arg.get("__kwarg__")]
    return next((metadata for metadata in found if isinstance(metadata, dict)), None)


def _has_metadata(load: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    metadata = metadata_of(load) or {}
    return any(key in metadata and metadata[key] == value for key, value in wanted.items())
