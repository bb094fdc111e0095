"""Digests of files, and the files that list digests."""

from __future__ import annotations

import os
import re
import string
import urllib.parse
from typing import Any, Callable, Dict, NoReturn, Optional

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import HASH_LENGTHS, HASH_TYPES, SCHEMES, digest, redact, supported_hashes
from minion.modules._file_signature import Signers, verify_signature

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"

_SEPARATORS = string.whitespace + r"\/*"


def get_sum(path: str, form: str = "sha256") -> str:
    """Returns the digest of a file, or `File not found`.

    Args:
        path: the file.
        form: `sha512`, `sha384`, `sha256`, `sha224`, `sha1` or `md5`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_sum /etc/passwd sha512
    """
    path = os.path.expanduser(path)
    return digest(path, form) if os.path.isfile(path) else "File not found"


def get_hash(path: str, form: str = "sha256", chunk_size: int = 65536) -> str:
    """Returns the digest of a file.

    Args:
        path: the file; it is an error if there is none.
        form: `sha512`, `sha384`, `sha256`, `sha224`, `sha1` or `md5`.
        chunk_size: how many bytes to read at once.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_hash /etc/shadow
    """
    return digest(os.path.expanduser(path), form, chunk_size)


def check_hash(path: str, file_hash: str) -> bool:
    """Tells whether a file has a certain digest.

    Args:
        path: the file.
        file_hash: the digest, by itself or as `sha256=<digest>` or `sha256:<digest>`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.check_hash /etc/fstab sha256:<hash>
    """
    if not isinstance(file_hash, str):
        raise SaltInvocationError("hash must be a string")
    given = re.match(r"([^:=]*)[:=](.*)", file_hash, re.DOTALL)
    if given:
        hash_type, value = given.groups()
    else:
        hash_type, value = HASH_TYPES.get(len(file_hash), ""), file_hash
    if not hash_type:
        raise SaltInvocationError(
            f"Hash {file_hash} (length: {len(file_hash)}) could not be matched to a supported hash type. "
            f"The supported hash types and lengths are: {supported_hashes()}"
        )
    return get_hash(path, hash_type) == value


def get_source_sum(
    file_name: str = "",
    source: str = "",
    source_hash: Any = None,
    source_hash_name: Optional[str] = None,
    saltenv: str = "base",
    verify_ssl: bool = True,
    source_hash_sig: Any = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: Optional[str] = None,
    gnupghome: Optional[str] = None,
    sig_backend: str = "gpg",
) -> Dict[str, str]:
    """Returns the digest that a source file shall have, as `{"hsum": ..., "hash_type": ...}`.

    Args:
        file_name: the managed file; its name is looked for in a file of digests.
        source: where its content comes from; likewise.
        source_hash: a digest, `<type>=<digest>`, or where a file of digests is.
        source_hash_name: the name to look for in a file of digests.
        saltenv: the environment to fetch it from.
        verify_ssl: False accepts any certificate of an https server.
        source_hash_sig: where the signature of the file of digests is; True if it is in the file.
        signed_by_any, signed_by_all: whose keys must have signed it.
        keyring, gnupghome, sig_backend: where the keys are, and which module verifies.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_source_sum /tmp/foo.tar.gz source_hash=499ae16dcae71eeb7c3a30c75ea7a1a6
        salt '*' file.get_source_sum /tmp/foo.tar.gz source_hash=https://mydomain.tld/hashes.md5
    """
    if not isinstance(source_hash, str):
        _refuse(source_hash)
    if os.path.isabs(source_hash):
        hash_file = source_hash
    else:
        scheme = urllib.parse.urlparse(source_hash).scheme
        if not scheme:
            return _parse_digest(source_hash)
        if scheme not in SCHEMES:
            _refuse(source_hash)
        hash_file = __salt__["cp.cache_file"](source_hash, saltenv, verify_ssl=verify_ssl)
        if not hash_file:
            raise CommandExecutionError(f"Source hash file {redact(source_hash)} not found")
        if source_hash_sig:
            signers = Signers(signed_by_any, signed_by_all, keyring, gnupghome, sig_backend)
            verify_signature(__salt__, hash_file, source_hash_sig, signers, saltenv, verify_ssl, __opts__["cachedir"])
    found = extract_hash(hash_file, "", file_name, source, source_hash_name)
    if found is None:
        _refuse(source_hash)
    return {**found, "hsum": found["hsum"].lower()}


