"""The fingerprints of this minion's key and of its master's, to be compared with what the master shows."""

from __future__ import annotations

import hashlib
import os
from typing import Any, Dict, Optional

from minion.errors import CommandExecutionError, SaltInvocationError

__opts__: Dict[str, Any]


def finger(hash_type: Optional[str] = None) -> str:
    """The fingerprint of the minion's public key; empty if it has none yet.

    Args:
        hash_type: the hash; the option `hash_type` says it otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' key.finger
    """
    return _finger("minion.pub", hash_type)


def finger_master(hash_type: Optional[str] = None) -> str:
    """The fingerprint of the master's public key that the minion knows; empty if it knows none yet.

    Args:
        hash_type: the hash; the option `hash_type` says it otherwise.

    CLI Example:

    .. code-block:: bash

        salt '*' key.finger_master
    """
    return _finger("minion_master.pub", hash_type)


def _finger(name: str, hash_type: Optional[str]) -> str:
    """Hash of the lines between the first and the last, as `salt-key -F` has it."""
    path = os.path.join(__opts__["pki_dir"], name)
    hash_type = hash_type or __opts__["hash_type"]
    if hash_type not in hashlib.algorithms_available or hash_type.startswith("shake"):
        raise SaltInvocationError(f"{hash_type!r} is no hash for fingerprints; sha256 is the usual one")
    try:
        with open(path, "rb") as file:
            lines = [line for line in file.read().replace(b"\r\n", b"\n").splitlines(True) if line.strip()]
    except FileNotFoundError:
        return ""
    except OSError as exc:
        raise CommandExecutionError(f"The key {path} can't be read: {exc}") from None
    digest = hashlib.new(hash_type, b"".join(lines[1:-1])).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))
