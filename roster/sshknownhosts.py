"""The hosts whose keys ~/.ssh/known_hosts holds; hashed names can't be read."""

from __future__ import annotations

import os
import re

from roster.errors import RosterError
from roster.source import Roster, Source, roster_of

_WITH_PORT = re.compile(r"\[([^\]]+)\]:([0-9]+)")


def read(source: Source) -> Roster:
    """All hosts of the file, by default `ssh_known_hosts_file` of the configuration or ~/.ssh/known_hosts.

    Raises:
        RosterError: the file can't be read.
    """
    path = source.path or os.path.expanduser(str(source.options.get("ssh_known_hosts_file") or "~/.ssh/known_hosts"))
    source.uses(path)
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise RosterError(f"{path} can't be read: {exc}") from None
    found = {name: fields for line in lines for name, fields in _hosts(line)}
    return roster_of([source.host(path, name, fields) for name, fields in found.items()])


def _hosts(line: str) -> list[tuple[str, dict[str, str]]]:
    words = line.split()
    if len(words) < 3 or words[0].startswith(("#", "@", "|")):
        return []
    first = next((name for name in words[0].split(",") if name[:1] not in "!*" and "*" not in name), "")
    with_port = _WITH_PORT.fullmatch(first)
    if with_port:
        return [(with_port[1], {"host": with_port[1], "port": with_port[2]})]
    return [(first, {"host": first})] if first else []
