"""The life of minions' keys: what a minion that shows one is told, and what operators do with it.

| folder             | state    | how a key leaves it                                            |
|--------------------|----------|----------------------------------------------------------------|
| `minions_pre`      | pending  | an operator accepts, rejects or deletes it, or autosign does   |
| `minions`          | accepted | an operator rejects or deletes it, or accepts another instead  |
| `minions_rejected` | rejected | an operator accepts or deletes it                              |
| `minions_denied`   | denied   | the same; a record of other keys that used an id that is taken |

No minion moves a key that is known: what it sends can only add a pending key or a denied record, both bounded. A file
lock serialises changes, renames make them atomic, so readers need no lock.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from master import safety
from master.errors import KeyChanged, KeyConflict, KeyStoreError
from master.keyfiles import SETTLING, KeyFiles, State, canonical, fingerprint_of

if TYPE_CHECKING:
    from transports.crypto import PublicKey

__all__ = ["Change", "Decision", "KeyStore", "Limits", "Outcome", "State", "Verdict"]


class Decision(StrEnum):
    """What the operator's files say of a key that is not known yet."""

    ACCEPT = "accept"
    REJECT = "reject"
    ASK = "ask"


class Outcome(StrEnum):
    """What a minion is told that shows a key; the value is the `act` of the event."""

    ACCEPTED = "accept"
    PENDING = "pend"
    REJECTED = "reject"
    DENIED = "denied"
    FULL = "full"


@dataclass(frozen=True)
class Verdict:
    """What became of a key that a minion showed.

    Attributes:
        outcome: what the minion is told.
        changed: whether something was stored.
        reason: for the log, in one line.
    """

    outcome: Outcome
    changed: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Change:
    """One key that an operator moved.

    Attributes:
        id: the minion.
        act: `accepted`, `rejected` or `delete`, as `salt/key` events have it.
        state: where the key was before.
    """

    id: str
    act: str
    state: State

    def to_wire(self) -> dict[str, object]:
        """As the master is told of it, and as the event shows it."""
        return {"id": self.id, "act": self.act, "result": True, "state": str(self.state)}


@dataclass(frozen=True)
class Limits:
    """How much strangers may store.

    Attributes:
        max_minions: accepted ids, 0 for any number.
        max_pending: pending ids.
        max_pending_per_source: pending ids from one network.
        denied_keys: keys in the denied record of one id.
        denied_ids: ids with a denied record.
    """

    max_minions: int = 0
    max_pending: int = 1000
    max_pending_per_source: int = 256
    denied_keys: int = 8
    denied_ids: int = 1000


