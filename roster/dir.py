"""The roster as a folder: each file is a host, its name the id, its content the fields."""

from __future__ import annotations

import os

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of


def read(source: Source) -> Roster:
    """All hosts of the folder, by default `roster_dir`, or `roster.d` beside the configuration.

    Raises:
        RosterError: there is no such folder, or a file is wrong.
    """
    folder = source.path or str(source.options.get("roster_dir") or os.path.join(source.conf_dir, "roster.d"))
    source.uses(folder)
    try:
        names = sorted(name for name in os.listdir(folder) if not name.startswith(".") and not name.endswith("~"))
    except OSError as exc:
        raise RosterError(f"the roster folder {folder} can't be read: {exc.strerror}") from None
    domain = str(source.options.get("roster_domain") or "")
    hosts = []
    for name in names:
        path = os.path.join(folder, name)
        fields = source.render(path) or {}
        if domain and isinstance(fields, dict):
            fields = {"host": f"{name}.{domain}", **fields}
        hosts.append(source.host(path, name, fields))
    return roster_of(hosts)
