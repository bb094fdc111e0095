"""What a deployment is to do."""

from __future__ import annotations

import enum
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minion import settings
from minion.errors import ConfigError
from roster.host import Host

PREFIX = "/opt/saltern"
CONFIG_DIR = "/etc/salt"
PATIENCE = 60.0
PROBE_SECONDS = 120.0


class Action(enum.StrEnum):
    """What is done with the hosts."""

    DEPLOY = "deploy"
    UPGRADE = "upgrade"
    REMOVE = "remove"


@dataclass(frozen=True)
class Plan:
    """What is to be done, the same for all hosts.

    Attributes:
        action: see `Action`.
        options: the minion's options, which those of the roster come before.
        prefix: folder of releases on the hosts.
        config_dir: folder of the minion's configuration there.
        service: whether the minion becomes a service.
        pending: leave the keys to salt-key.
        replace_key: accept a host's key instead of another that has its id.
        take_over: in place of a stock Salt minion.
        dry_run: only say what would be done.
        master_finger: fingerprint of a master that is not on this host; "" if it is.
        patience: seconds in which a started minion must answer.
        seconds: that each step may take; 0 for the usual times.
        apply: function and arguments to run once a minion answers; empty for none.
    """

    action: Action = Action.DEPLOY
    options: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = PREFIX
    config_dir: str = CONFIG_DIR
    service: bool = True
    pending: bool = False
    replace_key: bool = False
    take_over: bool = False
    dry_run: bool = False
    master_finger: str = ""
    patience: float = PATIENCE
    seconds: float = 0.0
    apply: tuple[str, ...] = ()

    @property
    def answers(self) -> bool:
        """Whether the minions are expected to answer in the end."""
        waits = self.pending or self.dry_run or self.master_finger
        return self.service and not waits and self.action is not Action.REMOVE

    @property
    def name(self) -> str:
        """What a run of it is remembered as."""
        return f"dry run of {self.action}" if self.dry_run else str(self.action)

    @property
    def place(self) -> dict[str, Any]:
        """The arguments that all functions on the hosts have."""
        return {"prefix": self.prefix, "config_dir": self.config_dir, "test": self.dry_run}

    def options_of(self, host: Host) -> dict[str, Any]:
        """The minion's options on one host: its own of the roster win, its id is that of the roster."""
        return {**self.options, **{name: value for name, value in host.minion_opts.items() if name != "id"}}


def read_options(option: str, given: Sequence[str]) -> dict[str, Any]:
    """Options of minions as the command line has them; later ones win.

    Args:
        option: what the option of the command line is called.
        given: files of options, or `name=value`, the value in YAML.

    Raises:
        ConfigError: one is neither.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if equals and name.isidentifier() and not os.path.exists(text):
            found[name] = _value(option, text, value)
        elif os.path.isfile(text):
            found.update(settings.read_files(os.path.abspath(text), ""))
        else:
            raise ConfigError(f"{option} {text}: this is neither a file nor name=value")
    if "id" in found:
        raise ConfigError(f"{option}: the id of a minion is its name in the roster")
    return found


def _value(option: str, text: str, value: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"{option} {text}: the value is no YAML") from None
