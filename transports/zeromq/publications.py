"""Judges what arrives on the publication socket of a minion, without I/O: from bytes to a job, or a reason why not."""

from __future__ import annotations

import hashlib
import time
from typing import Any, Callable, Dict, Mapping, Optional

from transports import crypto, names
from transports.codec import to_bytes, unpack
from transports.errors import CodecError, CryptoError, TransportError
from transports.messages import Job
from transports.signin import Session
from transports.zeromq import private

_OLDEST = 3600.0
_MAX_KEYS = 16


class Unreadable(TransportError):
    """The publication is sealed with a key that we don't have: the master has a new one."""


class Refused(TransportError):
    """The publication is not acceptable, for the reason given."""


class Serials:
    """The last serial seen under each key: a publication that was recorded and is sent again is old.

    Args:
        known: key name -> serial, as stored before.
        store: keeps the map on disk.
    """

    def __init__(self, known: Mapping[str, Any], store: Callable[[Dict[str, int]], None]) -> None:
        self._last = {str(name): serial for name, serial in known.items() if isinstance(serial, int)}
        self._store = store

    def __repr__(self) -> str:
        return f"<Serials {self._last}>"

    def advance(self, key_name: str, serial: object) -> None:
        """Takes note of a serial.

        Raises:
            Refused: it is not higher than the last one.
        """
        last = self._last.pop(key_name, 0)
        fresh = isinstance(serial, int) and not isinstance(serial, bool) and serial > last
        self._last[key_name] = serial if fresh and isinstance(serial, int) else last
        if not fresh:
            raise Refused(f"its serial {str(serial)[:30]} is not higher than {last}: old, or sent again by somebody")
        while len(self._last) > _MAX_KEYS:
            del self._last[next(iter(self._last))]
        self._store(self._last)


class Reader:
    """Opens the publications of one session.

    Args:
        session: what the sign-in gave.
        serials: of all sessions.
        signed_only: refuse publications that the master did not sign.
        now: the time.
    """

    def __init__(
        self, session: Session, serials: Serials, signed_only: bool = True, now: Callable[[], float] = time.time
    ) -> None:
        self._session, self._serials, self._signed_only, self._now = session, serials, signed_only, now

    def read(self, data: bytes) -> Job:
        """The job in one publication.

        Raises:
            Unreadable: sealed with another key.
            Refused: not acceptable.
        """
        try:
            return self._own(data) if self._session.own else self._stock(data)
        except (CodecError, CryptoError) as exc:
            raise Refused(str(exc)) from None

    def _own(self, data: bytes) -> Job:
        try:
            inner = private.opened(self._session.key, data)
        except CryptoError as exc:
            raise Unreadable(str(exc)) from None
        packed = to_bytes(inner["job"])
        self._check_signature(packed, inner["sig"], inner["sig_algo"])
        job = Job.from_wire(unpack(packed))
        age = self._now() + self._session.skew - names.jid_time(job.jid).timestamp()
        if abs(age) > _OLDEST:
            raise Refused(f"job {job.jid} is {age:.0f} s old")
        self._serials.advance(_name("own", crypto.public_pem(self._session.master_key)), inner["serial"])
        return job

    def _stock(self, data: bytes) -> Job:
        outer = unpack(data)
        if not isinstance(outer, dict) or outer.get("enc") != "aes":
            raise Refused("it is no publication")
        sealed = to_bytes(outer.get("load"))
        if self._signed_only or "sig" in outer:
            self._check_signature(sealed, outer.get("sig"), outer.get("sig_algo"))
        try:
            load = self._session.shared.open(sealed)
        except CryptoError as exc:
            raise Unreadable(str(exc)) from None
        job = Job.from_wire(load)
        if "serial" in load:
            self._serials.advance(_name("shared", self._session.shared.text), load["serial"])
        return job

    def _check_signature(self, signed: bytes, signature: Optional[Any], algorithm: Any) -> None:
        if signature is None or not isinstance(algorithm, str):
            raise Refused("the master did not sign it (require_signed_publications)")
        if not crypto.verify(self._session.master_key, signed, to_bytes(signature), algorithm):
            raise Refused("its signature is not the master's")


def _name(kind: str, key: str) -> str:
    """A name for a key that does not give it away."""
    return f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
