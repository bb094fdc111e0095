"""Seals a minion's requests and opens the replies, without I/O. See docs/protocol.md 2 and 6.2."""

from __future__ import annotations

import hmac
import time
from typing import Any, Callable, Dict, NamedTuple, Optional

from transports import crypto
from transports.codec import pack, to_bytes, unpack
from transports.crypto import SymmetricKey
from transports.errors import CodecError, CryptoError
from transports.messages import Request
from transports.signin import VERSION, Identity, Session


class Reply(NamedTuple):
    """A reply that could be opened.

    Attributes:
        nonce: of the request it is for.
        value: what it says.
    """

    nonce: str
    value: Any


class Sealer:
    """Makes requests of one session and opens their replies.

    Args:
        who: the minion.
        session: what the sign-in gave.
        token: the proof that the minion has its key, see `token`.
        now: the time.
    """

    def __init__(self, who: Identity, session: Session, token: bytes, now: Callable[[], float] = time.time) -> None:
        self._who, self._session, self._token, self._now = who, session, token, now

    def seal(self, what: Request, nonce: str) -> bytes:
        """The bytes of one request.

        Raises:
            MessageTooLarge, CodecError: it can't travel.
        """
        load: Dict[str, Any] = {
            **what.load,
            "cmd": what.cmd,
            "id": self._who.id,
            "nonce": nonce,
            "ts": int(self._now() + self._session.skew),
            "tok": self._token,
        }
        return pack(
            {
                "enc": "aes",
                "load": self._session.key.seal(load),
                "version": VERSION,
                "id": self._who.id,
                "enc_algo": self._who.encryption,
                "sig_algo": self._who.signing,
            }
        )

    def open(self, data: bytes) -> Optional[Reply]:
        """The reply in some bytes; None if they are a refusal, or not for us."""
        try:
            outer = unpack(data)
            if isinstance(outer, dict):
                return self._pillar(outer)
            nonce, packed = self._session.key.open_packed(to_bytes(outer), with_nonce=True)
            return Reply(nonce, unpack(packed))
        except (CodecError, CryptoError):
            return None

    def _pillar(self, outer: Dict[str, Any]) -> Reply:
        """Pillars come under a key of their own, signed."""
        wrapped = to_bytes(outer.get("key"))
        key = SymmetricKey(crypto.decrypt(self._who.key, wrapped, self._who.encryption).decode("ascii", "replace"))
        inner = key.open(to_bytes(outer.get("pillar")))
        if not isinstance(inner, dict):
            raise CodecError("a pillar without a signature")
        data, signature = to_bytes(inner.get("data")), to_bytes(inner.get("sig"))
        if not crypto.verify(self._session.master_key, data, signature, self._who.signing):
            raise CryptoError("a pillar that the master did not sign")
        body = unpack(data)
        if not isinstance(body, dict) or not hmac.compare_digest(to_bytes(body.get("key")), wrapped):
            raise CryptoError("a pillar under another key than it says")
        if not crypto.is_nonce(body.get("nonce")) or not isinstance(body.get("pillar"), dict):
            raise CodecError("a pillar that is no map, or without a nonce")
        return Reply(body["nonce"], body["pillar"])


def token(who: Identity) -> bytes:
    """The minion's proof that it has its private key; the same for all its requests."""
    return crypto.x931_sign(who.key, crypto.TOKEN_TEXT)
