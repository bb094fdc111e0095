"""Where the public keys of minions lie, in the folders that Salt keeps them in; what becomes of them is in `keys`."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from master import locks, safety
from master.errors import KeyStoreError, UnsafePath
from transports.errors import CryptoError
from transports.names import is_minion_id

if TYPE_CHECKING:
    from transports.crypto import PublicKey

_SETTLED = 50_000_000  # ns within which a folder may change twice and its time show one change
_MAX_KEY_FILE = 64 * 1024
_MAX_NAME = 255
_PEM = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)


class State(StrEnum):
    """What became of a key; the value is its folder. In the order in which `salt-key --out=json` has them."""

    PENDING = "minions_pre"
    REJECTED = "minions_rejected"
    ACCEPTED = "minions"
    DENIED = "minions_denied"


AUTOSIGN = "minions_autosign"
SETTLING = (State.ACCEPTED, State.REJECTED, State.PENDING)  # an id is in one of these; denied is beside


@dataclass(frozen=True)
class _Listing:
    changed: int
    read: int
    names: frozenset[str]


class KeyFiles:
    """Reads and writes the files below one pki folder. Readers need no lock, writers hold `locked`.

    Args:
        pki_dir: the folder; a real Salt master's will do.
        group_readable: let the group read it (`permissive_pki_access`).
    """

    def __init__(self, pki_dir: str, group_readable: bool = False) -> None:
        self.folder = pki_dir
        self._mode = 0o750 if group_readable else 0o700
        self._prepared = False
        self._known: dict[str, tuple[safety.Signature, PublicKey]] = {}
        self._listings: dict[State, _Listing] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.folder}>"

    # -------------------------------------------------------------- reading

    def accepted(self, minion_id: str) -> PublicKey | None:
        """The accepted key of a minion: the same object as long as the file does not change."""
        known = self._known.get(minion_id)
        if known is None and not is_minion_id(minion_id):
            return None
        path = self.path(State.ACCEPTED, minion_id)
        now = safety.signature(path)
        if now is not None and known is not None and known[0] == now:
            return known[1]
        self._known.pop(minion_id, None)
        if now is None:
            return None
        from transports.crypto import load_public

        try:
            content, read = safety.read_with_signature(path, _MAX_KEY_FILE)
            key = load_public(content.decode("ascii").strip())
        except (OSError, UnsafePath, CryptoError, ValueError):
            return None
        self._known[minion_id] = (read, key)
        return key

    def state_of(self, minion_id: str) -> State | None:
        """Where a minion's key is; `DENIED` only if there is nothing but a denied record."""
        for state in (*SETTLING, State.DENIED):
            if self.has(minion_id, state):
                return state
        return None

    def has(self, minion_id: str, state: State) -> bool:
        """Whether a minion has a key in this state. An empty file, which a crash may leave, is none."""
        now = safety.signature(self.path(state, minion_id)) if _usable(minion_id) else None
        return now is not None and now[-1] > 0

    def names(self, state: State) -> frozenset[str]:
        """The ids in a state; read again only when the folder changed."""
        path = os.path.join(self.folder, state)
        try:
            changed = os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return frozenset()
        known = self._listings.get(state)
        if known and known.changed == changed and known.read - changed > _SETTLED:
            return known.names
        read = time.time_ns()
        listing = _Listing(changed, read, frozenset(name for name in os.listdir(path) if name[0] != "."))
        self._listings[state] = listing
        return listing.names

    def ids(self, state: State) -> list[str]:
        """The ids in a state, sorted as Salt sorts them."""
        return sorted(sorted(self.names(state)), key=str.lower)

    def match(self, pattern: str, states: Iterable[State] = State) -> dict[State, list[str]]:
        """The ids that a glob, or several with commas between, means; only states in which there are some."""
        globs = pattern.split(",")
        found: dict[State, list[str]] = {}
        for state in states:
            if glob.has_magic(pattern):
                ids = [name for name in self.ids(state) if any(fnmatch.fnmatchcase(name, one) for one in globs)]
            else:
                ids = sorted({one for one in globs if self.has(one, state)}, key=str.lower)
            if ids:
                found[state] = ids
        return found

    def text(self, minion_id: str, state: State) -> list[str]:
        """The PEM texts of a minion's keys in a state: one, or those of a denied record, the latest first.

        Raises:
            KeyStoreError: there is none.
        """
        try:
            content = safety.read(self.path(state, minion_id), _MAX_KEY_FILE).decode("utf-8", "backslashreplace")
        except FileNotFoundError:
            raise KeyStoreError(f"minion {minion_id} has no key in {state}") from None
        several = _PEM.findall(content) if state is State.DENIED else []
        return several if len(several) > 1 else [content]

    def fingerprint(self, minion_id: str, state: State, algorithm: str = "sha256") -> list[str]:
        """The fingerprints of a minion's keys in a state, see `text`.

        Raises:
            KeyStoreError: there is none, or it is no usable key.
        """
        return [fingerprint_of(minion_id, text, algorithm) for text in self.text(minion_id, state)]

    # -------------------------------------------------------------- writing

    def prepare(self) -> None:
        """Makes the folders, or checks those that exist.

        Raises:
            UnsafePath: somebody else could change them.
        """
        safety.private_folder(self.folder, self._mode)
        for folder in (*State, AUTOSIGN):
            safety.private_folder(os.path.join(self.folder, folder), self._mode)
        self._prepared = True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """While it lasts, no other process changes anything."""
        if not self._prepared:
            self.prepare()
        with locks.locked(os.path.join(self.folder, ".keys.lock")):
            yield

    def store(
        self, minion_id: str, pem: str, state: State, origin: State | None = None, *, durable: bool = True
    ) -> None:
        """Puts a key into one of `SETTLING`, at one blow, and takes the id out of the others.

        Args:
            minion_id: whose.
            pem: the key.
            state: where it goes.
            origin: where it was.
            durable: wait until it is on the disk; not needed for what the minion will show again.
        """
        mode = self._mode & 0o640
        if origin in SETTLING and origin is not state:
            if self.text(minion_id, origin) != [pem]:
                safety.write(self.path(origin, minion_id), pem.encode(), mode, durable=durable)
            os.rename(self.path(origin, minion_id), self.path(state, minion_id))
        else:
            safety.write(self.path(state, minion_id), pem.encode(), mode, durable=durable)
        self._hand_over(self.path(state, minion_id))
        for other in SETTLING:
            if other is not state:
                self.remove(minion_id, other)

    def _hand_over(self, path: str) -> None:
        """What root's commands write has to be read by a master that runs as somebody else."""
        if os.geteuid() == 0:
            owner = os.stat(self.folder)
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

    def remove(self, minion_id: str, state: State) -> bool:
        """Takes an id out of a state; whether it was there."""
        try:
            os.unlink(self.path(state, minion_id))
        except FileNotFoundError:
            return False
        return True

    def path(self, state: State, minion_id: str) -> str:
        """The file of an id in a state.

        Raises:
            KeyStoreError: it can't be a file name here.
        """
        if not _usable(minion_id):
            raise KeyStoreError(f"{minion_id!r} is no minion id")
        return f"{self.folder}/{state}/{minion_id}"


def _usable(minion_id: str) -> bool:
    """Whether a name may be used for a file here. Folders of a Salt master may have ids that we would not take."""
    fits = 0 < len(minion_id.encode("utf-8", "replace")) <= _MAX_NAME
    return fits and "/" not in minion_id and "\0" not in minion_id and minion_id[0] != "."


def canonical(text: str) -> str:
    """A key's text in the one form in which keys are compared and stored; "" if it is none."""
    from transports.crypto import load_public, public_pem

    try:
        return public_pem(load_public(text.strip()))
    except CryptoError:
        return ""


def fingerprint_of(minion_id: str, text: str, algorithm: str = "sha256") -> str:
    """The fingerprint of a key's text.

    Raises:
        KeyStoreError: it is no usable key.
    """
    from transports.crypto import fingerprint, load_public

    try:
        return fingerprint(load_public(text.strip()), algorithm)
    except CryptoError as exc:
        raise KeyStoreError(f"the key of minion {minion_id} is not usable: {exc}") from None
