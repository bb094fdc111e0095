"""The master's side of `_auth`: a minion shows its public key, and the master says what becomes of it.

Showing a key proves nothing, so this changes nothing for a key that is accepted already; what proves possession is the
first request under the session key. The cheap checks come first and only what passed them all costs an RSA operation.
Source of the protocol: docs/protocol.md.
"""

from __future__ import annotations

import base64
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from master.autosign import Autosign, Rules
from master.config import MasterSettings
from master.gate import BAD_LOAD, Session
from master.keypair import MasterKeys, load
from master.keys import Decision, Outcome, Verdict
from master.limits import RateLimitedLog
from master.sessions import Published
from master.throttle import Throttle, network_of
from transports import codec, crypto, names
from transports.errors import CryptoError, TransportError
from transports.messages import Event

log = logging.getLogger(__name__)

TAG = "salt/auth"
_TOLD = {Outcome.PENDING: True, Outcome.REJECTED: False, Outcome.DENIED: False, Outcome.FULL: "full"}
_MAX_TOKEN = 1024
_MAX_TOKEN_TEXT = 128
_MAX_GRAINS = 64


class Keys(Protocol):
    """Judges keys, see `master.keys.KeyStore`."""

    def observe(
        self, minion_id: str, key: crypto.PublicKey, decide: Callable[[], Decision], network: str
    ) -> Verdict: ...


class Sessions(Protocol):
    """Has the session keys, see `master.sessions.Sessions`."""

    def ensure(self, minion_id: str, fingerprint: str) -> Session: ...


class PublishKey(Protocol):
    """Has the publication key, see `master.sessions.PublishKey`."""

    def current(self) -> Published: ...


@dataclass(frozen=True)
class Options:
    """What a sign-in needs to know of the configuration.

    Attributes:
        publish_port: told to minions.
        allow_sha1: serve minions that know nothing better.
    """

    publish_port: int = 4505
    allow_sha1: bool = True


@dataclass(frozen=True)
class Answer:
    """What a sign-in leads to.

    Attributes:
        reply: for the minion.
        events: for the bus.
        kind: what kind of thing happened, for the log.
        note: the same in a line, "" if it needs none.
    """

    reply: bytes
    events: tuple[Event, ...] = ()
    kind: str = ""
    note: str = ""


class _Malformed(Exception):
    """The load is no sign-in that is served.

    Args:
        message: for the log alone.
        reply: for the peer; unsigned, so that it costs nothing.
    """

    def __init__(self, message: str, reply: bytes = BAD_LOAD) -> None:
        super().__init__(message)
        self.reply = reply


@dataclass(frozen=True)
class _Shown:
    """The fields of a well-formed sign-in."""

    id: str
    nonce: str
    key: crypto.PublicKey
    token: bytes | None
    grains: Mapping[str, Any]
    enc_algo: str
    sig_algo: str
    own: bool


