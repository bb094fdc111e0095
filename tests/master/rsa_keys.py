"""RSA keys for tests, made once in a run."""

from __future__ import annotations

from functools import cache

from transports.crypto import PrivateKey, PublicKey, generate_key, public_pem


@cache
def private(number: int = 0) -> PrivateKey:
    """The test key of this number."""
    return generate_key(2048)


def public(number: int = 0) -> PublicKey:
    """Its public half."""
    return private(number).public_key()


def pem(number: int = 0) -> str:
    """The public half as it is stored."""
    return public_pem(public(number))
