"""The hosts that ~/.ssh/config names without wildcards; how they are reached is the SSH client's own reading of it."""

from __future__ import annotations

import os
import re

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of

_FIELDS = {"hostname": "host", "user": "user", "port": "port", "identityfile": "priv", "proxyjump": "jump"}
_PATTERN = re.compile(r"[*?!]")


def read(source: Source) -> Roster:
    """All hosts that a client configuration names.

    Raises:
        RosterError: the file can't be read.
    """
    path = source.path or os.path.expanduser(str(source.options.get("ssh_config_file") or "~/.ssh/config"))
    source.uses(path)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.readlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise RosterError(f"{path} can't be read: {exc}") from None
    return roster_of([source.host(path, name, fields) for name, fields in _hosts(lines).items()])


def _hosts(lines: list[str]) -> dict[str, dict[str, str]]:
    """Name -> the fields of its section; as in ssh the first value counts."""
    hosts: dict[str, dict[str, str]] = {}
    current: list[str] = []
    for line in lines:
        keyword, _, value = line.strip().replace("=", " ", 1).partition(" ")
        keyword, value = keyword.lower(), value.strip().strip('"')
        if keyword == "host":
            current = [name for name in value.split() if not _PATTERN.search(name)]
            for name in current:
                hosts.setdefault(name, {})
        elif keyword == "match":
            current = []
        elif keyword in _FIELDS and value.lower() != "none":
            for name in current:
                hosts[name].setdefault(_FIELDS[keyword], value)
    return hosts
