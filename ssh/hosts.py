"""The hosts of a run: reads the roster that the options name, with what rosters need of the other packages."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from master.config import MasterSettings
from master.errors import ConfigError
from master.miniondata import MinionData
from minion.errors import MinionError
from roster.errors import RosterError
from roster.registry import reader
from roster.source import Roster, Source
from transports import names

_TEMPLATE = re.compile(r"\A#!|\{[{%#]")


def load(opts: Mapping[str, Any], data: MinionData, target: str) -> Roster:
    """All hosts of the roster.

    Args:
        opts: the master's options.
        data: what is kept of minions, for the roster `cache`.
        target: what the user asked for, for the roster `scan`.

    Raises:
        ConfigError: the roster can't be used; names file, host and field.
    """
    source = Source(
        path=os.path.expanduser(str(opts.get("roster_file") or "")),
        conf_dir=str(opts["conf_dir"]),
        target=target,
        options=opts,
        render=renderer(opts),
        check_id=names.minion_id,
        grains=lambda: {minion_id: data.grains(minion_id) or {} for minion_id in data.ids()},
    )
    try:
        return reader(str(opts.get("roster") or "flat"))(source)
    except RosterError as exc:
        raise ConfigError(str(exc)) from None


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
