"""Makes job ids: 20 digits of the UTC time in microseconds, unique among all processes of a master."""

from __future__ import annotations

import datetime
import os
import time
from collections.abc import Callable

from master.locks import locked

_DIGITS = "%Y%m%d%H%M%S%f"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
# Minions refuse jobs from the future. So ids stop following one that a wrong clock dated further ahead than this.
_LONGEST_LEAD = 60_000_000


def new_jid(path: str, clock: Callable[[], float] = time.time) -> str:
    """A job id that none of the processes that share a file made before; later ids are greater.

    Args:
        path: the file that remembers the last id; made if it is missing.
        clock: seconds of the epoch.

    Raises:
        OSError: the file can't be read or written.
    """
    now = int(clock() * 1_000_000)
    with locked(path) as handle:
        noted = os.pread(handle, 32, 0).strip()
        last = int(noted) if noted.isdigit() else 0
        made = last + 1 if now <= last < now + _LONGEST_LEAD else now
        os.pwrite(handle, b"%d\n" % made, 0)
    return digits(_EPOCH + datetime.timedelta(microseconds=made))


def digits(moment: datetime.datetime) -> str:
    """How job ids begin that are made at a moment; one without a time zone is local time."""
    return moment.astimezone(datetime.UTC).strftime(_DIGITS)
