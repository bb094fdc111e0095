"""The errors of the minion.

    MinionError
    ├── ConfigError              a configuration file or option is wrong
    ├── LoaderError              a module file can't be loaded
    ├── MasterUnreachable        no master answered in time
    └── CommandExecutionError    an execution module could not do what was asked
        ├── CommandNotFoundError     ... because a program is missing
        ├── SaltInvocationError      ... because it was called wrongly
        ├── FileNotFound             ... because the master has no such file
        └── TimedProcTimeoutError    ... because a program took too long

The names below CommandExecutionError are those that authors of execution modules know.
"""

from __future__ import annotations


class MinionError(Exception):
    """Base of all errors of this package."""


class ConfigError(MinionError):
    """A configuration file or an option is wrong; names the file and the option."""


class LoaderError(MinionError):
    """A module file can't be loaded; names the file and the cause."""


class MasterUnreachable(MinionError):
    """No master answered a request within its deadline."""


class CommandExecutionError(MinionError):
    """An execution module could not do what was asked.

    Args:
        message: what failed, on what, and what to do.
        info: optional data that belongs to the failure (for example the changes made so far).
    """

    def __init__(self, message: str = "", info: object = None) -> None:
        super().__init__(message)
        self.info = info


class CommandNotFoundError(CommandExecutionError):
    """A program that the function needs is not installed."""


class SaltInvocationError(CommandExecutionError, TypeError):
    """The function was called with arguments it can't take."""


class FileNotFound(CommandExecutionError):
    """The master's file server has no such file."""


class TimedProcTimeoutError(CommandExecutionError):
    """A program ran longer than its timeout and was killed."""
