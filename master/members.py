"""Who belongs to a master beside the minions whose keys are accepted: the hosts of its roster.

The process of the SSH road reads the roster and writes down here which hosts and groups there are, and nothing else of
them. The other processes look for targets in it. They also see here whether the roster has changed since.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from master import safety
from master.errors import UnsafePath

log = logging.getLogger(__name__)

_MOST_BYTES = 64 * 1024 * 1024


@dataclasses.dataclass(frozen=True)
class Listing:
    """What is known of a roster.

    Attributes:
        hosts: the ids of its hosts.
        groups: name -> ids.
        sources: file or folder that it was read from -> signature.
    """

    hosts: frozenset[str] = frozenset()
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    sources: Mapping[str, safety.Signature | None] = dataclasses.field(default_factory=dict)


class RosterIndex:
    """The listing of the roster, as a file.

    Args:
        path: of the file; "" for a master that serves no roster.
    """

    def __init__(self, path: str = "") -> None:
        self._path = path
        self._known: tuple[safety.Signature, Listing] | None = None

    def __repr__(self) -> str:
        return f"<RosterIndex {self._path or 'of no roster'}>"

    @classmethod
    def of(cls, opts: Mapping[str, Any]) -> RosterIndex:
        """The one of a master with these options."""
        on = opts.get("ssh_minions") or opts.get("enable_ssh_minions")
        return cls(os.path.join(str(opts["cachedir"]), "ssh", "roster.json") if on else "")

    @property
    def served(self) -> bool:
        """Whether this master serves a roster."""
        return bool(self._path)

    @property
    def hosts(self) -> frozenset[str]:
        """The ids of the roster's hosts."""
        return self._listing().hosts

    def nodegroups(self, configured: Mapping[str, Any]) -> Mapping[str, Any]:
        """The master's nodegroups and, where they have no such name, the roster's groups."""
        groups = self._listing().groups
        return {**{name: "L@" + ",".join(ids) for name, ids in groups.items() if ids}, **configured}

    def outdated(self) -> bool:
        """Whether what the roster was read from has changed."""
        return any(signature_of(path) != known for path, known in self._listing().sources.items())

    def write(self, listing: Listing) -> None:
        """Replaces the listing."""
        data = {
            "hosts": sorted(listing.hosts), "groups": dict(listing.groups), "sources": dict(listing.sources)
        }  # fmt: skip
        safety.private_folder(os.path.dirname(self._path))
        safety.write(self._path, json.dumps(data).encode(), durable=False)

    def _listing(self) -> Listing:
        now = safety.signature(self._path) if self._path else None
        if now is None:
            return Listing()
        if self._known is None or self._known[0] != now:
            try:
                content, now = safety.read_with_signature(self._path, _MOST_BYTES)
                self._known = now, _parsed(json.loads(content))
            except (OSError, UnsafePath, ValueError) as exc:
                log.error("the roster's hosts are not known: %s: %s", self._path, exc)
                self._known = now, Listing()
        return self._known[1]


def signature_of(path: str) -> safety.Signature | None:
    """Changes whenever what a path leads to does; None if there is nothing."""
    return safety.signature(os.path.realpath(path))


def _parsed(data: Any) -> Listing:
    return Listing(
        frozenset(data["hosts"]),
        {name: tuple(ids) for name, ids in data["groups"].items()},
        {path: None if known is None else tuple(known) for path, known in data["sources"].items()},
    )