class SignIn:
    """Answers sign-ins.

    Args:
        master: the master's keys.
        keys: the minions' keys.
        autosign: the operator's files.
        sessions: the session keys.
        publish_key: the publication key.
        options: see there.
        throttle: how many are computed.
        now: clock, seconds of the epoch.
    """

    def __init__(
        self,
        master: MasterKeys,
        keys: Keys,
        autosign: Autosign,
        sessions: Sessions,
        publish_key: PublishKey,
        options: Options,
        throttle: Throttle,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._master, self._keys, self._autosign = master, keys, autosign
        self._sessions, self._publish_key, self._options, self._now = sessions, publish_key, options, now
        self._throttle = throttle
        served = 2 if options.allow_sha1 else 1
        self._encryption, self._signing = crypto.ENCRYPTION[:served], crypto.SIGNING[:served]

    def handle(self, load: Mapping[str, Any], source: str) -> Answer:
        """Answers one sign-in.

        Args:
            load: the clear load.
            source: the peer's address.
        """
        try:
            shown = _read(load, self._encryption, self._signing)
        except _Malformed as exc:
            return Answer(exc.reply, (), "malformed", str(exc))
        network = network_of(source)
        if not self._throttle.allow(network):
            return Answer(BAD_LOAD, (), "throttled", "more sign-ins than are computed (auth_rate)")
        verdict = self._keys.observe(
            shown.id, shown.key, lambda: self._autosign.decide(shown.id, shown.grains), network
        )
        told = self._welcome(shown) if verdict.outcome is Outcome.ACCEPTED else {"ret": _TOLD[verdict.outcome]}
        event = Event(
            TAG,
            {
                "result": verdict.outcome in (Outcome.ACCEPTED, Outcome.PENDING),
                "act": str(verdict.outcome),
                "id": shown.id,
                "pub": crypto.public_pem(shown.key),
            },
        )
        note = f"{shown.id}, {verdict.reason}" if verdict.reason else ""
        reply = self._signed({**told, "nonce": shown.nonce}, shown.sig_algo)
        return Answer(reply, (event,), str(verdict.outcome), note)

    def _signed(self, told: dict[str, Any], algorithm: str) -> bytes:
        packed = codec.pack(told)
        return codec.pack({"enc": "clear", "load": packed, "sig": crypto.sign(self._master.private, packed, algorithm)})

    def _welcome(self, shown: _Shown) -> dict[str, Any]:
        """The keys that an accepted minion gets; only the holder of the accepted key can read them."""
        published = self._publish_key.current()
        session = self._sessions.ensure(shown.id, crypto.fingerprint(shown.key))
        told: dict[str, Any] = {
            "enc": "pub",
            "pub_key": self._master.public_pem,
            "publish_port": self._options.publish_port,
            "aes": crypto.encrypt(shown.key, published.key.text.encode(), shown.enc_algo),
            "session": crypto.encrypt(shown.key, session.key.text.encode(), shown.enc_algo),
            "sig": published.digest,
        }
        if shown.token is not None:
            told["token"] = crypto.encrypt(shown.key, self._token(shown.token, shown.enc_algo), shown.enc_algo)
        signature = self._master.public_signature(shown.sig_algo)
        if signature:
            told["pub_sig"] = signature
        told["saltern"] = int(shown.own)  # signed: nobody on the way can make two of ours take each other for stock
        if shown.own:
            told["time"] = self._now()
        return told

    def _token(self, sealed: bytes, algorithm: str) -> bytes:
        """What the minion wants to see again. Whether that could be read is not told: it gets something random then."""
        instead = base64.b64encode(os.urandom(56))
        try:
            text = crypto.decrypt(self._master.private, sealed, algorithm)
        except CryptoError:
            return instead
        return text if len(text) <= _MAX_TOKEN_TEXT else instead


def _read(load: Mapping[str, Any], encryption: tuple[str, ...], signing: tuple[str, ...]) -> _Shown:
    """The checked fields of a load; whatever else is in it is left out."""
    enc_algo = _text(load, "enc_algo", crypto.ENCRYPTION[-1])  # who names none knows SHA-1 only
    sig_algo = _text(load, "sig_algo", crypto.SIGNING[-1])
    if enc_algo not in encryption:
        raise _Malformed("an enc_algo that is not served", _unsigned("bad enc algo"))
    if sig_algo not in signing:
        raise _Malformed("a sig_algo that is not served", _unsigned("bad sig algo"))
    try:
        minion_id = names.minion_id(load.get("id"))
        key = crypto.load_public(_text(load, "pub").strip())
        token = codec.to_bytes(load["token"]) if load.get("token") else None
    except TransportError as exc:
        raise _Malformed(str(exc)) from None
    nonce, grains = load.get("nonce"), load.get("autosign_grains") or {}
    if not crypto.is_nonce(nonce):
        raise _Malformed(f"{minion_id} sent no nonce of 32 hex digits")
    if token is not None and len(token) > _MAX_TOKEN:
        raise _Malformed(f"{minion_id} sent a token of {len(token)} bytes")
    if not isinstance(grains, dict) or len(grains) > _MAX_GRAINS:
        raise _Malformed(f"{minion_id} sent autosign_grains that are no map of at most {_MAX_GRAINS}")
    return _Shown(
        id=minion_id,
        nonce=str(nonce),
        key=key,
        token=token,
        grains=grains,
        enc_algo=enc_algo,
        sig_algo=sig_algo,
        own=load.get("saltern") == 1,
    )


def _text(load: Mapping[str, Any], field: str, missing: str = "") -> str:
    value = load.get(field, missing)
    if not isinstance(value, str):
        raise _Malformed(f"{field} must be text")
    return value


def _unsigned(told: str) -> bytes:
    return codec.pack({"enc": "clear", "load": {"ret": told}})


# ---------------------------------------------------------------- in a worker


class Bus(Protocol):
    """Where events go."""

    def fire(self, tag: str, data: Mapping[str, Any]) -> None: ...


class Parts(Protocol):
    """What of a master's parts sign-ins need."""

    @property
    def settings(self) -> MasterSettings: ...
    @property
    def keys(self) -> Keys: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def publish_key(self) -> PublishKey: ...


class SignInDesk:
    """Answers the sign-ins of a worker, fires their events and logs what is remarkable."""

    def __init__(self, sign_in: SignIn, bus: Bus) -> None:
        self._sign_in, self._bus = sign_in, bus
        self._log = RateLimitedLog(log)

    def answer(self, load: Mapping[str, Any], source: str) -> bytes:
        """The reply to one sign-in."""
        answer = self._sign_in.handle(load, source)
        for event in answer.events:
            self._bus.fire(event.tag, event.data)
        if answer.note and answer.kind in (Outcome.ACCEPTED, Outcome.PENDING):
            log.info("sign-in from %s (%s): %s", source, answer.kind, answer.note)
        elif answer.note:
            self._log.warning(f"{source} {answer.kind}", "sign-in from %s (%s): %s", source, answer.kind, answer.note)
        return answer.reply


def build(parts: Parts, bus: Bus) -> SignInDesk:
    """What answers the sign-ins of a worker; the rate is shared out among the workers.

    Raises:
        KeyStoreError, UnsafePath: the master's keys can't be used.
    """
    settings = parts.settings
    rules = Rules(
        pki_dir=settings.pki_dir,
        auto_accept=settings.auto_accept,
        autosign_timeout=settings.autosign_timeout,
        autosign_file=settings.autosign_file,
        autoreject_file=settings.autoreject_file,
        autosign_grains_dir=settings.autosign_grains_dir,
    )
    sign_in = SignIn(
        load(settings),
        parts.keys,
        Autosign(rules),
        parts.sessions,
        parts.publish_key,
        Options(settings.publish_port, settings.allow_sha1),
        Throttle(settings.auth_rate / max(1, settings.worker_threads)),
    )
    return SignInDesk(sign_in, bus)
