"""Random values, and values that look random but are the same each time."""

from __future__ import annotations

import base64
import codecs
import hashlib
import random
import string
from typing import Any, Callable, Dict, List, Optional

from minion.errors import SaltInvocationError
from minion.modules import _crypt

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "random"


def hash(value: Any, algorithm: str = "sha512") -> str:
    """The hash of a value, in hexadecimal digits.

    Args:
        value: what to hash.
        algorithm: any that Python's hashlib knows.

    CLI Example:

    .. code-block:: bash

        salt '*' random.hash 'I am a string' md5
    """
    raw = value if isinstance(value, bytes) else str(value).encode()
    try:
        return hashlib.new(algorithm, raw).hexdigest()
    except (ValueError, TypeError):
        raise SaltInvocationError("You must specify a valid algorithm.") from None


def str_encode(value: Any, encoder: str = "base64") -> Any:
    """A text, encoded.

    Args:
        value: the text.
        encoder: base64, or any codec that Python knows (hex, rot13, utf-16, ...).

    CLI Example:

    .. code-block:: bash

        salt '*' random.str_encode 'I am a new string' base64
    """
    if not isinstance(value, (str, bytes)):
        raise SaltInvocationError("Value must be an encode-able string")
    raw = value.encode() if isinstance(value, str) else value
    if encoder == "base64":
        return base64.b64encode(raw).decode("ascii")
    for given in (value, raw):  # some codecs take text, some take bytes
        try:
            encoded = codecs.encode(given, encoder)  # type: ignore[arg-type]
        except LookupError:
            raise SaltInvocationError("You must specify a valid encoder") from None
        except (TypeError, AttributeError, ValueError):
            continue
        return encoded.decode("ascii") if encoder.startswith("hex") else encoded
    raise SaltInvocationError(f"Value can't be encoded by {encoder}")


def get_str(
    length: int = 20,
    chars: Optional[str] = None,
    lowercase: bool = True,
    uppercase: bool = True,
    digits: bool = True,
    punctuation: bool = True,
    whitespace: bool = False,
    printable: bool = False,
) -> str:
    """A random text that can't be guessed.

    Args:
        length: how many characters.
        chars: the characters to choose from; if given, the rest does not count.
        lowercase, uppercase, digits, punctuation, whitespace: kinds of characters to choose from.
        printable: all of these kinds.

    CLI Example:

    .. code-block:: bash

        salt '*' random.get_str 128
        salt '*' random.get_str 16 chars='abc123.!()'
        salt '*' random.get_str 10 lowercase=False uppercase=False
    """
    kinds = (
        (lowercase, string.ascii_lowercase),
        (uppercase, string.ascii_uppercase),
        (digits, string.digits),
        (punctuation, string.punctuation),
        (whitespace, string.whitespace),
    )
    pool = string.printable if printable else chars or "".join(kind for wanted, kind in kinds if wanted)
    if not pool:
        raise SaltInvocationError("There are no characters to choose from")
    return _crypt.random_password(int(length), str(pool))


def shadow_hash(crypt_salt: Optional[str] = None, password: Optional[str] = None, algorithm: str = "sha512") -> str:
    """The hash of a password as it stands in /etc/shadow.

    Args:
        crypt_salt: the salt; a random one if not given.
        password: the plain text; a random one if not given.
        algorithm: sha512, sha256, blowfish, md5 or crypt.

    CLI Example:

    .. code-block:: bash

        salt '*' random.shadow_hash 'My5alT' 'MyP@asswd' md5
    """
    plain = _crypt.random_password() if password is None else str(password)
    return _crypt.hash_password(plain, crypt_salt, algorithm)


def rand_int(start: int = 1, end: int = 10, seed: Any = None) -> int:
    """A number from start to end, both included.

    Args:
        start: the smallest.
        end: the largest.
        seed: makes the answer the same each time.

    CLI Example:

    .. code-block:: bash

        salt '*' random.rand_int 1 10
    """
    return _generator(seed).randint(int(start), int(end))


def seed(range: int = 10, hash: Any = None) -> int:
    """A number from 0 below `range` that is always the same for the same minion.

    Args:
        range: how many numbers to choose from.
        hash: choose by this instead of the minion's id.

    CLI Example:

    .. code-block:: bash

        salt '*' random.seed 10 hash=None
    """
    return _generator(__grains__["id"] if hash is None else hash).randrange(int(range))


def sample(value: List[Any], size: int, seed: Any = None) -> List[Any]:
    """Some elements of a list, in random order.

    Args:
        value: the list.
        size: how many elements.
        seed: makes the answer the same each time.

    CLI Example:

    .. code-block:: bash

        salt '*' random.sample '["one", "two"]' 1 seed="something"
    """
    if not isinstance(value, (list, tuple)) or not 0 <= int(size) <= len(value):
        raise SaltInvocationError(f"Can't take {size} elements: the value is no list or has fewer")
    return _generator(None if seed is None else _digest(seed)).sample(list(value), int(size))


def shuffle(value: List[Any], seed: Any = None) -> List[Any]:
    """A list in random order.

    Args:
        value: the list.
        seed: makes the answer the same each time.

    CLI Example:

    .. code-block:: bash

        salt '*' random.shuffle '["one", "two"]' seed="something"
    """
    return sample(value, len(value), seed)


def _generator(seed: Any) -> random.Random:
    return random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311 - a seed is asked for


def _digest(seed: Any) -> str:
    return hashlib.sha512(str(seed).encode()).hexdigest()
