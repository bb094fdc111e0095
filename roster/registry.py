"""Finds the kinds of rosters: ours, and what other packages offer as entry points of the group `saltern.rosters`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from roster.errors import RosterError
from roster.source import Roster, Source

GROUP = "saltern.rosters"
KINDS = ("ansible", "cache", "dir", "flat", "scan", "sshconfig", "sshknownhosts")

Reader = Callable[[Source], Roster]


def reader(kind: str) -> Reader:
    """The function that reads rosters of one kind.

    Raises:
        RosterError: there is no such kind.
    """
    if kind in KINDS:
        found: Reader = importlib.import_module(f"roster.{kind}").read
        return found
    from importlib import metadata

    further = metadata.entry_points(group=GROUP)
    if kind in further.names:
        loaded: Reader = further[kind].load()
        return loaded
    known = ", ".join(sorted({*KINDS, *further.names}))
    raise RosterError(f"there is no kind of roster {kind!r} (there are: {known})")
