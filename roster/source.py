"""What a kind of roster is given, and what it gives back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from roster.host import Host, parse


@dataclasses.dataclass(frozen=True)
class Source:
    """What a roster is read from.

    Attributes:
        path: the roster's file or folder; "" for the kind's own default.
        conf_dir: folder of the configuration.
        target: what the user asked for: address ranges, for `scan`.
        options: the master's options (`roster_defaults`, `roster_domain`, `ssh_scan_ports`, ...).
        render: renders a file to data.
        check_id: a name that can be a minion's, or ValueError.
        grains: grains of the minions that are known, by id.
        uses: told of each file or folder that the roster is read from, before that is done.
    """

    path: str
    conf_dir: str
    target: str
    options: Mapping[str, Any]
    render: Callable[[str], Any]
    check_id: Callable[[object], str]
    grains: Callable[[], Mapping[str, Mapping[str, Any]]]
    uses: Callable[[str], None] = lambda path: None

    def host(self, where: str, name: object, fields: object) -> Host:
        """A host with the fields that a roster sets, and `roster_defaults` for others.

        Raises:
            RosterError: something is wrong; names file, host and field.
        """
        defaults = self.options.get("roster_defaults") or {}
        if isinstance(fields, str):
            fields = {"host": fields}
        if isinstance(defaults, Mapping) and (fields is None or isinstance(fields, Mapping)):
            fields = {**defaults, **(fields or {})}
        return parse(where, name, fields, self.check_id)


@dataclasses.dataclass(frozen=True)
class Roster:
    """Hosts, and groups of them.

    Attributes:
        hosts: id -> host.
        groups: name -> ids.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def roster_of(hosts: list[Host], groups: Mapping[str, tuple[str, ...]] | None = None) -> Roster:
    """A roster of these hosts; of two with one id the later counts."""
    return Roster({host.id: host for host in hosts}, groups or {})
