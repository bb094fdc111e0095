"""Waiting for events of the master."""

from __future__ import annotations

import fnmatch
import time
from typing import Any, Dict, List

from minion.errors import CommandExecutionError
from minion.states._result import Result, failed


def wait(master: Any, ret: Result, wanted: List[Any], event_id: str, timeout: float) -> Result:
    """The result, once events have told of all that is wanted, or not in time.

    Args:
        master: answers `__next_event` and `__end_events`.
        ret: the result so far; its name is a glob of tags.
        wanted: values to wait for.
        event_id: the key that holds them.
        timeout: seconds.
    """
    started = time.monotonic()
    try:
        while wanted:
            left = timeout - (time.monotonic() - started)
            event = master.request("__next_event", wait=left) if left > 0 else None
            if event is None:
                return failed(ret, "Timeout value reached.")
            if not event:
                raise CommandExecutionError("Events can be waited for on the master only, in an orchestration")
            if fnmatch.fnmatch(event["tag"], ret["name"]):
                _note(ret, wanted, _values(event["data"], event_id))
    finally:
        master.request("__end_events")
    return {**ret, "comment": f"All events seen in {time.monotonic() - started} seconds."}


def _note(ret: Result, wanted: List[Any], values: List[Any]) -> None:
    for value in values:
        if value in wanted:
            wanted.remove(value)
            ret["changes"].setdefault("minions_seen", []).append(value)


def _values(data: Dict[str, Any], event_id: str) -> List[Any]:
    """What an event tells, by itself or in the data that somebody sent with it."""
    value = data.get(event_id)
    if value is None and isinstance(data.get("data"), dict):
        value = data["data"].get(event_id)
    return value if isinstance(value, list) else [value]
