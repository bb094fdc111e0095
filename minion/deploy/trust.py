"""The keys of a host that is made a minion: its own pair, and the master's public key that it is to trust.

Fingerprints are those that salt-key shows. They need no cryptography: a hash of the text between the lines.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from typing import Optional, Tuple

from minion.deploy import places
from minion.deploy.releases import Release
from minion.errors import CommandExecutionError, ConfigError
from minion.safety import private_folder

MASTER, PRIVATE, PUBLIC = "minion_master.pub", "minion.pem", "minion.pub"
_PEM = re.compile(r"\s*-----BEGIN ((?:RSA )?PUBLIC KEY)-----\s([A-Za-z0-9+/=\s]+)-----END \1-----\s*", re.ASCII)
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1]); from minion.daemon.keyring import KeyRing; "
    "KeyRing(sys.argv[2], int(sys.argv[3])).own()"
)
_PATIENCE = 300.0


def fingerprint(pem: str) -> str:
    """SHA-256 of a public key as users compare it; "" if the text is none."""
    found = _PEM.fullmatch(pem) if len(pem) <= 4096 else None
    if not found:
        return ""
    body = "".join(f"{line.strip()}\n" for line in found[2].split())
    digest = hashlib.sha256(body.encode()).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 64, 2))


def public_key(pki_dir: str, name: str = PUBLIC) -> str:
    """A public key of the folder; "" if there is none."""
    return (places.read(os.path.join(pki_dir, name), 16384) or b"").decode("ascii", "replace").strip()


def trust_master(pki_dir: str, pem: str, replace: bool, test: bool) -> Tuple[bool, str]:
    """Has the minion trust this master and no other; returns whether that is new, and whom it trusted before.

    Args:
        pki_dir: of the minion.
        pem: the master's public key.
        replace: also if it trusts another one.
        test: only say what would be done.

    Raises:
        CommandExecutionError: it trusts another one.
    """
    wanted, known = fingerprint(pem), public_key(pki_dir, MASTER)
    if not wanted:
        raise CommandExecutionError("what was given as the master's key is no public key in PEM text")
    before = fingerprint(known)
    if before == wanted:
        return False, before
    path = os.path.join(pki_dir, MASTER)
    if os.path.lexists(path) and not replace:
        raise CommandExecutionError(
            f"this host trusts another master: {path} is {before or 'no public key'}, the key of this master is "
            f"{wanted}. If it is to change masters, deploy with --replace-key"
        )
    if not test:
        _private(pki_dir)
        places.write(path, f"{pem.strip()}\n".encode(), 0o644)
    return True, before


def own_key(pki_dir: str, release: Release, bits: int) -> bool:
    """Makes the minion's key pair, if there is none; whether that was done.

    Args:
        pki_dir: of the minion.
        release: makes it: a host without it has no cryptography.
        bits: of a new key.

    Raises:
        CommandExecutionError: it can't be made.
    """
    if has_key(pki_dir):
        _private(pki_dir)  # else somebody else may know the private key
        return False
    new = not os.path.lexists(os.path.join(pki_dir, PRIVATE))
    places.make_folder(os.path.dirname(pki_dir))
    _private(pki_dir)
    command = [release.python, "-I", "-c", _PROGRAM, release.lib, pki_dir, str(bits)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_PATIENCE)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CommandExecutionError(f"the key pair can't be made by {release.python}: {exc}") from None
    if done.returncode or not public_key(pki_dir):
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise CommandExecutionError(f"the key pair can't be made: {said[-1] if said else 'no reason is given'}")
    return new


def has_key(pki_dir: str) -> bool:
    """Whether there is a key pair."""
    return all(os.path.lexists(os.path.join(pki_dir, name)) for name in (PRIVATE, PUBLIC))


def _private(pki_dir: str) -> Optional[str]:
    try:
        return private_folder(pki_dir)
    except ConfigError as exc:
        raise CommandExecutionError(str(exc)) from None
