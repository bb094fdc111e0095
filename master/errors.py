"""The errors of the master.

MasterError
├── ConfigError         a configuration file or option is wrong (that of `minion.errors`)
├── UnsafePath          a file or folder of the master could be changed by somebody else
├── KeyStoreError       a key can't be moved, deleted or read
│   ├── KeyChanged          ... because it is no longer the key that was shown
│   └── KeyConflict         ... because another key has that id
├── StoreError          the job store can't be read or written
├── TargetError         a target expression is wrong
├── Refused             an operator may not do that
├── NoWheels            there are no wheels for a target's Python and platform
└── MasterDown          no master answers on the control socket
    └── MasterGone          ... any more: it was lost while a job was followed
"""

from __future__ import annotations

from minion.errors import ConfigError


class MasterError(Exception):
    """Base of all errors of this package. `exit_code` is what a command ends with."""

    exit_code = 1


class UnsafePath(MasterError):
    """A file or folder that the master relies on could be changed by somebody else."""


class KeyStoreError(MasterError):
    """A key can't be moved, deleted or read."""


class KeyChanged(KeyStoreError):
    """The key is no longer the one whose fingerprint was shown."""


class KeyConflict(KeyStoreError):
    """Another key than the one that is proven to be a host's has its id."""


class StoreError(MasterError):
    """The job store can't be read or written."""


class TargetError(MasterError):
    """A target expression is wrong; says which part."""

    exit_code = 2


class NoWheels(MasterError):
    """There are no wheels for a target's Python and platform; says what is missing and how to get it."""


class Refused(MasterError):
    """An operator may not do that.

    Args:
        message: what was refused, without secrets.
        name: `AuthenticationError` or `AuthorizationError`, as clients know them.
    """

    exit_code = 77

    def __init__(self, message: str, name: str = "AuthorizationError") -> None:
        super().__init__(message)
        self.name = name


class MasterDown(MasterError):
    """No master answers on the control socket."""

    exit_code = 2


class MasterGone(MasterDown):
    """The master was lost while a job was followed; the job goes on without.

    Args:
        jid: the job.
    """

    exit_code = 20

    def __init__(self, jid: str) -> None:
        super().__init__(
            f"master gone, jid {jid}: the connection to the master was lost, the job goes on. "
            f"When it is back: salt-run jobs.lookup_jid {jid}"
        )
        self.jid = jid


__all__ = [
    "ConfigError", "KeyChanged", "KeyConflict", "KeyStoreError", "MasterDown", "MasterError", "MasterGone", "NoWheels",
    "Refused", "StoreError", "TargetError", "UnsafePath",
]  # fmt: skip
