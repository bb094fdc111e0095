"""What a minion's link does next: a state machine without I/O. It is told what happened and says how long to wait."""

from __future__ import annotations

import enum
import random
from dataclasses import dataclass
from typing import Callable, Optional

from transports.errors import Pending, Rejected, RequestTimeout, TransportError
from transports.retry import Backoff

_RENEWAL_PAUSE = 5.0


class State(enum.Enum):
    """How things stand between a minion and a master."""

    SIGNED_OUT = "signed out"
    SIGNING_IN = "signing in"
    PENDING = "pending"
    CONNECTED = "connected"
    LOST = "lost"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Timing:
    """How patient a link is; all in seconds.

    Attributes:
        pending: between attempts while the key waits to be accepted.
        pending_longest: bound that this grows to, 0 if it does not grow.
        unreachable: first bound of the delay when no master answers.
        unreachable_longest: last bound of it.
        retry_rejected: go on after the master rejected the key.
    """

    pending: float = 10.0
    pending_longest: float = 0.0
    unreachable: float = 1.0
    unreachable_longest: float = 10.0
    retry_rejected: bool = False


class Course:
    """The state of one link.

    Args:
        timing: how patient it is.
        draw: `random.uniform` or a replacement for tests.
    """

    def __init__(self, timing: Timing, draw: Callable[[float, float], float] = random.uniform) -> None:
        self.state = State.SIGNED_OUT
        self._timing, self._draw = timing, draw
        self._pending = timing.pending
        self._unreachable = Backoff(timing.unreachable, timing.unreachable_longest, draw=draw)
        self._refused = Backoff(timing.pending, max(60.0, timing.pending_longest), timing.pending / 2, draw)
        self._renewed = -_RENEWAL_PAUSE

    def __repr__(self) -> str:
        return f"<Course: {self.state.value}>"

    def begin(self) -> None:
        """A sign-in is under way."""
        if self.state is not State.PENDING:
            self.state = State.SIGNING_IN

    def failed(self, why: TransportError) -> Optional[float]:
        """A sign-in failed; seconds until the next one, None to give up."""
        if isinstance(why, Pending) or (isinstance(why, Rejected) and self._timing.retry_rejected):
            self.state = State.PENDING
            return self._while_pending()
        if isinstance(why, Rejected):
            self.state = State.REJECTED
            return None
        self.state = State.SIGNED_OUT
        if isinstance(why, RequestTimeout):
            return self._unreachable.next()
        return self._refused.next()

    def _while_pending(self) -> float:
        wait = self._pending
        if self._timing.pending_longest:
            self._pending = min(wait + self._timing.pending, self._timing.pending_longest)
        return self._draw(0.8 * wait, wait)

    def let_in(self) -> None:
        """The master let the minion in."""
        self.state = State.CONNECTED
        self._pending = self._timing.pending
        self._unreachable.reset()
        self._refused.reset()

    def lost(self) -> None:
        """The connection ended."""
        self.state = State.LOST

    def renewal(self, now: float) -> float:
        """Something could not be read with the keys we have: seconds to wait before signing in again for that.

        The first time at once. Whoever keeps sending what can't be read gets no more than one sign-in every so often.

        Args:
            now: monotonic time.
        """
        wait = max(0.0, self._renewed + self._draw(_RENEWAL_PAUSE, 2 * _RENEWAL_PAUSE) - now)
        self._renewed = now + wait
        return wait