def _parse_digest(text: str) -> Dict[str, str]:
    """`<type>=<digest>`, or a digest whose length tells its type."""
    hash_type, given, value = (part.strip() for part in text.partition("="))
    if not given:
        value = text
        if not re.fullmatch(r"[0-9A-Fa-f]+", value) or len(value) not in HASH_TYPES:
            _refuse(text)
        hash_type = HASH_TYPES[len(value)]
    if hash_type not in HASH_LENGTHS:
        raise CommandExecutionError(
            f"Invalid hash type '{hash_type}'. Supported hash types are: {', '.join(HASH_LENGTHS)}. Either remove the "
            f"hash type and simply use '{value}' as the source_hash, or change the hash type to a supported type."
        )
    if len(value) not in HASH_TYPES:
        _refuse(text)
    if len(value) != HASH_LENGTHS[hash_type]:
        raise CommandExecutionError(
            f"Invalid length ({len(value)}) for hash type '{hash_type}'. Either remove the hash type and simply use "
            f"'{value}' as the source_hash, or change the hash type to '{HASH_TYPES[len(value)]}'"
        )
    return {"hash_type": hash_type, "hsum": value.lower()}


def _refuse(source_hash: Any) -> NoReturn:
    raise CommandExecutionError(
        f"Source hash {redact(source_hash)} format is invalid. The supported formats are: 1) a hash, 2) an expression "
        "in the format <hash_type>=<hash>, or 3) either a path to a local file containing hashes, or a URI of a "
        f"remote hash file. Supported protocols for remote hash files are: {', '.join(SCHEMES)}. The hash may also "
        "not be of a valid length, the following are supported hash types and lengths: "
        f"{supported_hashes()}."
    )


def extract_hash(
    hash_fn: str, hash_type: str = "sha256", file_name: str = "", source: str = "", source_hash_name: Any = None
) -> Optional[Dict[str, str]]:
    """Finds a digest in a file that lists digests; the first one there if none is listed under the names given.

    Args:
        hash_fn: the file that lists digests.
        hash_type: the type to look for; empty for any.
        file_name: the managed file; its name is looked for.
        source: where its content comes from; its name is looked for.
        source_hash_name: the name to look for before these.

    Returns `{"hsum": ..., "hash_type": ...}`, or nothing.

    CLI Example:

    .. code-block:: bash

        salt '*' file.extract_hash /path/to/hash/file sha512 /etc/foo
    """
    length = HASH_LENGTHS.get(hash_type)
    lengths = str(length) if length else f"{min(HASH_TYPES)},{max(HASH_TYPES)}"
    pattern = re.compile(r"(?<![a-z0-9])([a-f0-9]{" + lengths + r"})(?![a-z0-9])", re.IGNORECASE)
    names = [_Listed(str(source_hash_name or ""), str(source_hash_name or ""), string.whitespace)]
    names.append(_Listed(str(file_name), os.path.basename(str(file_name)), _SEPARATORS))
    url = urllib.parse.urlparse(str(source))
    names.append(_Listed(str(source), os.path.basename(url.path or url.netloc), _SEPARATORS))
    first = None
    with open(hash_fn, encoding="utf-8", errors="replace") as lines:
        for line in map(str.strip, lines):
            match = pattern.search(line)
            if not match or len(match.group(1)) not in HASH_TYPES:
                continue
            found = {"hsum": match.group(1), "hash_type": HASH_TYPES[len(match.group(1))]}
            first = first or found
            for name in names:
                name.look_at(line, found)
    return next((name.found for name in names if name.found), first)


class _Listed:
    """A name, and the digest that a file lists for it."""

    def __init__(self, name: str, last_part: str, separators: str) -> None:
        self.name, self.last_part, self.separators = name, last_part, separators
        self.found: Optional[Dict[str, str]] = None

    def look_at(self, line: str, digest_there: Dict[str, str]) -> None:
        if not self.name or self.found:
            return
        if line.endswith(self.last_part):
            before = line[: len(line) - len(self.last_part)][-1:]
            if before and before in self.separators:
                self.found = digest_there
        elif re.match(re.escape(self.name) + r"\s+", line):
            self.found = digest_there
