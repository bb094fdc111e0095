"""What can go wrong between two peers.

TransportError
├── NameRefused          a name from a peer or an operator is not acceptable where it was used
├── CodecError           bytes that are no acceptable message
│   └── MessageTooLarge      ... because they are too many
├── CryptoError          a key, signature or cipher text that does not hold
├── SignInError          the master did not let the minion in
│   ├── Pending              ... yet: the key waits for an operator
│   ├── Rejected             ... and will not
│   ├── MasterFull           ... because it serves as many as it may
│   └── MasterChanged        ... or rather: it is not the master that the minion remembers
├── RequestTimeout       no reply within the deadline
├── RequestRefused       the peer answered that it won't
├── Closed               this side closed the link
└── Broken               the other side went away; a broken link stays broken
"""

from __future__ import annotations


class TransportError(Exception):
    """Base of all errors of this package."""


class NameRefused(TransportError, ValueError):
    """A minion id, path, tag or other name that is not acceptable; says which and why."""


class CodecError(TransportError):
    """Bytes that are no acceptable message."""


class MessageTooLarge(CodecError):
    """A message above the limit; raised on the sender's side before anything is sent."""


class CryptoError(TransportError):
    """A key, signature or cipher text that does not hold. Never says which step failed."""


class SignInError(TransportError):
    """The master did not let the minion in."""


class Pending(SignInError):
    """The minion's key waits for an operator to accept it."""


class Rejected(SignInError):
    """The master refuses the minion's key."""


class MasterFull(SignInError):
    """The master serves as many minions as it may."""


class MasterChanged(SignInError):
    """The master's key is not the one that the minion remembers or was told to expect."""


class RequestTimeout(TransportError):
    """No reply within the deadline."""


class RequestRefused(TransportError):
    """The peer answered, and refused."""


class Closed(TransportError):
    """The link was closed by this side."""


class Broken(TransportError):
    """The other side went away; a broken link stays broken, make a new one."""
