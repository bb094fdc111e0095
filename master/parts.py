"""Puts a master together: which parts there are, and who gets which."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from master import git_updates, signin
from master.bus import Outbox
from master.config import MasterSettings
from master.errors import KeyStoreError
from master.jobstore import JobStore, SQLiteJobStore
from master.keypair import load_master_key
from master.keys import KeyStore, Limits, State
from master.members import RosterIndex
from master.miniondata import MinionData
from master.requests import Services
from master.services import services_of
from master.sessions import PublishKey, Sessions
from master.targets import Resolved, resolve, resolve_guarded
from master.worker import KnownJobs, SignIn
from transports.crypto import PrivateKey

log = logging.getLogger(__name__)


class KeyDirectory:
    """Targets and keys, as the control socket asks for them."""

    def __init__(
        self, keys: KeyStore, data: MinionData, sessions: Sessions, nodegroups: Mapping[str, Any], roster: RosterIndex
    ) -> None:
        self._keys, self._data, self._sessions, self._nodegroups = keys, data, sessions, nodegroups
        self._roster = roster

    def resolve(self, tgt: str | list[str], tgt_type: str, delimiter: str) -> Resolved:
        """Whom a target means among the minions of this master."""
        groups = self._roster.nodegroups(self._nodegroups)
        return resolve(tgt, tgt_type, delimiter, self.members(), self._data, groups)

    def resolve_guarded(self, tgt: str | list[str], tgt_type: str, delimiter: str) -> Resolved:
        """The same, for those who are not trusted with regular expressions."""
        groups = self._roster.nodegroups(self._nodegroups)
        return resolve_guarded(tgt, tgt_type, delimiter, self.members(), self._data, groups)

    def members(self) -> frozenset[str]:
        """The ids of all accepted minions, and of the hosts of the roster."""
        return self._keys.names(State.ACCEPTED) | self._roster.hosts

    def describe(self, minion_id: str) -> str:
        """Why a minion is not accepted, in one line."""
        for state, text in (
            (State.PENDING, "Its key is not accepted: pending"),
            (State.REJECTED, "Its key is rejected"),
            (State.DENIED, "Its key is denied"),
        ):
            if self._keys.has(minion_id, state):
                return f"Minion did not return. [Not accepted] {text}, {self._shown(minion_id, state)}"
        return "Minion did not return. [Not connected] No minion of this name is known"

    def _shown(self, minion_id: str, state: State) -> str:
        try:
            return f"fingerprint {self._keys.fingerprint(minion_id, state)[0]}"
        except KeyStoreError as exc:
            return str(exc)

    def forget(self, minion_id: str, preserve: bool = False) -> None:
        """Destroys what was shared with a minion and, unless it is to be preserved, what is kept of it."""
        self._sessions.destroy(minion_id)
        if not preserve:
            self._data.forget(minion_id)


@dataclass(frozen=True)
class Parts:
    """What the processes of a master share; made before they are forked, and nothing in it is open yet."""

    settings: MasterSettings
    master_id: str
    master_key: PrivateKey
    keys: KeyStore
    sessions: Sessions
    publish_key: PublishKey
    store: JobStore
    data: MinionData
    directory: KeyDirectory
    roster: RosterIndex

    def member_ids(self) -> list[str]:
        """The ids of all accepted minions, and of the hosts of the roster."""
        return sorted(self.directory.members())

    def sign_in(self, outbox: Outbox) -> SignIn:
        """What answers `_auth` in a worker."""
        return signin.build(self, outbox)

    def services(self, outbox: Outbox, jobs: KnownJobs) -> Services:
        """What the handlers of a worker work with."""
        revoke = self._revoker(outbox) if self.settings.allow_minion_key_revoke else None
        return services_of(self.settings, self.data, self.member_ids, self.store, outbox, jobs, revoke)

    def _revoker(self, outbox: Outbox) -> Any:
        def revoke(minion_id: str) -> bool:
            self.keys.delete(minion_id, [State.ACCEPTED])
            outbox.cut(minion_id)
            self.directory.forget(minion_id)
            outbox.fire("salt/key", {"id": minion_id, "act": "delete", "result": True})
            return True

        return revoke


def build(settings: MasterSettings) -> Parts:
    """Makes the parts, and the master's keys if there are none yet.

    Raises:
        UnsafePath, KeyStoreError: a folder or key can't be used.
        ConfigError: a repository is not described as it should be.
    """
    if settings.undeclared.get("open_mode"):
        log.warning("open_mode is not supported, it lets anybody take a minion's place: see auto_accept, autosign_file")
    git_updates.check(settings.opts())
    keys = KeyStore(
        settings.pki_dir,
        Limits(settings.max_minions, settings.max_pending, settings.max_pending_per_source),
        settings.permissive_pki_access,
    )
    keys.prepare()
    data = MinionData(os.path.join(settings.cachedir, "by_minion"))
    auth = os.path.join(settings.cachedir, "auth")
    sessions = Sessions(auth, settings.publish_session)
    master_key = load_master_key(settings)
    roster = RosterIndex.of(settings.opts())
    return Parts(
        settings=settings,
        master_id=settings.id or f"{socket.gethostname()}_master",
        master_key=master_key,
        keys=keys,
        sessions=sessions,
        publish_key=PublishKey(auth, master_key),
        store=SQLiteJobStore(os.path.join(settings.cachedir, "jobs", "jobs.db")),
        data=data,
        directory=KeyDirectory(keys, data, sessions, settings.nodegroups, roster),
        roster=roster,
    )