class KeyStore(KeyFiles):
    """The keys below one pki folder. Safe between processes; one instance is for one thread.

    Args:
        pki_dir: the folder; a real Salt master's will do.
        limits: how much strangers may store.
        group_readable: let the group read it (`permissive_pki_access`).
    """

    def __init__(self, pki_dir: str, limits: Limits = Limits(), group_readable: bool = False) -> None:
        super().__init__(pki_dir, group_readable)
        self._limits = limits

    # ------------------------------------------------------ what minions do

    def observe(self, minion_id: str, key: PublicKey, decide: Callable[[], Decision], network: str = "") -> Verdict:
        """Takes note of a key that somebody shows under an id, and judges it.

        Args:
            minion_id: a valid minion id.
            key: the key; nothing is proven by showing it.
            decide: what the operator's files say of this minion; called at most once, only if the key is not known.
            network: where it comes from.
        """
        if self.accepted(minion_id) == key:
            return Verdict(Outcome.ACCEPTED)
        from transports.crypto import public_pem

        pem = public_pem(key)
        with self.locked():
            verdict = self._judge_known(minion_id, pem)
            return verdict or self._judge_unknown(minion_id, pem, decide, network)

    def _judge_known(self, minion_id: str, pem: str) -> Verdict | None:
        state = next((state for state in SETTLING if self.has(minion_id, state)), None)
        if state is None:
            twin = self._look_alike(minion_id)
            return Verdict(Outcome.DENIED, reason=f"the id differs from {twin} only in case") if twin else None
        if state is State.REJECTED:
            return Verdict(Outcome.REJECTED, reason="its key is rejected")
        if canonical(self.text(minion_id, state)[0]) != pem:
            changed = self._deny(minion_id, pem)
            return Verdict(Outcome.DENIED, changed, f"another key than the one in {state}")
        return Verdict(Outcome.ACCEPTED) if state is State.ACCEPTED else None

    def _judge_unknown(self, minion_id: str, pem: str, decide: Callable[[], Decision], network: str) -> Verdict:
        """For an id without a key, or one whose pending key this is."""
        origin = State.PENDING if self.has(minion_id, State.PENDING) else None
        if self._limits.max_minions and len(self.names(State.ACCEPTED)) >= self._limits.max_minions:
            return Verdict(Outcome.FULL, reason=f"{self._limits.max_minions} minions are accepted (max_minions)")
        decision = decide()
        if decision is Decision.ACCEPT:
            self.store(minion_id, pem, State.ACCEPTED, origin, durable=False)
            return Verdict(Outcome.ACCEPTED, True, "accepted without an operator (auto_accept or autosign)")
        if decision is Decision.REJECT:
            room = bool(origin) or len(self.names(State.REJECTED)) < self._limits.max_pending
            if room:
                self.store(minion_id, pem, State.REJECTED, origin, durable=False)
            return Verdict(Outcome.REJECTED, room, "rejected by autoreject_file")
        if origin:
            return Verdict(Outcome.PENDING, reason=f"waits for salt-key -a {minion_id}")
        full = self._no_room(minion_id, network)
        if full:
            return Verdict(Outcome.FULL, reason=full)
        self.store(minion_id, pem, State.PENDING, durable=False)
        return Verdict(Outcome.PENDING, True, f"new, waits for salt-key -a {minion_id}")

    def _look_alike(self, minion_id: str) -> str | None:
        """An id that people, or file systems that ignore case, would take for this one. Ids are ASCII."""
        folded = minion_id.lower()
        for state in State:
            names = self.names(state)
            together = "\n".join(["", *names, ""]).lower()
            if f"\n{folded}\n" not in together:  # much faster than one by one
                continue
            for name in names:
                if name.lower() == folded and name != minion_id:
                    return name
        return None

    def _no_room(self, minion_id: str, network: str) -> str:
        """Why no further key may wait, "" if it may; takes note of where it comes from."""
        pending = self.names(State.PENDING)
        if len(pending) >= self._limits.max_pending:
            return f"{len(pending)} keys are pending (max_pending)"
        sources = {name: source for name, source in self._sources() if name in pending}
        if sum(source == network for source in sources.values()) >= self._limits.max_pending_per_source:
            return f"{self._limits.max_pending_per_source} keys from {network} are pending (max_pending_per_source)"
        lines = [f"{name} {source}\n" for name, source in {**sources, minion_id: network}.items()]
        safety.write(self._sources_path, "".join(lines).encode(), durable=False)
        return ""

    def _sources(self) -> Iterator[tuple[str, str]]:
        with suppress(FileNotFoundError):
            for line in safety.read(self._sources_path).decode("utf-8", "replace").splitlines():
                name, _, source = line.partition(" ")
                yield name, source

    @property
    def _sources_path(self) -> str:
        return os.path.join(self.folder, ".pending_sources")

    def _deny(self, minion_id: str, pem: str) -> bool:
        """Adds to the denied record of an id; whether the key was not in it yet."""
        recorded = self.text(minion_id, State.DENIED) if self.has(minion_id, State.DENIED) else []
        recorded = [canonical(text) for text in recorded]
        if pem in recorded:
            return False
        record = "\n".join([pem, *recorded][: self._limits.denied_keys])
        safety.write(self.path(State.DENIED, minion_id), record.encode(), durable=False)
        denied = self.names(State.DENIED)
        beyond = len(denied) - self._limits.denied_ids
        if beyond > 0:
            for name in sorted(denied, key=self._denied_at)[:beyond]:
                self.remove(name, State.DENIED)
        return True

    def _denied_at(self, minion_id: str) -> int:
        return os.lstat(self.path(State.DENIED, minion_id)).st_mtime_ns

    # ---------------------------------------------------- what operators do

    def accept(
        self,
        minion_id: str,
        fingerprint: str | None = None,
        *,
        include_rejected: bool = False,
        include_denied: bool = False,
    ) -> list[Change]:
        """Accepts the pending key of a minion, or the one that is rejected or denied.

        Args:
            minion_id: the minion.
            fingerprint: SHA-256 fingerprint of the key that is meant; without it, it must be the only one.
            include_rejected, include_denied: take it from there if none is pending.

        Raises:
            KeyChanged: the key is not the one that is meant.
            KeyStoreError: there is none, or it is no usable key.
        """
        origins = [State.PENDING] + [State.REJECTED] * include_rejected + [State.DENIED] * include_denied
        return self.move(minion_id, self._first(minion_id, origins), State.ACCEPTED, fingerprint)

    def reject(
        self,
        minion_id: str,
        fingerprint: str | None = None,
        *,
        include_accepted: bool = False,
        include_denied: bool = False,
    ) -> list[Change]:
        """Rejects the pending key of a minion, or the one that is accepted or denied; see `accept`."""
        origins = [State.PENDING] + [State.ACCEPTED] * include_accepted + [State.DENIED] * include_denied
        return self.move(minion_id, self._first(minion_id, origins), State.REJECTED, fingerprint)

    def move(self, minion_id: str, origin: State, target: State, fingerprint: str | None = None) -> list[Change]:
        """Accepts or rejects the key that a minion has in a certain state.

        Args:
            minion_id: the minion.
            origin: where the key is.
            target: `ACCEPTED` or `REJECTED`.
            fingerprint: SHA-256 fingerprint of the key that is meant; without it, it must be the only one.

        Returns:
            What changed. If another key was accepted until now, its deletion comes first.

        Raises:
            KeyChanged: the key is not the one that is meant.
            KeyStoreError: there is none, or it is no usable key.
        """
        with self.locked():
            text = self._meant(minion_id, origin, fingerprint)
            pem = canonical(text)
            changes = [Change(minion_id, "accepted" if target is State.ACCEPTED else "rejected", origin)]
            if target is State.ACCEPTED:
                fingerprint_of(minion_id, text)  # refuses what is no key
                if self.has(minion_id, target) and canonical(self.text(minion_id, target)[0]) != pem:
                    changes.insert(0, Change(minion_id, "delete", target))
            self.store(minion_id, pem or text, target, origin)
            if origin is State.DENIED:
                self.remove(minion_id, origin)
            return changes

    def vouch(self, minion_id: str, pem: str, *, pending: bool = False, replace: bool = False) -> list[Change]:
        """Takes a key that came over a channel which proves whose it is.

        A key that a stranger showed under this id before, and that still waits, goes into the denied record.

        Args:
            minion_id: whose it is.
            pem: the public key.
            pending: let it wait for an operator.
            replace: instead of another that is accepted, or though the id is rejected.

        Returns:
            What changed; nothing if it was accepted already.

        Raises:
            KeyConflict: another key has this id; names both.
            KeyStoreError: it is no usable key.
        """
        shown, key = fingerprint_of(minion_id, pem), canonical(pem)
        with self.locked():
            state = next((state for state in SETTLING if self.has(minion_id, state)), None)
            same = state is not None and canonical(self.text(minion_id, state)[0]) == key
            if same and (state is State.ACCEPTED or (pending and state is State.PENDING)):
                return []
            self._refuse_conflict(minion_id, shown, state, replace)
            waiting = canonical(self.text(minion_id, state)[0]) if state is State.PENDING else ""
            if waiting and not same:
                self._deny(minion_id, waiting)
            gone = [Change(minion_id, "delete", State.ACCEPTED)] if state is State.ACCEPTED else []
            self.store(minion_id, key, State.PENDING if pending else State.ACCEPTED, state if same else None)
            act = "pend" if pending else "accepted"
            return [*gone, Change(minion_id, act, state or State.PENDING)]

    def _refuse_conflict(self, minion_id: str, shown: str, state: State | None, replace: bool) -> None:
        if state in (State.ACCEPTED, State.REJECTED):
            if replace:
                return
            (known,) = self.fingerprint(minion_id, state)
            word = "accepted" if state is State.ACCEPTED else "rejected"
            raise KeyConflict(f"the host's key is {shown}, but {known} is {word} under the id {minion_id}")
        twin = self._look_alike(minion_id)
        if twin:
            raise KeyConflict(f"the id {minion_id} differs from {twin}, which has a key, only in case")

    def delete(self, minion_id: str, states: Iterable[State] = State) -> list[Change]:
        """Deletes the keys that a minion has in these states.

        Raises:
            KeyStoreError: there is none.
        """
        with self.locked():
            changes = [Change(minion_id, "delete", state) for state in states if self.remove(minion_id, state)]
        if not changes:
            raise KeyStoreError(f"minion {minion_id} has no key")
        return changes

    def _first(self, minion_id: str, origins: Iterable[State]) -> State:
        for state in origins:
            if self.has(minion_id, state):
                return state
        raise KeyStoreError(f"minion {minion_id} has no key in {' or '.join(origins)}")

    def _meant(self, minion_id: str, origin: State, wanted: str | None) -> str:
        texts = self.text(minion_id, origin)
        if wanted is None:
            if len(texts) != 1:
                raise KeyStoreError(f"{len(texts)} keys are denied for minion {minion_id}: name one by its fingerprint")
            return texts[0]
        for text in texts:
            if fingerprint_of(minion_id, text).lower() == wanted.lower():
                return text
        raise KeyChanged(f"the key of minion {minion_id} is not the one that was shown: look at it again")
