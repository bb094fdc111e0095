"""Digests, Base64 and signatures of texts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import Any, Union

from minion import atomic
from minion.errors import CommandExecutionError

_CHECKSUMS = ("md5", "sha256", "sha512")


def _raw(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    return str(value).encode("utf-8", "surrogateescape")


def _text_if_possible(value: bytes) -> Union[str, bytes]:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def digest(instr: Any, checksum: str = "md5") -> str:
    """Returns the digest of a text, as hexadecimal digits.

    Args:
        instr: the text.
        checksum: `md5`, `sha256` or `sha512`.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.digest 'get salted'
    """
    if checksum not in _CHECKSUMS:
        raise CommandExecutionError(f"Hash func '{checksum}' is not supported.")
    return hashlib.new(checksum, _raw(instr)).hexdigest()


def digest_file(infile: str, checksum: str = "md5") -> str:
    """Returns the digest of a file, as hexadecimal digits.

    Args:
        infile: the file.
        checksum: `md5`, `sha256` or `sha512`.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.digest_file /path/to/file
    """
    path = os.path.expanduser(infile)
    if not os.path.isfile(path):
        raise CommandExecutionError(f"File path '{infile}' not found.")
    with open(path, "rb") as file:
        return digest(file.read(), checksum)


def md5_digest(instr: Any) -> str:
    """Returns the MD5 digest of a text.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.md5_digest 'get salted'
    """
    return digest(instr, "md5")


def sha256_digest(instr: Any) -> str:
    """Returns the SHA-256 digest of a text.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.sha256_digest 'get salted'
    """
    return digest(instr, "sha256")


def sha512_digest(instr: Any) -> str:
    """Returns the SHA-512 digest of a text.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.sha512_digest 'get salted'
    """
    return digest(instr, "sha512")


def base64_b64encode(instr: Any) -> str:
    """Encodes a text in Base64, in one line.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_b64encode 'get salted'
    """
    return base64.b64encode(_raw(instr)).decode()


def base64_b64decode(instr: Any) -> Union[str, bytes]:
    """Decodes Base64.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_b64decode 'Z2V0IHNhbHRlZA=='
    """
    return _text_if_possible(base64.b64decode(_raw(instr)))


def base64_encodestring(instr: Any) -> str:
    """Encodes a text in Base64, in lines of 76 characters.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_encodestring 'get salted'
    """
    return base64.encodebytes(_raw(instr)).decode()


def base64_decodestring(instr: Any) -> Union[str, bytes]:
    """Decodes Base64 that may have several lines.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_decodestring instr='Z2V0IHNhbHRlZAo='
    """
    return _text_if_possible(base64.decodebytes(_raw(instr)))


def base64_encodefile(fname: str) -> str:
    """Returns the content of a file in Base64, in lines of 76 characters.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_encodefile /path/to/binary_file
    """
    with open(fname, "rb") as file:
        return base64.encodebytes(file.read()).decode()


def base64_decodefile(instr: Any, outfile: str) -> bool:
    """Decodes Base64 into a file.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.base64_decodefile instr='Z2V0IHNhbHRlZAo=' outfile='/path/to/binary_file'
    """
    atomic.write(outfile, base64.decodebytes(_raw(instr)))
    return True


def hmac_signature(string: Any, shared_secret: Any, challenge_hmac: Any) -> bool:
    """Tells whether a text has been signed with a secret: by HMAC with SHA-256, in Base64.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.hmac_signature 'get salted' 'shared secret' 'eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ='
    """
    expected = base64.b64encode(hmac.new(_raw(shared_secret), _raw(string), hashlib.sha256).digest())
    return hmac.compare_digest(expected, _raw(challenge_hmac))


def hmac_compute(string: Any, shared_secret: Any) -> str:
    """Returns the HMAC of a text, with SHA-256, as hexadecimal digits.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.hmac_compute 'get salted' 'shared secret'
    """
    return hmac.new(_raw(shared_secret), _raw(string), hashlib.sha256).hexdigest()


def github_signature(string: Any, shared_secret: Any, challenge_hmac: str) -> bool:
    """Tells whether a text has been signed with a secret, as GitHub's webhooks do: `sha1=<digits>`, `sha256=<digits>`.

    CLI Example:

    .. code-block:: bash

        salt '*' hashutil.github_signature '{"ref":....} ' 'shared secret' 'sha1=bc6550fc290acf5b'
    """
    algorithm, _, challenge = challenge_hmac.partition("=")
    if algorithm not in hashlib.algorithms_guaranteed:
        raise CommandExecutionError(f"Hash func '{algorithm}' is not supported.")
    expected = hmac.new(_raw(shared_secret), _raw(string), algorithm).hexdigest()
    return hmac.compare_digest(expected, challenge)
