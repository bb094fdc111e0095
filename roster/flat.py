"""The flat roster: one file of hosts with their fields, YAML rendered by Jinja unless its first line says otherwise."""

from __future__ import annotations

import os

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of


def read(source: Source) -> Roster:
    """All hosts of the file, by default `roster` beside the configuration.

    Raises:
        RosterError: there is no such file, or something in it is wrong.
    """
    path = source.path or os.path.join(source.conf_dir, "roster")
    source.uses(path)
    if not os.path.isfile(path):
        raise RosterError(f"there is no roster {path}: make it, or name another with --roster-file or --roster")
    data = source.render(path)
    if not data:
        return Roster({})
    if not isinstance(data, dict):
        raise RosterError(f"{path} must be a map of hosts, not {type(data).__name__}")
    return roster_of([source.host(path, name, fields) for name, fields in data.items()])
