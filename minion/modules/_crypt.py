"""Password hashes as they stand in /etc/shadow, made by the system's own libcrypt.

Python has lost its `crypt` module in 3.13; the library is where logins are, so it is called directly.
"""

from __future__ import annotations

import ctypes
import secrets
import string
from typing import Any, Optional

from minion.errors import CommandExecutionError, SaltInvocationError

_ALPHABET = string.ascii_letters + string.digits + "./"
_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", "libcrypt.so", None)  # None: musl has crypt() in its libc

# algorithm -> prefix, what stands between prefix and a generated salt, length of a generated salt
_METHODS = {
    "sha512": ("$6$", "", 16),
    "sha256": ("$5$", "", 16),
    "blowfish": ("$2b$", "12$", 22),
    "md5": ("$1$", "", 8),
    "crypt": ("", "", 2),
}


def hash_password(password: str, salt: Optional[str] = None, algorithm: Optional[str] = None) -> str:
    """The hash of a password.

    Args:
        password: the plain text.
        salt: a random one if not given; may begin with `rounds=N$` for the sha algorithms.
        algorithm: sha512 (the default), sha256, blowfish, md5 or crypt.
    """
    if algorithm is not None and algorithm not in _METHODS:
        known = ", ".join(_METHODS)
        raise SaltInvocationError(f"Cannot hash using '{algorithm}' hash algorithm. Supported algorithms are: {known}")
    prefix, between, length = _METHODS[algorithm or "sha512"]
    if salt is None:
        salt = between + "".join(secrets.choice(_ALPHABET) for _ in range(length))
    if "\0" in password or "\0" in salt or ":" in salt or "\n" in salt:
        raise SaltInvocationError("A password or its salt holds a character that can't be hashed or stored")
    hashed = _library().crypt(password.encode(), (prefix + salt).encode())
    if not hashed or hashed.startswith(b"*"):
        raise SaltInvocationError(f"The system can't hash by {algorithm or 'sha512'} with the given salt")
    return str(hashed.decode("ascii"))


def random_password(length: int = 20, chars: str = string.ascii_letters + string.digits + string.punctuation) -> str:
    """A password that can't be guessed."""
    return "".join(secrets.choice(chars) for _ in range(length))


def _library() -> Any:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
            library.crypt.restype = ctypes.c_char_p
        except (OSError, AttributeError):
            continue
        return library
    raise CommandExecutionError("This system has no libcrypt to hash passwords with")
