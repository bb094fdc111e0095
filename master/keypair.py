"""The master's own key pair, the pair that vouches for it, and key pairs made for minions.

Private keys have mode 0400, public ones 0644. Salt 3008 keeps the pair under the master's id and makes links of
`master.pem` and `master.pub`; both layouts are read.
"""

from __future__ import annotations

import base64
import logging
import os
from dataclasses import dataclass, field

from master import safety
from master.config import MasterSettings
from master.errors import KeyStoreError
from transports import crypto
from transports.errors import CryptoError

log = logging.getLogger(__name__)

MASTER = "master"
SIGNATURE_FILE = "master_pubkey_signature"


@dataclass(frozen=True)
class MasterKeys:
    """What the master proves itself with.

    Attributes:
        private: its private key.
        public_pem: its public key, as it travels.
        sign_key: signs the public key for minions that know the signing key only (`master_sign_pubkey`).
        signature: made beforehand by that key, where the master does not have it.
    """

    private: crypto.PrivateKey
    public_pem: str
    sign_key: crypto.PrivateKey | None = None
    signature: str = ""
    _made: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def public_signature(self, algorithm: str) -> str | None:
        """Signature of the public key, base64 with a newline; None if the master does not sign it."""
        if self.sign_key is None:
            return self.signature or None
        if algorithm not in self._made:
            self._made[algorithm] = sign_text(self.sign_key, self.public_pem, algorithm)
        return self._made[algorithm]


def load(settings: MasterSettings) -> MasterKeys:
    """The master's keys; made if there are none.

    Without a private signing key, but with a signature that was made elsewhere (`salt-key --gen-signature`), that is
    what minions get.

    Raises:
        KeyStoreError: what is there can't be used.
        UnsafePath: somebody else could read or change it.
    """
    private = load_master_key(settings)
    public_pem = crypto.public_pem(private.public_key())
    if not settings.master_sign_pubkey:
        return MasterKeys(private, public_pem)
    folder, name = settings.pki_dir, settings.master_sign_key_name
    signature = os.path.join(folder, SIGNATURE_FILE)
    if not os.path.lexists(os.path.join(folder, f"{name}.pem")) and os.path.lexists(signature):
        text = safety.read(signature).decode("ascii", "replace").strip() + "\n"
        return MasterKeys(private, public_pem, signature=text)
    return MasterKeys(private, public_pem, make_pair(folder, name, settings.keysize, settings.signing_key_pass))


def load_master_key(settings: MasterSettings) -> crypto.PrivateKey:
    """The master's private key; made if there is none.

    Raises:
        KeyStoreError: what is there can't be used.
        UnsafePath: somebody else could read or change it.
    """
    safety.private_folder(settings.pki_dir, 0o750 if settings.permissive_pki_access else 0o700)
    name = _name_of_pair(settings.pki_dir, settings.id.removesuffix("_master"))
    return make_pair(settings.pki_dir, name, settings.keysize, settings.key_pass)


def make_pair(folder: str, name: str, bits: int = crypto.KEY_BITS, passphrase: str = "") -> crypto.PrivateKey:
    """The key pair `NAME.pem` and `NAME.pub` of a folder; an existing private key is kept.

    Raises:
        KeyStoreError: the existing key can't be used.
        UnsafePath: somebody else could read or change it.
    """
    path = os.path.join(folder, f"{name}.pem")
    if os.path.lexists(path):
        private = read_private(path, passphrase)
    else:
        private = crypto.generate_key(bits)
        safety.write(path, crypto.private_pem(private, passphrase.encode() or None), 0o400)
        log.info("made the key pair %s", path)
    pem = crypto.public_pem(private.public_key())
    _write_public(os.path.join(folder, f"{name}.pub"), pem)
    return private


def read_private(path: str, passphrase: str = "") -> crypto.PrivateKey:
    """A private key file.

    Raises:
        KeyStoreError: it can't be used.
        UnsafePath: somebody else could read or change it.
    """
    safety.check_file(path, secret=True)
    try:
        return crypto.load_private(safety.read(path), passphrase.encode() or None)
    except CryptoError as exc:
        raise KeyStoreError(f"{path}: {exc}; is the passphrase (key_pass, signing_key_pass) right?") from None


def sign_text(key: crypto.PrivateKey, public_pem: str, algorithm: str) -> str:
    """Signature of a public key's text: base64 with a newline, as it is stored and travels."""
    return base64.b64encode(crypto.sign(key, public_pem.encode(), algorithm)).decode() + "\n"


def _name_of_pair(pki_dir: str, master_id: str) -> str:
    """Under which name the pair lies: `master`, or the id, to which `master.pem` may be a link."""
    path = os.path.join(pki_dir, f"{MASTER}.pem")
    if os.path.islink(path):
        # Only the link's last part counts: the folder may have been moved, and no link leads out of it.
        return os.path.basename(os.readlink(path)).removesuffix(".pem")
    named = master_id and os.path.lexists(os.path.join(pki_dir, f"{master_id}.pem"))
    return master_id if named and not os.path.lexists(path) else MASTER


def _write_public(path: str, pem: str) -> None:
    try:
        if safety.read(path).decode("ascii", "replace").strip() == pem:
            return
        log.warning("%s did not belong to the private key beside it; it is replaced", path)
    except FileNotFoundError:
        pass
    safety.write(path, pem.encode() + b"\n", 0o644)


def sign_public_key(
    settings: MasterSettings, pub: str | None, priv: str | None, folder: str | None, auto_create: bool
) -> bool | str:
    """Signs the master's public key beforehand, so that the signing key need not lie on the master.

    Args:
        settings: of the master.
        pub: the public key file; default: the master's.
        priv: the signing key file; default: that of `master_sign_key_name`.
        folder: where `master_pubkey_signature` goes; default: the pki folder.
        auto_create: make the signing pair if there is none.

    Returns:
        True if it was made, False if there is one already, or what is missing.
    """
    if pub and not os.path.isfile(pub):
        return f"Public-key {pub} does not exist"
    if priv and not os.path.isfile(priv):
        return f"Private-key {priv} does not exist"
    own = os.path.join(settings.pki_dir, f"{settings.master_sign_key_name}.pem")
    if not priv and not auto_create and not os.path.isfile(own):
        return "No usable private-key found"
    pub = pub or os.path.join(settings.pki_dir, f"{MASTER}.pub")
    if not os.path.isfile(pub):
        return "No usable public-key found"
    path = os.path.join(folder or settings.pki_dir, SIGNATURE_FILE)
    if os.path.lexists(path):
        log.error("%s already exists at expected location", path)
        return False
    if priv:
        key = read_private(priv, settings.signing_key_pass)
    else:
        key = make_pair(settings.pki_dir, settings.master_sign_key_name, settings.keysize, settings.signing_key_pass)
    with open(pub, encoding="ascii") as file:
        public = crypto.public_pem(crypto.load_public(file.read().strip()))
    safety.write(path, sign_text(key, public, settings.publish_signing_algorithm).encode(), 0o644)
    return True
