"""The symmetric keys of a master, in files below `auth/` that all its processes read and notice changes of.

`auth/publish` holds the key that stock minions share for publications, `auth/sessions/ID` the one that a minion and
the master share for requests. Both can be made again, so nothing waits for the disk and what can't be read counts as
missing.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

from master import locks, safety
from master.errors import UnsafePath
from master.gate import Session
from transports import crypto, names
from transports.crypto import SymmetricKey
from transports.errors import CryptoError

log = logging.getLogger(__name__)

PREVIOUS_VALID = 60.0
_MAX_CACHED = 65536


# ----------------------------------------------------------- publication key


@dataclass(frozen=True)
class Published:
    """The publication key of the moment.

    Attributes:
        key: the key.
        digest: the master's signature of it (X9.31 over its hash), which minions get with it.
    """

    key: SymmetricKey
    digest: bytes


class PublishKey:
    """The key of publications that every accepted minion can read.

    Args:
        folder: `auth` below cachedir.
        private: the master's key, to sign it. A key that another master key signed is replaced.
    """

    def __init__(self, folder: str, private: crypto.PrivateKey) -> None:
        self._path = os.path.join(folder, "publish")
        self._private = private
        self._master = crypto.fingerprint(private.public_key())
        self._known: tuple[safety.Signature, Published] | None = None

    def __repr__(self) -> str:
        return f"<PublishKey {self._path}>"

    def current(self) -> Published:
        """The key and its signature; made if there is none."""
        now = safety.signature(self._path)
        if now is None or self._known is None or self._known[0] != now:
            self._known = self._read() or self._create()
        return self._known[1]

    def key(self) -> SymmetricKey:
        """The key."""
        return self.current().key

    def rotate(self) -> None:
        """Replaces the key. Stock minions sign in again when they can't read a publication."""
        with _locked(self._path):
            self._write()

    def _create(self) -> tuple[safety.Signature, Published]:
        with _locked(self._path):
            known = self._read()
            if known is None:
                self._write()
                known = self._read()
        if known is None:
            raise UnsafePath(f"{self._path} can't be read back: does something else write there?")
        return known

    def _write(self) -> None:
        key = SymmetricKey.generate()
        digest = crypto.x931_sign(self._private, crypto.key_digest(key.text))
        record = {"key": key.text, "digest": base64.b64encode(digest).decode(), "master": self._master}
        safety.write(self._path, json.dumps(record).encode(), durable=False)

    def _read(self) -> tuple[safety.Signature, Published] | None:
        read = _read_record(self._path)
        if read is None or read[1].get("master") != self._master:
            return None
        with suppress(KeyError, TypeError, ValueError, CryptoError):
            record = read[1]
            return read[0], Published(SymmetricKey(record["key"]), base64.b64decode(record["digest"]))
        return None


def forget_publish_key(folder: str) -> None:
    """Drops the publication key of a master that is not running; it makes a new one when it starts.

    Args:
        folder: `auth` below cachedir.
    """
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(folder, "publish"))


# --------------------------------------------------------------- session keys


@dataclass(frozen=True)
class _Record:
    key: SymmetricKey
    created: float
    fingerprint: str
    offset: float | None = None
    previous: SymmetricKey | None = None
    previous_offset: float | None = None

    def to_file(self) -> bytes:
        record = {
            "key": self.key.text,
            "created": self.created,
            "fingerprint": self.fingerprint,
            "offset": self.offset,
            "previous": self.previous.text if self.previous else None,
            "previous_offset": self.previous_offset,
        }
        return json.dumps(record).encode()

    @classmethod
    def from_file(cls, record: dict[str, Any]) -> _Record:
        return cls(
            SymmetricKey(record["key"]),
            float(record["created"]),
            str(record["fingerprint"]),
            _number(record.get("offset")),
            SymmetricKey(record["previous"]) if record.get("previous") else None,
            _number(record.get("previous_offset")),
        )


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


@dataclass(frozen=True)
class _Cached:
    signature: safety.Signature
    record: _Record
    young: Session  # while the previous key is welcome
    settled: Session


