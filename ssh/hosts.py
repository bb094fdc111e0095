"""The hosts of a run: reads the roster that the options name, with what rosters need of the other packages."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from master.config import MasterSettings
from master.errors import ConfigError
from master.miniondata import MinionData
from minion.errors import MinionError
from roster.errors import RosterError
from roster.host import Host
from roster.registry import reader
from roster.source import Roster, Source
from transports import names

_TEMPLATE = re.compile(r"\A#!|\{[{%#]")


def load(
    settings: MasterSettings, data: MinionData, target: str, uses: Callable[[str], None] = lambda path: None
) -> Roster:
    """All hosts of the roster, with the configuration's values for the fields that the roster leaves open.

    Args:
        settings: the master's configuration.
        data: what is kept of minions, for the roster `cache`.
        target: what the user asked for, for the roster `scan`.
        uses: told of each file or folder before it is read.

    Raises:
        ConfigError: the roster can't be used; names file, host and field.
    """
    opts, render = settings.opts(), renderer(settings.opts())

    def rendered(path: str) -> Any:
        uses(path)
        return render(path)

    def grains() -> Mapping[str, Mapping[str, Any]]:
        uses(data.root)
        return {minion_id: data.grains(minion_id) or {} for minion_id in data.ids()}

    source = Source(
        path=os.path.expanduser(str(opts.get("roster_file") or "")),
        conf_dir=str(opts["conf_dir"]),
        target=target,
        options=opts,
        render=rendered,
        check_id=names.minion_id,
        grains=grains,
        uses=uses,
    )
    try:
        roster = reader(settings.roster or "flat")(source)
    except RosterError as exc:
        raise ConfigError(str(exc)) from None
    return dataclasses.replace(roster, hosts={name: completed(host, settings) for name, host in roster.hosts.items()})


def completed(host: Host, settings: MasterSettings) -> Host:
    """A host with the configuration's values for what its roster does not say."""
    values: dict[str, Any] = {
        "user": settings.ssh_user,
        "port": settings.ssh_port,
        "passwd": settings.ssh_passwd,
        "priv": os.path.expanduser(settings.ssh_priv),
        "priv_passwd": settings.ssh_priv_passwd,
        "identities_only": settings.ssh_identities_only,
        "sudo": settings.ssh_sudo,
        "sudo_user": settings.ssh_sudo_user,
    }
    missing = {field: value for field, value in values.items() if value and not getattr(host, field)}
    return dataclasses.replace(host, **missing) if missing else host


def is_absent(settings: MasterSettings) -> bool:
    """Whether nobody named a roster, and there is none where one is looked for by default."""
    usual = settings.roster in ("", "flat") and not settings.roster_file
    return usual and not os.path.exists(os.path.join(settings.conf_dir, "roster"))


def to_scan(settings: MasterSettings) -> bool:
    """Whether the roster finds its hosts by the target itself."""
    return settings.roster == "scan"


def renderer(opts: Mapping[str, Any]) -> Callable[[str], Any]:
    """Renders a roster file as SLS files are rendered; its templates may call nothing but what looks at this host.

    A file without a template in it is read as the YAML that it is: Jinja takes longer to load than many a run.
    """

    def render(path: str) -> Any:
        from minion.renderers import yaml

        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            if _TEMPLATE.search(text) or opts["renderer"] != "jinja|yaml":
                return _through_renderers(path, opts)
            return yaml.render(text)
        except (MinionError, OSError, UnicodeDecodeError) as exc:
            raise RosterError(f"the roster {path} can't be rendered: {exc}") from None

    return render


def _through_renderers(path: str, opts: Mapping[str, Any]) -> Any:
    from master.pillars import SAFE_MODULES
    from minion.loaders import build_loaders
    from minion.rendering import compile_template

    safe = {**opts, "id": "master", "file_client": "local", "grains": {}, "whitelist_modules": list(SAFE_MODULES)}
    loaders = build_loaders(safe, {}, {}, None)
    return compile_template(path, loaders.renderers, str(safe["renderer"]))
