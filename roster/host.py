"""One host of a roster: its fields are declared here, each with its default, its check and what it is for."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Any

from roster import checks
from roster.errors import RosterError


def _field(default: Any, check: checks.Check, doc: str, secret: bool = False) -> Any:
    metadata = {"check": check, "doc": doc, "secret": secret}
    if isinstance(default, dict):
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, repr=not secret, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class Host:
    """A host that is reached by SSH. `id` is its name among minions."""

    id: str
    host: str = _field("", checks.host, "Name or address; default: the id")
    port: int = _field(0, checks.port, "Port of sshd; default: what ~/.ssh/config says, or 22")
    user: str = _field("", checks.user, "User to log in as; default: what ~/.ssh/config says, or your own name")
    passwd: str = _field("", checks.secret, "Password of that user; answers sudo, too", secret=True)
    sudo: bool = _field(False, checks.flag, "Become root by sudo after logging in")
    sudo_user: str = _field("", checks.user, "Become this user by sudo; implies `sudo`")
    priv: str = _field("", checks.key_file, "Private key file; default: the SSH agent and the usual files")
    priv_passwd: str = _field("", checks.secret, "Passphrase of the private key", secret=True)
    identities_only: bool = _field(False, checks.flag, "Offer the named key alone, not those of the agent")
    timeout: float = _field(0.0, checks.seconds, "Seconds until a connection must stand; default: `ssh_timeout`")
    tty: bool = _field(False, checks.flag, "Log in with a terminal, for a sudo with `requiretty`; found out if not set")
    minion_opts: dict[str, Any] = _field({}, checks.mapping, "Options of the minion on that host: grains, ...")
    thin_dir: str = _field("", checks.remote_path, "Folder on the host for modules and caches; default: ~/.saltern")
    set_path: str = _field("", checks.search_path, "Search path on the host, as `$PATH:/opt/bin`")
    cmd_umask: int = _field(-1, checks.umask, "File mode creation mask on the host, octal; default: the host's")
    ssh_options: tuple[tuple[str, str], ...] = _field(
        (), checks.ssh_options, "Options of the SSH client, a list of `Keyword=value` (see below)"
    )
    ssh_pre_flight: str = _field("", checks.key_file, "Script on this host that is run on the host before, as root")
    ssh_pre_flight_args: tuple[str, ...] = _field((), checks.words, "Its arguments")
    python: str = _field("", checks.remote_path, "Python interpreter on the host; default: the newest one found")
    jump: str = _field("", checks.jump, "Hosts to go through, `[user@]host[:port]`, separated by commas")

    @property
    def address(self) -> str:
        """Where to connect to."""
        return self.host or self.id


DECLARED: Mapping[str, dataclasses.Field[Any]] = {
    field.name: field for field in dataclasses.fields(Host) if field.name != "id"
}


def parse(where: str, name: object, fields: object, check_id: Callable[[object], str]) -> Host:
    """A host as a roster describes it.

    Args:
        where: the roster file, for messages.
        name: what the roster calls the host; its id, unless the fields set another.
        fields: field -> value.
        check_id: raises ValueError if a name can't be a minion's.

    Raises:
        RosterError: something is wrong; names file, host and field.
    """
    if fields is None:
        fields = {}
    if isinstance(fields, str):
        fields = {"host": fields}
    if not isinstance(fields, Mapping):
        raise RosterError(f"{where}: host {name!r} must be a map of fields, not {type(fields).__name__}")
    try:
        minion_id = check_id(fields.get("id", name))
    except ValueError as exc:
        raise RosterError(f"{where}: host {name!r}: {exc}") from None
    values = {key: _checked(where, name, str(key), value) for key, value in fields.items() if key != "id"}
    values = {key: value for key, value in values.items() if value is not None}
    if "host" not in values:
        values["host"] = _checked(where, name, "host", str(name))
    return Host(id=minion_id, **values)


def _checked(where: str, name: object, field: str, value: Any) -> Any:
    declared = DECLARED.get(field)
    if declared is None:
        near = difflib.get_close_matches(field, DECLARED, 1, 0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise RosterError(f"{where}: host {name!r}: there is no field {field!r}{hint}")
    if value is None or value == "":
        return None
    try:
        return declared.metadata["check"](value)
    except ValueError as exc:
        shown = "" if declared.metadata["secret"] else f", not {value!r}"
        raise RosterError(f"{where}: host {name!r}: field {field!r} must be {exc}{shown}") from None


def reference() -> list[tuple[str, str, str]]:
    """(field, default, what it is for) of every field, for the documentation."""
    rows = []
    for name, field in DECLARED.items():
        default = (
            "" if field.default is dataclasses.MISSING or not field.default or name == "cmd_umask" else field.default
        )
        rows.append((name, str(default), field.metadata["doc"]))
    return rows
