"""Events while states run. The name is Salt's."""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from typing import Any

from master.runners import _parts

__opts__: dict[str, Any]


def event(
    tagmatch: str = "*",
    count: int = -1,
    quiet: bool = False,
    sock_dir: str | None = None,
    pretty: bool = False,
    node: str = "master",
) -> None:
    """Prints events as they happen: the tag, a tab, the data as JSON.

    Args:
        tagmatch: a glob or regular expression of tags.
        count: end after so many; -1: never.
        quiet: wait without printing.
        sock_dir: of another master on this host.
        pretty: print the data over several lines, sorted.
        node: accepted for Salt's sake.

    CLI Example:

    .. code-block:: bash

        salt-run state.event pretty=True
        salt-run state.event 'salt/job/*/ret/*' count=3
    """
    events = _parts.client({**__opts__, "sock_dir": sock_dir or __opts__["sock_dir"]}).event
    left = int(count)
    try:
        for happened in events.iter_events(full=True) if left else ():
            if not _matches(happened["tag"], tagmatch):
                continue
            if not quiet:
                shown = json.dumps(happened["data"], sort_keys=bool(pretty), indent=4 if pretty else None, default=str)
                sys.stdout.write(f"{happened['tag']}\t{shown}\n")
                sys.stdout.flush()
            left -= 1
            if left == 0:
                return
    finally:
        events.destroy()


def _matches(tag: str, pattern: str) -> bool:
    if tag == pattern or fnmatch.fnmatchcase(tag, pattern):
        return True
    try:
        return re.fullmatch(pattern, tag) is not None
    except re.error:
        return False
