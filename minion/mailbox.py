"""Events for the minion's daemon from programs beside it: salt-call leaves them in a folder and wakes the daemon."""

from __future__ import annotations

import os
import signal
from typing import Any, Dict, List, Mapping, Tuple

from minion import running, spool
from transports import codec
from transports.errors import CodecError

WAKE = signal.SIGUSR1
_DAEMON = "daemon"


def _folder(cachedir: str) -> str:
    return os.path.join(cachedir, "mail")


def open_box(cachedir: str) -> None:
    """Says that the calling process takes the events, until its end."""
    running.enter(_folder(cachedir), {"jid": _DAEMON})


def post(cachedir: str, tag: str, data: Mapping[str, Any]) -> bool:
    """Leaves an event; whether there is a daemon that will take it."""
    path = os.path.join(_folder(cachedir), _DAEMON)
    record = running.read(path)
    if record is None or not running.alive(path):
        return False
    spool.put(_folder(cachedir), {"jid": "event", "tag": tag, "data": dict(data)})
    os.kill(record["pid"], WAKE)
    return True


def take(cachedir: str) -> List[Tuple[str, Dict[str, Any]]]:
    """The events that were left, oldest first; they are gone afterwards."""
    folder = _folder(cachedir)
    found = []
    for name in sorted(os.listdir(folder)):
        if name.startswith(".") or name == _DAEMON:
            continue
        path = os.path.join(folder, name)
        try:
            with open(path, "rb") as file:
                event = codec.unpack(file.read())
            found.append((str(event["tag"]), dict(event["data"])))
        except (OSError, CodecError, KeyError, TypeError, ValueError):
            pass  # not one of ours
        os.unlink(path)
    return found
