"""A target that is no host of the roster but says itself where to go: `[user@]host[:port]`."""

from __future__ import annotations

import dataclasses
import datetime
import getpass
import logging
import os
import re
import socket
from collections.abc import Mapping
from typing import Any

from master import safety
from master.config import MasterSettings
from master.errors import ConfigError, UnsafePath
from roster.errors import RosterError
from roster.host import Host, parse
from ssh.hosts import completed
from transports import names

log = logging.getLogger(__name__)

_SPEC = re.compile(
    r"(?:(?P<user>[^@\s]+)@)?(?:\[(?P<six>[0-9A-Fa-f:.%]+)\]|(?P<host>[^\s@:*?\[\]]+))(?::(?P<port>\d+))?"
)
_WHERE = "the command line"


@dataclasses.dataclass(frozen=True)
class Spec:
    """What a target says: a host, and how to get in where that is said."""

    host: str
    user: str = ""
    port: str = ""


def read(target: str) -> Spec | None:
    """What a target says of a host; None if it is written in another way."""
    found = _SPEC.fullmatch(target)
    return Spec(found["six"] or found["host"], found["user"] or "", found["port"] or "") if found else None


def choose(spec: Spec, hosts: Mapping[str, Host], settings: MasterSettings) -> Host | None:
    """The host that is meant: one of the roster, by its id or its address, or one that only the command line names.

    Args:
        spec: what the target says; its user and port count more than those of the roster.
        hosts: of the roster.
        settings: the configuration.

    Raises:
        ConfigError: the target is no proper user, host or port.
    """
    given = {name: value for name, value in (("user", spec.user), ("port", spec.port)) if value}
    known = hosts.get(spec.host) or next((host for host in hosts.values() if host.address == spec.host), None)
    if known is None and not _resolves(spec.host):
        return None
    try:
        said = parse(_WHERE, spec.host, {**settings.roster_defaults, "host": spec.host, **given}, names.minion_id)
    except RosterError as exc:
        raise ConfigError(str(exc)) from None
    if known is None:
        return completed(said, settings)
    return dataclasses.replace(known, **{name: getattr(said, name) for name in given})


def remember(host: Host, settings: MasterSettings) -> None:
    """Adds a host to the roster file (`--update-roster`)."""
    import yaml

    path = os.path.expanduser(settings.roster_file) or os.path.join(settings.conf_dir, "roster")
    fields: dict[str, Any] = {name: getattr(host, name) for name in ("host", "port", "user", "passwd")}
    entry = yaml.safe_dump({host.id: {name: value for name, value in fields.items() if value}}, sort_keys=False)
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    try:
        before = safety.read(path).decode() if os.path.exists(path) else ""
        mode = os.stat(path).st_mode & 0o777 if before else 0o600
        break_ = "" if before.endswith("\n") or not before else "\n"
        text = f"{before}{break_}# Added by {getpass.getuser()} at {when}\n{entry}"
        safety.write(path, text.encode(), mode & ~0o077 if host.passwd else mode)
    except (OSError, UnsafePath, UnicodeDecodeError) as exc:
        log.error("The host %s was not added to the roster %s: %s", host.id, path, exc)


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except (OSError, UnicodeError):
        return False
    return True
