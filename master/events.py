"""The event bus as scripts on the master see it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from master.control_client import ControlClient, refusal
from master.errors import MasterDown
from transports.errors import Broken
from transports.frames import Pipe


class EventClient:
    """Listens to the master's events and fires own ones.

    It hears what is fired after its first question, or after `subscribe`.

    Args:
        control: the master.
    """

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self._pipe: Pipe | None = None

    def subscribe(self) -> None:
        """Begins to listen.

        Raises:
            MasterDown: no master answers.
            Refused: this user may not listen.
        """
        if self._pipe is not None:
            return
        pipe = self._control.open("events", tags=[])
        try:
            answer = pipe.receive()
            if "error" in answer:
                raise refusal(answer["error"])
        except BaseException:
            pipe.close()
            raise
        self._pipe = pipe

    def get_event(self, wait: float | None = 5, tag: str = "", full: bool = False) -> dict[str, Any] | None:
        """The next event; None if there is none in time.

        Args:
            wait: seconds to wait for it, None for ever.
            tag: how its tag begins; others are passed over.
            full: return `{"tag": ..., "data": ...}` instead of the data alone.

        Raises:
            MasterDown: there is no master, or it went away.
        """
        self.subscribe()
        assert self._pipe is not None
        deadline = None if wait is None else time.monotonic() + wait
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            try:
                message = self._pipe.receive(left)
            except TimeoutError:
                return None
            except Broken:
                self.destroy()
                raise MasterDown("The master ended the stream of events; is it running?") from None
            if str(message.get("tag", "")).startswith(tag) and "data" in message:
                return dict(message) if full else dict(message["data"])

    def iter_events(self, tag: str = "", full: bool = False) -> Iterator[dict[str, Any]]:
        """All events from now on whose tag begins so."""
        while True:
            event = self.get_event(None, tag, full)
            assert event is not None
            yield event

    def fire_event(self, data: Mapping[str, Any], tag: str) -> bool:
        """Puts an event on the bus."""
        return bool(self._control.ask("fire", tag=tag, data=dict(data))["ok"])

    def destroy(self) -> None:
        """Stops listening; twice is fine."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = None
