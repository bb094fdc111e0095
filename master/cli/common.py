"""What the master's commands share beyond what all commands do (`minion.cli.common`): the master's configuration."""

from __future__ import annotations

import dataclasses
import functools
import os
from typing import Any

from master.config import MasterSettings, load
from minion import logs
from minion.cli import common
from minion.cli.common import (
    CONTEXT,
    EX_FAILED,
    EX_INTERRUPTED,
    EX_SOFTWARE,
    EX_USAGE,
    Printer,
    Printing,
    output_options,
    run,
    switch_user,
)


@dataclasses.dataclass(frozen=True)
class Common(common.Common):
    """The options that every command of the master has."""

    def settings(
        self, log_file_option: str = "log_file", limited_log: bool = False, **overrides: Any
    ) -> MasterSettings:
        """The master's configuration with what the command line sets; starts the log.

        Args:
            log_file_option: the option that names this command's log file.
            limited_log: leave messages out that come too often; for daemons, to which anybody may talk.
            overrides: further options that the command line sets; None is "not set".

        Raises:
            ConfigError: a file or an option is wrong.
        """
        given = {**self.given(log_file_option), **overrides}
        path = os.environ.get("SALT_MASTER_CONFIG") or os.path.join(self.folder(), "master")
        settings = load(path, {name: value for name, value in given.items() if value is not None})
        logs.start(settings, getattr(settings, log_file_option), limited_log)
        return settings


options = functools.partial(common.options, kind=Common)

__all__ = [
    "CONTEXT", "EX_FAILED", "EX_INTERRUPTED", "EX_SOFTWARE", "EX_USAGE", "Common", "Printer", "Printing", "options",
    "output_options", "run", "switch_user",
]  # fmt: skip
