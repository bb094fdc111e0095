"""Tells the master on this host, if one runs, what happens over SSH: its event bus is the place where all is heard."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping
from typing import Any

from master.control_client import ControlClient
from master.errors import MasterError
from transports.errors import TransportError

log = logging.getLogger(__name__)

_PATIENCE = 5.0


class MasterBus:
    """Passes events on in a thread of its own; without a master they go nowhere.

    Args:
        sock_dir: where the master's control socket is.
    """

    def __init__(self, sock_dir: str) -> None:
        self._control = ControlClient(sock_dir)
        self._events: queue.SimpleQueue[tuple[str, Mapping[str, Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        if self._answers():
            self._thread = threading.Thread(target=self._pass_on, name="bus", daemon=True)
            self._thread.start()

    def fire(self, tag: str, data: Mapping[str, Any]) -> None:
        """An event."""
        if self._thread is not None:
            self._events.put((tag, data))

    def acknowledged(self, jid: str, minion_id: str, matched: bool = True) -> None:
        """Over SSH a connection that stands is acknowledgement enough."""

    def close(self) -> None:
        """Passes on what is left."""
        if self._thread is not None:
            self._events.put(None)
            self._thread.join(_PATIENCE)

    def _answers(self) -> bool:
        try:
            return "pong" in self._control.ask("ping")
        except (MasterError, TransportError):
            return False

    def _pass_on(self) -> None:
        while (event := self._events.get()) is not None:
            try:
                self._control.ask("fire", tag=event[0], data=dict(event[1]))
            except (MasterError, TransportError) as exc:
                log.info("The event %s was not passed on to the master: %s", event[0], exc)
