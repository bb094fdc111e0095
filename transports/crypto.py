"""The cryptography of Salt's wire, protocol version 3. Source: the project's docs/protocol.md.

Nothing here does I/O or keeps state beyond what it is given. Every failure to decrypt or verify is the same
`CryptoError`, so that an attacker learns nothing from which step failed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from functools import lru_cache
from typing import Any, Optional, Tuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from transports.codec import MAX_MESSAGE, pack, unpack
from transports.errors import CodecError, CryptoError

PublicKey = rsa.RSAPublicKey
PrivateKey = rsa.RSAPrivateKey

ENCRYPTION = ("OAEP-SHA224", "OAEP-SHA1")
SIGNING = ("PKCS1v15-SHA224", "PKCS1v15-SHA1")
KEY_BITS = 3072
TOKEN_TEXT = b"salt"
_HASHES = {"SHA1": hashes.SHA1, "SHA224": hashes.SHA224}
_PREFIX = b"pickle::"
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_PEM = re.compile(r"\s*-----BEGIN ((?:RSA )?PUBLIC KEY)-----\s[A-Za-z0-9+/=\s]+-----END \1-----\s*", re.ASCII)
_UNSAFE = "a key, signature or cipher text does not hold"


# ---------------------------------------------------------------- symmetric


class SymmetricKey:
    """AES-192-CBC with HMAC-SHA256, encrypt-then-MAC; the key travels as 76 characters of base64 text."""

    __slots__ = ("_aes", "_mac", "text")

    def __init__(self, text: str) -> None:
        try:
            raw = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise CryptoError("not a key of 56 bytes in base64") from None
        if len(raw) != 56:
            raise CryptoError("not a key of 56 bytes in base64")
        self.text = text
        self._aes, self._mac = algorithms.AES(raw[:24]), raw[24:]

    @classmethod
    def generate(cls) -> SymmetricKey:
        """A fresh random key."""
        return cls(base64.b64encode(os.urandom(56)).decode())

    def __repr__(self) -> str:
        return "<SymmetricKey>"

    def seal(self, message: Any, nonce: str = "") -> bytes:
        """Encrypts one message; `nonce` goes before it, outside the packed data, where the protocol wants one."""
        return self.seal_packed(pack(message), nonce)

    def seal_packed(self, packed: bytes, nonce: str = "") -> bytes:
        """Encrypts a message that is packed already."""
        plain = _PREFIX + nonce.encode() + packed
        fill = 16 - len(plain) % 16
        start = os.urandom(16)
        encryptor = Cipher(self._aes, modes.CBC(start)).encryptor()
        body = start + encryptor.update(plain + bytes((fill,)) * fill) + encryptor.finalize()
        return body + hmac.digest(self._mac, body, "sha256")

    def genuine(self, sealed: bytes) -> bool:
        """Whether the MAC holds."""
        if len(sealed) < 64 or len(sealed) % 16:
            return False
        return hmac.compare_digest(hmac.digest(self._mac, sealed[:-32], "sha256"), sealed[-32:])

    def open_packed(self, sealed: bytes, with_nonce: bool = False) -> Tuple[str, bytes]:
        """Decrypts; returns (nonce or "", packed message).

        Raises:
            CryptoError: not sealed with this key, or damaged.
        """
        if not self.genuine(sealed):
            raise CryptoError(_UNSAFE)
        decryptor = Cipher(self._aes, modes.CBC(sealed[:16])).decryptor()
        plain = decryptor.update(sealed[16:-32]) + decryptor.finalize()
        fill = plain[-1]
        if not 1 <= fill <= 16 or plain[-fill:] != bytes((fill,)) * fill or not plain.startswith(_PREFIX):
            raise CryptoError(_UNSAFE)
        body = plain[len(_PREFIX) : -fill]
        if not with_nonce:
            return "", body
        nonce = body[:32].decode("ascii", "replace")
        if not _NONCE.fullmatch(nonce):
            raise CryptoError(_UNSAFE)
        return nonce, body[32:]

    def open(self, sealed: bytes, limit: int = MAX_MESSAGE) -> Any:
        """Decrypts one message without a nonce.

        Raises:
            CryptoError: not sealed with this key, or damaged.
            CodecError: it holds no acceptable message.
        """
        return unpack(self.open_packed(sealed)[1], limit)

    def topic(self, minion_id: str) -> str:
        """A name for the minion's own publications that only the two holders of this (session) key can know."""
        return f"{minion_id}:{hmac.new(self._mac, b'topic ' + minion_id.encode(), 'sha256').hexdigest()[:32]}"


def is_nonce(value: object) -> bool:
    """Whether a value is a nonce: 32 lower-case hex digits."""
    return isinstance(value, str) and _NONCE.fullmatch(value) is not None


def new_nonce() -> str:
    """A fresh nonce."""
    return os.urandom(16).hex()


# --------------------------------------------------------------- asymmetric


def generate_key(bits: int = KEY_BITS) -> PrivateKey:
    """A new RSA key of `bits` bits with the usual exponent."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def private_pem(key: PrivateKey, passphrase: Optional[bytes] = None) -> bytes:
    """A private key as PKCS#1 PEM text."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        protection = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, protection)


