"""From the bytes of a request on port 4506 to a verified peer and what it asks, or to one constant refusal.

The checks run in the order that reveals least and costs least: size, shape, cipher text under the session key of the
id it names, identity, proof of the accepted key, freshness. Only `Gate.open` makes a `Peer` of road `zeromq`.
Source of the protocol: docs/protocol.md.
"""

from __future__ import annotations

import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

import msgpack

from transports import codec, names
from transports.crypto import (
    ENCRYPTION,
    SIGNING,
    TOKEN_TEXT,
    PublicKey,
    SymmetricKey,
    fingerprint,
    is_nonce,
    verify,
    x931_recover,
)
from transports.errors import CodecError, CryptoError, NameRefused, TransportError
from transports.messages import Peer, Request

BAD_LOAD = codec.pack("bad load")
MAX_CLEAR = 65536
PROTOCOL_VERSION = 3
_STRIPPED = ("cmd", "nonce", "tok", "id", "ts", "sig")


class Refusal(Exception):
    """The request gets the constant answer; `args[0]` is for the log alone."""


class WrongClock(Refusal):
    """The request holds but for its time; `args[1]` is the minion id."""


@dataclass(frozen=True)
class Envelope:
    """The outer map of a request.

    Attributes:
        clear: the load of a clear request, else None.
        sealed: the cipher text of an encrypted one, else b"".
        id: the minion id that the request names; proven by nothing yet.
        enc_algo, sig_algo: what the peer wishes for the reply.
    """

    clear: dict[str, Any] | None
    sealed: bytes
    id: str
    enc_algo: str = ENCRYPTION[0]
    sig_algo: str = SIGNING[0]


def parse(frame: bytes, limit: int = codec.MAX_MESSAGE) -> Envelope:
    """Reads the outer map.

    Raises:
        Refusal: it is not one.
    """
    try:  # what is larger than a clear request may be is no map of maps: nothing is built of it before it is proven
        outer = codec.unpack(frame, limit) if len(frame) <= MAX_CLEAR else codec.unpack_flat(frame, limit)
    except CodecError as exc:
        raise Refusal(str(exc)) from None
    if not isinstance(outer, dict):
        raise Refusal("a request must be a map")
    version, enc, load = outer.get("version"), outer.get("enc"), outer.get("load")
    if type(version) is not int or version != PROTOCOL_VERSION:
        raise Refusal("a protocol version that is not served")
    if enc == "clear" and isinstance(load, dict) and "id" not in outer and len(frame) <= MAX_CLEAR:
        named = load.get("id")
        return Envelope(load, b"", named if isinstance(named, str) else "")
    if enc == "aes" and isinstance(load, (bytes, str)):
        return Envelope(
            None,
            codec.to_bytes(load),
            _id(outer.get("id")),
            _algorithm(outer, "enc_algo"),
            _algorithm(outer, "sig_algo"),
        )
    raise Refusal("neither a clear map nor an encrypted load")


def _id(value: object) -> str:
    try:
        return names.minion_id(value)
    except NameRefused as exc:
        raise Refusal(str(exc)) from None


def _algorithm(outer: dict[str, Any], key: str) -> str:
    known = ENCRYPTION if key == "enc_algo" else SIGNING
    value = outer.get(key, known[-1])  # a peer that names none is an old one and means SHA-1
    return value if value in known else known[0]


@dataclass(frozen=True)
class Session:
    """What is shared with one accepted minion.

    Attributes:
        key: seals its requests and our replies.
        previous: the key before, while requests under it are still welcome.
        fingerprint: of the accepted key that this session belongs to.
    """

    key: SymmetricKey
    previous: SymmetricKey | None
    fingerprint: str


class AcceptedKeys(Protocol):
    """Where the gate learns which key is accepted for an id right now."""

    def accepted(self, minion_id: str) -> PublicKey | None: ...


class SessionKeys(Protocol):
    """Where the gate finds session keys; it never creates one."""

    def find(self, minion_id: str) -> Session | None: ...

    def clock_offset(self, minion_id: str) -> float | None: ...

    def learn_clock(self, minion_id: str, offset: float) -> None: ...


@dataclass(frozen=True)
class Opened:
    """A verified request.

    Attributes:
        peer: who asks.
        request: what for.
        repeat: whether these very bytes were here before.
        nonce: to be repeated in the reply.
        key: seals the reply.
    """

    peer: Peer
    request: Request
    repeat: bool
    nonce: str
    key: SymmetricKey
    enc_algo: str
    sig_algo: str

    def seal(self, reply: Any) -> bytes:
        """The reply as it travels: packed cipher text."""
        return codec.pack(self.key.seal(reply, self.nonce))


