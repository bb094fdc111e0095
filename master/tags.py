"""Which events a minion may fire, and the tags of the master's own.

The check runs on the final tag, after any prefix was put before it, for every form in which events arrive.
"""

from __future__ import annotations

from transports import names
from transports.errors import NameRefused

_OURS = ("_salt", "minion_start", "minion_ping", "20")
_OUR_ROOTS = ("salt", "syndic", "minion", "key")
_ALLOWED_EXACTLY = ("minion_start", "minion_ping", "_salt_error")


def job_new(jid: str) -> str:
    """A job was made."""
    return f"salt/job/{jid}/new"


def job_publish(jid: str) -> str:
    """A job is about to be sent."""
    return f"salt/job/{jid}/publish"


def job_return(jid: str, minion_id: str) -> str:
    """A minion answered."""
    return f"salt/job/{jid}/ret/{minion_id}"


def allowed(tag: object, minion_id: str) -> bool:
    """Whether the minion may fire an event under this tag.

    `salt/job/JID/prog/ID/N` and `/start/ID` are allowed for the own id; whether the job exists and the minion was
    targeted is for the caller to check with `progress_of`.
    """
    try:
        names.tag(tag)
    except NameRefused:
        return False
    assert isinstance(tag, str)
    if tag in _ALLOWED_EXACTLY:
        return True
    parts = tag.split("/")
    if parts[0] == "salt":
        return _own(parts, minion_id)
    return not tag.startswith(_OURS) and parts[0] not in _OUR_ROOTS


def _own(parts: list[str], minion_id: str) -> bool:
    if len(parts) >= 3 and parts[1] in ("minion", "beacon", "engines") and parts[2] == minion_id:
        return True
    if len(parts) == 4 and parts[1] == "state_result":
        return parts[2] == minion_id
    return progress_of(parts) == minion_id


def progress_of(parts: list[str]) -> str:
    """The minion id in `salt/job/JID/(prog|start|sub)/ID[/...]`, else ""."""
    if len(parts) >= 5 and parts[1] == "job" and parts[3] in ("prog", "start", "sub"):
        try:
            names.jid(parts[2])
        except NameRefused:
            return ""
        return parts[4]
    return ""