def load_private(pem: bytes, passphrase: Optional[bytes] = None) -> PrivateKey:
    """Reads a private key.

    Raises:
        CryptoError: it is no RSA key, or the passphrase is wrong.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CryptoError("no usable RSA private key (or a wrong passphrase)") from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CryptoError("not an RSA private key")
    return key


def public_pem(key: PublicKey) -> str:
    """A public key as it travels and is compared: PEM text without a trailing newline."""
    return (
        key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode().strip()
    )


@lru_cache(maxsize=4096)
def load_public(pem: str) -> PublicKey:
    """Reads a peer's public key: exactly one PEM block of an RSA key of 2048 to 4096 bits.

    Raises:
        CryptoError: it is none, or weaker or larger than accepted.
    """
    if len(pem) > 4096 or not _PEM.fullmatch(pem):
        raise CryptoError("no single PEM public key of at most 4 KiB")
    try:
        key = serialization.load_pem_public_key(pem.encode() + b"\n")
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise CryptoError("no usable RSA public key") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise CryptoError("not an RSA public key")
    exponent = key.public_numbers().e
    if not 2048 <= key.key_size <= 4096 or not 65537 <= exponent < 2**32 or exponent % 2 == 0:
        raise CryptoError("an RSA public key must have 2048 to 4096 bits and an odd exponent from 65537")
    return key


def fingerprint(key: PublicKey, algorithm: str = "sha256") -> str:
    """The fingerprint users compare: hash of the key's PEM body, hex in pairs joined by `:`.

    The hash runs over the base64 lines with their newlines, as Salt's `salt-key -F` and `master_finger` have it.
    """
    body = "".join(line + "\n" for line in public_pem(key).splitlines()[1:-1])
    digest = hashlib.new(algorithm, body.encode()).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))


def encrypt(key: PublicKey, data: bytes, algorithm: str) -> bytes:
    """RSA-OAEP under one of `ENCRYPTION`."""
    return key.encrypt(data, _oaep(algorithm))


def decrypt(key: PrivateKey, data: bytes, algorithm: str) -> bytes:
    """Reverses `encrypt`.

    Raises:
        CryptoError: it was not encrypted for this key in this way.
    """
    try:
        return key.decrypt(data, _oaep(algorithm))
    except ValueError:
        raise CryptoError(_UNSAFE) from None


def sign(key: PrivateKey, data: bytes, algorithm: str) -> bytes:
    """A PKCS#1 v1.5 signature under one of `SIGNING`."""
    return key.sign(data, padding.PKCS1v15(), _hash_of(algorithm, SIGNING))


def verify(key: PublicKey, data: bytes, signature: bytes, algorithm: str) -> bool:
    """Whether a signature holds."""
    try:
        key.verify(signature, data, padding.PKCS1v15(), _hash_of(algorithm, SIGNING))
    except InvalidSignature:
        return False
    return True


def _oaep(algorithm: str) -> padding.OAEP:
    digest = _hash_of(algorithm, ENCRYPTION)
    return padding.OAEP(mgf=padding.MGF1(algorithm=digest), algorithm=digest, label=None)


def _hash_of(algorithm: str, known: Tuple[str, ...]) -> hashes.HashAlgorithm:
    if algorithm not in known:
        raise CryptoError(f"unknown algorithm, expected one of {', '.join(known)}")
    digest: hashes.HashAlgorithm = _HASHES[algorithm.partition("-")[2]]()
    return digest


# ------------------------------------------------- ANSI X9.31 with recovery
# The wire proves possession of a key by "private encryption" in OpenSSL's X9.31 padding. The libraries have none, but
# it is plain big-integer arithmetic; both uses are constant per key, so it is done rarely.


def x931_sign(key: PrivateKey, message: bytes) -> bytes:
    """Signs with message recovery."""
    numbers = key.private_numbers()
    modulus = numbers.public_numbers.n
    size = (modulus.bit_length() + 7) // 8
    fill = size - len(message) - 2
    head = b"\x6a" if fill == 0 else b"\x6b" + b"\xbb" * (fill - 1) + b"\xba"
    block = int.from_bytes(head + message + b"\xcc", "big")
    at_p = pow(block % numbers.p, numbers.dmp1, numbers.p)
    at_q = pow(block % numbers.q, numbers.dmq1, numbers.q)
    signed = at_q + numbers.q * ((numbers.iqmp * (at_p - at_q)) % numbers.p)
    return min(signed, modulus - signed).to_bytes(size, "big")


def x931_recover(key: PublicKey, signature: bytes) -> bytes:
    """The message of a signature made by `x931_sign`.

    Raises:
        CryptoError: it was not made with this key.
    """
    numbers = key.public_numbers()
    size = (numbers.n.bit_length() + 7) // 8
    value = int.from_bytes(signature, "big")
    if len(signature) != size or value >= numbers.n:
        raise CryptoError(_UNSAFE)
    block = pow(value, numbers.e, numbers.n)
    if block & 0xF != 0xC:
        block = numbers.n - block
    raw = block.to_bytes(size, "big")
    if raw[-1] != 0xCC:
        raise CryptoError(_UNSAFE)
    if raw[0] == 0x6A:
        return raw[1:-1]
    end = raw.find(b"\xba", 1)
    if raw[0] != 0x6B or end < 0 or raw[1:end].strip(b"\xbb"):
        raise CryptoError(_UNSAFE)
    return raw[end + 1 : -1]


def key_digest(text: str) -> bytes:
    """What the master signs to vouch for an AES key: SHA-256 of its text, as hex."""
    return hashlib.sha256(text.encode()).hexdigest().encode()


__all__ = [
    "ENCRYPTION", "KEY_BITS", "SIGNING", "TOKEN_TEXT", "CodecError", "PrivateKey", "PublicKey", "SymmetricKey",
    "decrypt", "encrypt", "fingerprint", "generate_key", "is_nonce", "key_digest", "load_private", "load_public",
    "new_nonce", "private_pem", "public_pem", "sign", "verify", "x931_recover", "x931_sign",
]  # fmt: skip