class Gate:
    """Opens requests.

    Args:
        keys: the accepted keys.
        sessions: the session keys.
        window: seconds by which a request's time may differ from the minion's clock, both ways.
        since: requests made before this time are refused, seconds of the epoch: a gate that was just started does not
            know what its predecessor has seen.
        now: clock, seconds of the epoch.
    """

    def __init__(
        self,
        keys: AcceptedKeys,
        sessions: SessionKeys,
        window: float = 300,
        since: float = 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys, self._sessions, self._window, self._since, self._now = keys, sessions, window, since, now
        self._seen = ReplayWindow(2 * window)
        self._tokens: OrderedDict[str, tuple[PublicKey, str, bytes]] = OrderedDict()

    def genuine(self, envelope: Envelope) -> bool:
        """Whether an encrypted request is sealed with the session key of the id it names; cheap, and not all."""
        session = self._sessions.find(envelope.id)
        keys = (session.key, session.previous) if session else ()
        return any(key is not None and key.genuine(envelope.sealed) for key in keys)

    def open(self, envelope: Envelope) -> Opened:
        """Verifies an encrypted request.

        Raises:
            Refusal: something does not hold.
        """
        session = self._sessions.find(envelope.id)
        accepted = self._keys.accepted(envelope.id)
        if session is None or accepted is None:
            raise Refusal(f"{envelope.id} has no session")
        key, load = self._decrypt(session, envelope.sealed)
        if load.get("id") != envelope.id:
            raise Refusal(f"{envelope.id} names another id inside")
        proven = self._prove(envelope.id, accepted, load.get("tok"))
        if proven != session.fingerprint:
            raise Refusal(f"the session of {envelope.id} belongs to another key")
        if "sig" in load and not _signed(load, accepted):
            raise Refusal(f"{envelope.id} signed its request with another key")
        nonce, cmd = load.get("nonce"), load.get("cmd")
        if not is_nonce(nonce) or not isinstance(cmd, str):
            raise Refusal(f"{envelope.id} sent no nonce or no command")
        repeat = self._fresh(envelope.id, load.get("ts"), str(nonce))
        return Opened(
            peer=Peer(envelope.id, proven, "zeromq"),
            request=Request(cmd, {name: value for name, value in load.items() if name not in _STRIPPED}),
            repeat=repeat,
            nonce=str(nonce),
            key=key,
            enc_algo=envelope.enc_algo,
            sig_algo=envelope.sig_algo,
        )

    def _decrypt(self, session: Session, sealed: bytes) -> tuple[SymmetricKey, dict[str, Any]]:
        for key in (session.key, session.previous):
            if key is None or not key.genuine(sealed):
                continue
            try:
                load = key.open(sealed)
            except TransportError as exc:
                raise Refusal(str(exc)) from None
            if isinstance(load, dict):
                return key, load
        raise Refusal("not sealed with the session key, or not a map")

    def _prove(self, minion_id: str, accepted: PublicKey, token: object) -> str:
        """The fingerprint of the accepted key, if the token was made with it."""
        try:
            raw = codec.to_bytes(token)
        except CodecError:
            raise Refusal(f"{minion_id} sent no token") from None
        known = self._tokens.get(minion_id)
        if known and known[0] is accepted:
            if hmac.compare_digest(known[2], sha256(raw).digest()):
                return known[1]
            raise Refusal(f"{minion_id} sent another token than before")
        try:
            if x931_recover(accepted, raw) != TOKEN_TEXT:
                raise CryptoError("")
        except CryptoError:
            raise Refusal(f"the token of {minion_id} was not made with its accepted key") from None
        proven = fingerprint(accepted)
        self._tokens[minion_id] = (accepted, proven, sha256(raw).digest())
        if len(self._tokens) > 20000:
            self._tokens.popitem(last=False)
        return proven

    def _fresh(self, minion_id: str, stamp: object, nonce: str) -> bool:
        """Whether the nonce was seen before; refuses what is too old or from the future."""
        if type(stamp) is not int:
            raise Refusal(f"{minion_id} sent no time")
        now = self._now()
        offset = self._sessions.clock_offset(minion_id)
        if offset is None:  # a late request may only have been on its way; one from the future tells of its clock
            offset = 0.0 if -self._window <= stamp - now <= 0 else float(stamp - now)
            self._sessions.learn_clock(minion_id, offset)
        made = stamp - offset
        if abs(made - now) > self._window:
            raise WrongClock(f"a request of {minion_id} from {made - now:+.0f} s", minion_id)
        if made < self._since:
            raise Refusal(f"a request of {minion_id} from before this process was started")
        return self._seen.add(minion_id, nonce, now)


def _signed(load: dict[str, Any], key: PublicKey) -> bool:
    """Whether a stock minion's `minion_sign_messages` signature holds: over the load as it packed it."""
    signed = {name: value for name, value in load.items() if name not in ("nonce", "tok", "sig")}
    try:
        packed, signature = msgpack.packb(signed, use_bin_type=True), codec.to_bytes(load["sig"])
    except (TypeError, ValueError, CodecError):
        return False
    return any(verify(key, packed, signature, algorithm) for algorithm in SIGNING)


class ReplayWindow:
    """Remembers nonces for at least `span` seconds; a minion that uses too many is refused, none is forgotten early."""

    def __init__(self, span: float, per_id: int = 65536) -> None:
        self._span, self._per_id = span, per_id
        self._turned = 0.0
        self._new: dict[str, set[str]] = {}
        self._old: dict[str, set[str]] = {}

    def add(self, minion_id: str, nonce: str, now: float) -> bool:
        """Notes a nonce; returns whether it was there already.

        Raises:
            Refusal: this minion used more nonces than are remembered.
        """
        if now - self._turned >= self._span or now < self._turned:
            self._old, self._new, self._turned = self._new, {}, now
        mine = self._new.setdefault(minion_id, set())
        if nonce in mine or nonce in self._old.get(minion_id, ()):
            return True
        if len(mine) >= self._per_id:
            raise Refusal(f"{minion_id} makes more requests than can be told apart")
        mine.add(nonce)
        return False
