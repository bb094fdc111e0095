"""Verifies the signatures of files that were fetched."""

from __future__ import annotations

import os
from typing import Any, Callable, List, Mapping, NamedTuple, Optional

from minion.errors import CommandExecutionError


class Signers(NamedTuple):
    """Whose keys must have signed, where the keys are, and which module verifies."""

    signed_by_any: Any = None
    signed_by_all: Any = None
    keyring: Optional[str] = None
    gnupghome: Optional[str] = None
    backend: str = "gpg"


def verify_signature(
    salt: Mapping[str, Callable[..., Any]],
    path: str,
    signature: Any,
    signers: Signers,
    saltenv: str,
    verify_ssl: bool,
    cachedir: str,
) -> None:
    """Verifies the signature of a file; removes the file, if it was fetched, if it is not good.

    Args:
        salt: the execution functions.
        path: the file.
        signature: where its signatures are; True if they are in the file itself.
        signers: whose they must be.
        saltenv: the environment to fetch them from.
        verify_ssl: False accepts any certificate of an https server.
        cachedir: where fetched files lie; nothing else is removed.

    Raises:
        CommandExecutionError: it can't be verified, or it is not good.
    """
    function = f"{signers.backend}.verify"
    if function not in salt:
        raise CommandExecutionError(
            f"Signature verification requires the {signers.backend} module, which could not be found. Make sure you "
            "have the necessary tools and libraries installed"
        )
    fetched: List[str] = []
    found = []
    for url in [] if signature is True else [signature] if isinstance(signature, str) else signature:
        cached = salt["cp.cache_file"](url, saltenv, verify_ssl=verify_ssl)
        if cached:
            fetched.append(cached)
        elif signers.backend == "gpg":
            raise CommandExecutionError(f"Detached signature file {url} not found")
        found.append(cached or url)
    result = salt[function](
        filename=path,
        signature=None if signature is True else found[0] if isinstance(signature, str) else found,
        keyring=signers.keyring,
        gnupghome=signers.gnupghome,
        signed_by_any=signers.signed_by_any,
        signed_by_all=signers.signed_by_all,
    )
    if result["res"] is True:
        return
    for bad in [*fetched, path]:
        if bad.startswith(os.path.join(cachedir, "")) and os.path.exists(bad):
            os.remove(bad)
    raise CommandExecutionError(f"The file's signature could not be verified: {result['message']}")
