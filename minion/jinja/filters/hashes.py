"""Filters that hash and encode."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from typing import Any, Callable, Dict, Union

from minion.jinja.filters._volatile import volatile
from minion.jinja.filters.text import to_bytes


def base64_encode(value: Any) -> str:
    """In base64."""
    return base64.b64encode(to_bytes(value)).decode()


def base64_decode(value: Any) -> Union[str, bytes]:
    """From base64; bytes if they are no text."""
    decoded = base64.b64decode(to_bytes(value))
    try:
        return decoded.decode()
    except UnicodeDecodeError:
        return decoded


def _digest(algorithm: str) -> Callable[[Any], str]:
    def digest(value: Any) -> str:
        return hashlib.new(algorithm, to_bytes(value)).hexdigest()

    digest.__doc__ = f"The {algorithm} sum, in hexadecimal digits."
    return digest


def hmac_matches(value: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    """Is this the base64 HMAC-SHA256 of the value under the secret?"""
    code = hmac.new(to_bytes(shared_secret), to_bytes(value), hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(code), to_bytes(challenge_hmac))


def hmac_compute(value: Any, shared_secret: Any) -> str:
    """HMAC-SHA256, in hexadecimal digits."""
    return hmac.new(to_bytes(shared_secret), to_bytes(value), hashlib.sha256).hexdigest()


def random_hash(size: int = 9999999999, hash_type: str = "") -> str:
    """The hash of a random number up to `size`."""
    number = secrets.randbelow(size + 1)
    return hashlib.new(hash_type or "md5", str(number).encode()).hexdigest()


def random_str(size: int = 32) -> str:
    """That many random characters."""
    return base64.b64encode(os.urandom(size)).decode()[:size]


FILTERS: Dict[str, Callable[..., Any]] = {
    "base64_decode": base64_decode,
    "base64_encode": base64_encode,
    "hmac": hmac_matches,
    "hmac_compute": hmac_compute,
    "md5": _digest("md5"),
    "rand_str": volatile(random_hash),
    "random_hash": volatile(random_hash),
    "random_str": volatile(random_str),
    "sha1": _digest("sha1"),
    "sha256": _digest("sha256"),
    "sha512": _digest("sha512"),
}