class Sessions:
    """The session keys, one for each accepted id.

    Args:
        folder: `auth` below cachedir.
        lifetime: seconds until a key is replaced (`publish_session`).
        now: clock, seconds of the epoch.
    """

    def __init__(self, folder: str, lifetime: float = 86400, now: Callable[[], float] = time.time) -> None:
        self._folder = os.path.join(folder, "sessions")
        self._lifetime, self._now = lifetime, now
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        self._prepared = False

    def __repr__(self) -> str:
        return f"<Sessions {self._folder}: {len(self._cache)} in memory>"

    def find(self, minion_id: str) -> Session | None:
        """The session of a minion; None if it has none, or one that is too old: it has to sign in again."""
        cached = self._load(minion_id)
        if cached is None:
            return None
        age = self._age(cached)
        if not -PREVIOUS_VALID <= age <= self._lifetime:
            return None
        return cached.young if age <= PREVIOUS_VALID else cached.settled

    def ensure(self, minion_id: str, fingerprint: str) -> Session:
        """The session of a minion that signs in; an existing one stays as it is, unless it is too old.

        Args:
            minion_id: an accepted minion.
            fingerprint: of its accepted key. A session of another key ends.
        """
        session = self.find(minion_id)
        if session is not None and session.fingerprint == fingerprint:
            return session
        with self._locked():
            session = self.find(minion_id)
            if session is None or session.fingerprint != fingerprint:
                self._renew(minion_id, fingerprint, overlap=True)
                session = self.find(minion_id)
        if session is None:
            raise UnsafePath(f"{self._path(minion_id)} can't be read back: does something else write there?")
        return session

    def replace(self, minion_id: str) -> None:
        """Gives a minion's session a new key, at once; the minion has to sign in again."""
        with self._locked():
            cached = self._load(minion_id)
            if cached is not None:
                self._renew(minion_id, cached.record.fingerprint, overlap=False)

    def destroy(self, minion_id: str) -> bool:
        """Ends the session of a minion at once; whether there was one."""
        self._cache.pop(minion_id, None)
        if not os.path.isdir(self._folder):
            return False
        with self._locked():
            try:
                os.unlink(self._path(names.minion_id(minion_id)))
            except FileNotFoundError:
                return False
        return True

    def clock_offset(self, minion_id: str) -> float | None:
        """By how many seconds the minion's clock is ahead, as its first request showed; None before that.

        While requests under the previous key are welcome, what was known then still counts: old requests could be
        played again under that key if their time were believed.
        """
        cached = self._load(minion_id)
        if cached is None:
            return None
        record = cached.record
        if record.offset is None and record.previous and self._age(cached) <= PREVIOUS_VALID:
            return record.previous_offset
        return record.offset

    def learn_clock(self, minion_id: str, offset: float) -> None:
        """Keeps by how many seconds the minion's clock is ahead."""
        with self._locked():
            cached = self._load(minion_id)
            if cached is not None:
                self._write(minion_id, replace(cached.record, offset=offset))

    def ids(self) -> Iterator[str]:
        """The minions that have a session."""
        with suppress(FileNotFoundError):
            yield from filter(names.is_minion_id, os.listdir(self._folder))

    def _renew(self, minion_id: str, fingerprint: str, overlap: bool) -> None:
        """Makes a new key; `overlap` lets requests that are under way under the old one still in."""
        cached = self._load(minion_id)
        record = _Record(SymmetricKey.generate(), self._now(), fingerprint)
        old = cached.record if cached else None
        if overlap and old is not None and old.fingerprint == fingerprint and old.offset is not None:
            record = replace(record, previous=old.key, previous_offset=old.offset)
        self._write(minion_id, record)

    def _age(self, cached: _Cached) -> float:
        return self._now() - cached.record.created

    def _load(self, minion_id: str) -> _Cached | None:
        cached = self._cache.get(minion_id)
        if cached is None and not names.is_minion_id(minion_id):
            return None
        path = self._path(minion_id)
        now = safety.signature(path)
        if now is not None and cached is not None and cached.signature == now:
            return cached
        self._cache.pop(minion_id, None)
        read = _read_record(path) if now is not None else None
        if read is None:
            return None
        try:
            record = _Record.from_file(read[1])
        except (KeyError, TypeError, ValueError, CryptoError):
            log.warning("%s is damaged; the minion signs in again", path)
            return None
        settled = Session(record.key, None, record.fingerprint)
        young = Session(record.key, record.previous, record.fingerprint) if record.previous else settled
        cached = self._cache[minion_id] = _Cached(read[0], record, young, settled)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)
        return cached

    def _write(self, minion_id: str, record: _Record) -> None:
        safety.write(self._path(minion_id), record.to_file(), durable=False)

    def _path(self, minion_id: str) -> str:
        return f"{self._folder}/{minion_id}"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._prepared:
            safety.private_folder(self._folder)
            self._prepared = True
        with _locked(self._folder):
            yield


@contextmanager
def _locked(path: str) -> Iterator[None]:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        safety.private_folder(folder)
    with locks.locked(os.path.join(folder, f".{name}.lock")):
        yield


def _read_record(path: str) -> tuple[safety.Signature, dict[str, Any]] | None:
    try:
        content, signature = safety.read_with_signature(path)
        record = json.loads(content)
    except FileNotFoundError:
        return None
    except (OSError, UnsafePath, ValueError) as exc:
        log.warning("%s is not used: %s", path, exc)
        return None
    return (signature, record) if isinstance(record, dict) else None
