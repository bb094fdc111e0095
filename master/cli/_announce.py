"""Tells the master which keys were moved; cleans up in its place if there is none."""

from __future__ import annotations

import os

from master.config import MasterSettings
from master.control_client import ControlClient
from master.errors import MasterDown
from master.keys import Change, State
from transports.names import is_minion_id

_PATIENCE = 2.0


def announce(settings: MasterSettings, changes: list[Change], preserve: bool) -> None:
    """Has the minions cut off whose accepted keys were deleted or rejected, and the events fired.

    Args:
        settings: of the master.
        changes: what was done.
        preserve: keep what is cached of the minions.
    """
    sent = [
        {**change.to_wire(), "preserve": preserve, "rotate": settings.rotate_aes_key}
        for change in changes
        if is_minion_id(change.id)
    ]
    out = [change.id for change in changes if change.state is State.ACCEPTED and is_minion_id(change.id)]
    try:
        pipe = ControlClient(settings.sock_dir).open("keys_changed", changes=sent)
    except MasterDown:
        _clean_up(settings, out, preserve)
        return
    try:
        pipe.receive(_PATIENCE)
    except TimeoutError:
        _clean_up(settings, out, preserve)
    finally:
        pipe.close()


def _clean_up(settings: MasterSettings, minions: list[str], preserve: bool) -> None:
    """What a running master would do: a later machine of the same name is to inherit nothing."""
    if not minions:
        return
    from master.miniondata import MinionData
    from master.sessions import Sessions, forget_publish_key

    auth = os.path.join(settings.cachedir, "auth")
    sessions, data = Sessions(auth), MinionData(os.path.join(settings.cachedir, "by_minion"))
    for minion_id in minions:
        sessions.destroy(minion_id)
        if not preserve:
            data.forget(minion_id)
    if settings.rotate_aes_key:
        forget_publish_key(auth)
