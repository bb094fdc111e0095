"""The keys on a minion's disk: its own pair, the remembered key of its master, the key that vouches for masters.

Nothing here replaces or deletes a key: a file that exists stays as it is, whatever a peer says.
"""

from __future__ import annotations

import logging
import os
from typing import Optional

from minion.errors import ConfigError
from minion.safety import private_folder
from transports import crypto
from transports.crypto import PrivateKey, PublicKey
from transports.errors import CryptoError

log = logging.getLogger(__name__)

_MAX_FILE = 16384


class KeyRing:
    """The keys below `pki_dir`.

    Args:
        folder: `pki_dir`; made if it is missing.
        bits: size of a key pair that has to be generated.

    Raises:
        ConfigError: the folder is open to other users.
    """

    def __init__(self, folder: str, bits: int = crypto.KEY_BITS) -> None:
        self._folder, self._bits = private_folder(folder), bits

    def __repr__(self) -> str:
        return f"<KeyRing {self._folder}>"

    def own(self) -> PrivateKey:
        """The minion's private key; a pair is generated the first time.

        Raises:
            ConfigError: the file holds no usable key.
        """
        path = os.path.join(self._folder, "minion.pem")
        pem = _read(path)
        if pem is None:
            log.info("Generating a key pair of %d bits in %s", self._bits, self._folder)
            _create(path, crypto.private_pem(crypto.generate_key(self._bits)), 0o400)
            pem = _read(path) or b""
        try:
            key = crypto.load_private(pem)
        except CryptoError as exc:
            raise ConfigError(f"{path}: {exc}") from None
        _create(os.path.join(self._folder, "minion.pub"), f"{crypto.public_pem(key.public_key())}\n".encode(), 0o644)
        return key

    def master(self) -> Optional[PublicKey]:
        """The key of the master that this minion met before, or was given; None before the first time.

        Raises:
            ConfigError: the file holds no usable key.
        """
        return self._public("minion_master.pub")

    def remember(self, key: PublicKey) -> None:
        """Stores the key of the first master; one that is there stays."""
        path = os.path.join(self._folder, "minion_master.pub")
        if _create(path, f"{crypto.public_pem(key)}\n".encode(), 0o644):
            log.warning("Trusting the master's key on first use, fingerprint %s", crypto.fingerprint(key))

    def voucher(self, name: str) -> PublicKey:
        """The key that signs masters' keys, `NAME.pub`, which an administrator put there.

        Raises:
            ConfigError: it is missing or not usable.
        """
        key = self._public(f"{name}.pub")
        if key is None:
            raise ConfigError(
                f"verify_master_pubkey_sign is set, but {os.path.join(self._folder, name)}.pub is missing: copy it "
                "from the master"
            )
        return key

    def _public(self, name: str) -> Optional[PublicKey]:
        path = os.path.join(self._folder, name)
        pem = _read(path)
        if pem is None:
            return None
        try:
            return crypto.load_public(pem.decode("ascii", "replace").strip())
        except CryptoError as exc:
            raise ConfigError(f"{path}: {exc}") from None


def _read(path: str) -> Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read(_MAX_FILE)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ConfigError(f"{path} can't be read: {exc.strerror}") from None


def _create(path: str, content: bytes, mode: int) -> bool:
    """Writes a new file; one that exists stays. It appears with all of its content."""
    if os.path.lexists(path):
        return False
    scratch = f"{path}.{os.getpid()}.tmp"
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(scratch, path)
        return True
    except FileExistsError:
        return False
    finally:
        os.unlink(scratch)
