"""What can keep a host from answering over SSH: one name for each cause.

SSHError
├── NotInRoster             the roster no longer names the host
├── Unreachable             no connection: name, address, port, time
├── HostKeyUnknown          the host's key was never seen
├── HostKeyChanged          the host's key is not the one that is known
├── AuthenticationFailed    it does not let us in
├── KeyUnusable             a private key of ours can't be read
├── NoPython                no Python 3 on the host
│   └── PythonTooOld            ... that is new enough
├── SudoMissing             no sudo on the host
├── SudoRefused             sudo says no
│   └── SudoPasswordWrong       ... because of the password, or for want of one
├── NoFolder                nowhere to put the modules
│   └── DiskFull                ... because no space is left
├── Damaged                 the bundle did not arrive as it was sent
├── PreFlightFailed         the script that was to be run before failed
├── StartFailed             the thin minion did not start, for another cause
├── StepFailed              a step of a deployment failed on the host
│   ├── NotRoot                 ... because only root can do that
│   └── StockMinion             ... because a stock Salt minion is there
├── Busy                    another deployment works on the host
├── NotAnswering            the deployed minion does not answer
├── ApplyFailed             states failed that were applied in the end
├── NoAnswer                the job did not end in time
└── ConnectionLost          the connection ended before the job did
"""

from __future__ import annotations

from master.jobs import State


class SSHError(Exception):
    """Base of all errors of one host; `state` is the verdict that the host gets."""

    state = State.UNDELIVERED

    @property
    def told(self) -> str:
        """What is said of a host that did not do its job."""
        return f"Minion did not return. [{type(self).__name__}] {self}"


class NotInRoster(SSHError):
    """The roster no longer names the host."""


class Unreachable(SSHError):
    """There is no way to the host."""


class HostKeyUnknown(SSHError):
    """The host's key was never seen, and new ones are not accepted."""


class HostKeyChanged(SSHError):
    """The host's key is not the one that is known."""


class AuthenticationFailed(SSHError):
    """The host does not let us in."""


class KeyUnusable(SSHError):
    """A private key of ours can't be read."""


class NoPython(SSHError):
    """There is no Python 3 on the host."""


class PythonTooOld(NoPython):
    """There is no Python 3.8 or newer on the host."""


class SudoMissing(SSHError):
    """There is no sudo on the host."""


class SudoRefused(SSHError):
    """Sudo does not let the user do it."""


class SudoPasswordWrong(SudoRefused):
    """Sudo wants another password, or one at all."""


class NoFolder(SSHError):
    """There is nowhere to put the modules."""


class DiskFull(NoFolder):
    """No space is left on the host."""


class Damaged(SSHError):
    """The bundle did not arrive as it was sent."""


class PreFlightFailed(SSHError):
    """The script that was to be run before failed."""


class StartFailed(SSHError):
    """The thin minion did not start."""


class StepFailed(SSHError):
    """A step of a deployment failed on the host."""


class NotRoot(StepFailed):
    """Only root can make a host a minion."""


class StockMinion(StepFailed):
    """A stock Salt minion is installed on the host."""


class Busy(SSHError):
    """Another deployment works on the host."""


class ApplyFailed(SSHError):
    """States failed that were applied in the end."""


class NotAnswering(SSHError):
    """The deployed minion does not answer."""


class NoAnswer(SSHError):
    """The job did not end in time, and was ended."""

    state = State.DELIVERED


class ConnectionLost(SSHError):
    """The connection ended before the job did."""

    state = State.LOST


OF_STAGE = {kind.__name__: kind for kind in (NoFolder, DiskFull, Damaged, ConnectionLost)}
