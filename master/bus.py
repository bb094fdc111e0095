"""How the processes of a master tell the event publisher what happened.

Everything that one process has to tell is collected and sent as one message: a packed list of notes. Each note is a
list that begins with its kind; data travels packed, so that the event publisher passes it on without looking inside.

| note | then |
|---|---|
| `event` | tag, packed data |
| `return` | jid, minion id, whether it is a success, packed return (empty if it is too large for the bus) |
| `ack` | jid, minion id |
| `presence` | minion id, up |
| `stock` | how many stock minions listen |
| `cut` | minion id that revoked itself |
| `verdict` | jid, id of a host of the roster, state, text: it did not do the job |
| `warm` | id of a host of the roster, whether there is a connection to it |
| `roster` | the roster was read |
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

import msgpack

from transports import codec
from transports.errors import CodecError
from transports.messages import Return

EVENT, RETURN, ACK, PRESENCE, STOCK, CUT = "event", "return", "ack", "presence", "stock", "cut"
VERDICT, WARM, ROSTER = "verdict", "warm", "roster"


class Sender(Protocol):
    """A PUSH socket."""

    def send(self, data: bytes) -> Any: ...


def stamp() -> str:
    """The time of an event: UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None).isoformat()


class Outbox:
    """Collects notes and sends them together. Notes may be added by any thread, `flush` belongs to one.

    Args:
        sender: a PUSH socket to the event publisher.
        max_event: bytes of one event's data at the most; larger data is left out.
    """

    def __init__(self, sender: Sender, max_event: int = 1048576) -> None:
        self._sender, self._max_event = sender, max_event
        self._notes: deque[tuple[Any, ...]] = deque()

    def __repr__(self) -> str:
        return f"<Outbox: {len(self._notes)} notes>"

    def fire(self, tag: str, data: Mapping[str, Any]) -> None:
        """An event."""
        try:
            packed = codec.pack({**data, "_stamp": stamp()}, self._max_event)
        except CodecError as exc:
            packed = codec.pack({"error": f"the data of this event was left out: {exc}", "_stamp": stamp()})
        self._notes.append((EVENT, tag, packed))

    def returned(self, returned: Return) -> None:
        """A return that is stored."""
        packed = codec.pack({**returned.to_wire(), "cmd": "_return", "_stamp": stamp()})
        small = packed if len(packed) <= self._max_event else b""
        self._notes.append((RETURN, returned.jid, returned.id, returned.ok, small))

    def acknowledged(self, jid: str, minion_id: str, matched: bool = True) -> None:
        """A minion has a job, or says that it is not for it."""
        self._notes.append((ACK, jid, minion_id, matched))

    def presence(self, minion_id: str, up: bool) -> None:
        """A minion of ours came or went."""
        self._notes.append((PRESENCE, minion_id, up))

    def stock_listeners(self, count: int) -> None:
        """How many stock minions listen."""
        self._notes.append((STOCK, count))

    def cut(self, minion_id: str) -> None:
        """A minion revoked its own key."""
        self._notes.append((CUT, minion_id))

    def verdict(self, jid: str, minion_id: str, state: str, text: str) -> None:
        """What became of a host of the roster that did not do a job."""
        self._notes.append((VERDICT, jid, minion_id, state, text))

    def warm(self, minion_id: str, up: bool) -> None:
        """A connection to a host of the roster stands, or ended."""
        self._notes.append((WARM, minion_id, up))

    def roster(self) -> None:
        """The roster was read."""
        self._notes.append((ROSTER,))

    def flush(self) -> None:
        """Sends what was collected."""
        notes = []
        while self._notes:
            notes.append(self._notes.popleft())
        if notes:
            self._sender.send(msgpack.packb(notes))


def notes_of(message: bytes) -> list[list[Any]]:
    """The notes of one message; packed data in them is bytes."""
    notes: list[list[Any]] = msgpack.unpackb(message, raw=False)
    return notes
