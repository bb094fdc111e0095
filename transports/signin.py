"""A minion's sign-in (`_auth`), without I/O: the request, and the judgement of what comes back. See docs/protocol.md 4.

Everything that could fool a minion about who its master is passes through `SignIn.judge`. Nothing here touches a key
file: the caller stores a key that is trusted on first use, and never replaces one.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Mapping, Optional

from transports import crypto
from transports.codec import pack, to_bytes, unpack
from transports.crypto import PrivateKey, PublicKey, SymmetricKey
from transports.errors import CodecError, CryptoError, MasterChanged, MasterFull, Pending, Rejected, SignInError

VERSION = 3
_REPLY_LIMIT = 256 * 1024
_UNTRUE = "the master's reply does not hold: wrong key, damaged, or an attack"


@dataclass(frozen=True)
class Trust:
    """What a minion knows of its master beforehand.

    Attributes:
        remembered: the key of the master it met before; None before the first time.
        finger: fingerprint that the master's key must have (`master_finger`), "" for any.
        finger_hash: the hash of that fingerprint.
        voucher: the key that must have signed the master's key (`verify_master_pubkey_sign`).
    """

    remembered: Optional[PublicKey] = None
    finger: str = ""
    finger_hash: str = "sha256"
    voucher: Optional[PublicKey] = None


@dataclass(frozen=True)
class Identity:
    """Who signs in, and how.

    Attributes:
        id: the minion id.
        key: its private key.
        encryption, signing: the algorithms it uses, see `transports.crypto`.
        autosign_grains: facts that may make the master accept its key.
    """

    id: str
    key: PrivateKey
    encryption: str = crypto.ENCRYPTION[0]
    signing: str = crypto.SIGNING[0]
    autosign_grains: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """What a minion has after it was let in.

    Attributes:
        master_key: the master's public key.
        shared: the key of publications that all stock minions share.
        key: the key of this minion's requests and private publications.
        publish_port: where the master publishes.
        own: whether the master is one of ours.
        skew: the master's clock minus ours, in seconds; 0 for a stock master, which does not tell.
        first_use: the master's key is trusted because there was none before; it is to be stored.
    """

    master_key: PublicKey
    shared: SymmetricKey
    key: SymmetricKey
    publish_port: int
    own: bool = False
    skew: float = 0.0
    first_use: bool = False


class SignIn:
    """One attempt to sign in.

    Args:
        who: the minion.
        trust: what it knows of its master.
        now: the time.
    """

    def __init__(self, who: Identity, trust: Trust, now: Callable[[], float] = time.time) -> None:
        self._who, self._trust, self._now = who, trust, now
        self._nonce = crypto.new_nonce()
        self._token = crypto.new_nonce().encode()
        self.request = pack({"enc": "clear", "version": VERSION, "load": self._load()})

    def _load(self) -> Dict[str, Any]:
        load: Dict[str, Any] = {
            "cmd": "_auth",
            "id": self._who.id,
            "nonce": self._nonce,
            "pub": crypto.public_pem(self._who.key.public_key()),
            "enc_algo": self._who.encryption,
            "sig_algo": self._who.signing,
            "saltern": 1,
        }
        if self._trust.remembered is not None:
            load["token"] = crypto.encrypt(self._trust.remembered, self._token, self._who.encryption)
        if self._who.autosign_grains:
            load["autosign_grains"] = dict(self._who.autosign_grains)
        return load

    def judge(self, data: bytes) -> Session:
        """What the master's reply amounts to.

        Args:
            data: the reply as it came.

        Raises:
            Pending, Rejected, MasterFull: the master says so.
            MasterChanged: it is not the master that the minion knows.
            SignInError: the reply is not acceptable for another reason.
        """
        try:
            return self._judge(data)
        except (CodecError, CryptoError) as exc:
            raise SignInError(f"{_UNTRUE} ({exc})") from None

    def _judge(self, data: bytes) -> Session:
        reply = unpack(data, _REPLY_LIMIT)
        if not isinstance(reply, dict) or "load" not in reply:
            raise SignInError(f"the master does not take our request: {_shown(reply)}")
        if isinstance(reply["load"], dict):
            raise SignInError(f"the master does not take our request: {_shown(reply['load'].get('ret'))}")
        signed = to_bytes(reply["load"])
        body = unpack(signed, _REPLY_LIMIT)
        if not isinstance(body, dict):
            raise SignInError(_UNTRUE)
        master = self._master_of(body)
        if master is not None:
            signature = to_bytes(reply.get("sig", b""))
            if not crypto.verify(master, signed, signature, self._who.signing):
                raise MasterChanged("the reply is not signed with the key of the master that this minion trusts")
        if not hmac.compare_digest(str(body.get("nonce")), self._nonce):
            raise SignInError("the reply is not to our request")
        if body.get("enc") != "pub" or master is None:
            raise _refusal(body.get("ret"))
        return self._session(body, master)

    def _master_of(self, body: Mapping[str, Any]) -> Optional[PublicKey]:
        """The key that the reply must be signed with; None if there is none to trust yet."""
        known = self._trust.remembered
        if "pub_key" not in body:
            return known
        offered = crypto.load_public(str(body["pub_key"]).strip())
        self._check_finger(offered)
        vouched = self._check_voucher(offered, body.get("pub_sig"))
        if known is not None and not vouched and crypto.public_pem(known) != crypto.public_pem(offered):
            raise MasterChanged(
                "the master's key is not the one that this minion remembers "
                f"(it is now {crypto.fingerprint(offered)}). If that is right, remove minion_master.pub from pki_dir"
            )
        return offered

    def _check_finger(self, offered: PublicKey) -> None:
        if not self._trust.finger:
            return
        found = crypto.fingerprint(offered, self._trust.finger_hash)
        if not hmac.compare_digest(found.lower(), self._trust.finger.strip().lower()):
            raise MasterChanged(f"the master's key has the fingerprint {found}, not that of master_finger")

    def _check_voucher(self, offered: PublicKey, signature: Any) -> bool:
        """Whether the offered key is vouched for; both sides must want that, or neither."""
        voucher = self._trust.voucher
        if voucher is None and signature is None:
            return False
        if voucher is None:
            raise SignInError("the master signs its key, but verify_master_pubkey_sign is not set on this minion")
        if signature is None:
            raise SignInError("the master does not sign its key, as verify_master_pubkey_sign demands")
        try:
            raw = base64.b64decode(to_bytes(signature))
        except binascii.Error:
            raise SignInError(_UNTRUE) from None
        pem = crypto.public_pem(offered).encode()
        if not any(crypto.verify(voucher, pem, raw, algorithm) for algorithm in crypto.SIGNING):
            raise MasterChanged("the master's key is not signed with the key that this minion trusts for that")
        return True

    def _session(self, body: Mapping[str, Any], master: PublicKey) -> Session:
        shared = self._decrypt(body.get("aes"))
        if crypto.x931_recover(master, to_bytes(body.get("sig", b""))) != crypto.key_digest(shared):
            raise SignInError(_UNTRUE)
        known = self._trust.remembered
        if known is not None and crypto.public_pem(known) == crypto.public_pem(master):
            token = self._decrypt(body.get("token")).encode()
            if not hmac.compare_digest(token, self._token):
                raise MasterChanged("the master can't read what was encrypted for the master that this minion knows")
        if body.get("saltern") == 0:
            raise SignInError("the request was changed on its way: the master takes this minion for a stock one")
        port, moment = body.get("publish_port"), body.get("time")
        if not isinstance(port, int) or not 0 < port < 65536:
            raise SignInError("the master names no port where it publishes")
        own = body.get("saltern") == 1 and isinstance(moment, (int, float))
        return Session(
            master_key=master,
            shared=SymmetricKey(shared),
            key=SymmetricKey(self._decrypt(body.get("session"))),
            publish_port=port,
            own=own,
            skew=float(moment) - self._now() if own and moment is not None else 0.0,
            first_use=self._trust.remembered is None,
        )

    def _decrypt(self, value: Any) -> str:
        if value is None:
            raise SignInError(_UNTRUE)
        text = crypto.decrypt(self._who.key, to_bytes(value), self._who.encryption)
        return text.decode("ascii", "replace")


def _refusal(answer: Any) -> SignInError:
    if answer is True:
        return Pending("the minion's key waits on the master to be accepted (salt-key -a)")
    if answer is False:
        return Rejected("the master refuses the minion's key")
    if answer == "full":
        return MasterFull("the master serves as many minions as it may (max_minions)")
    return SignInError(f"the master does not let us in: {_shown(answer)}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
