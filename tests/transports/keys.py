"""RSA keys for the tests of transports, made once in a run."""

from __future__ import annotations

from functools import cache

from transports.crypto import PrivateKey, generate_key


@cache
def private(name: str) -> PrivateKey:
    """The test key of this name."""
    return generate_key(2048)
