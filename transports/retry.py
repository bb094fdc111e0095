"""When to try again: one policy for every road.

Waiting grows from a first delay to a longest one and is always drawn at random below it (full jitter), so that a
thousand minions that lost the same master do not come back in the same second.
"""

from __future__ import annotations

import random
from typing import Callable, Optional


class Backoff:
    """Delays between attempts.

    Args:
        first: upper bound of the first delay, seconds.
        longest: upper bound of any delay, seconds.
        shortest: lower bound of any delay, seconds.
        draw: `random.uniform` or a replacement for tests.
    """

    def __init__(
        self,
        first: float = 0.5,
        longest: float = 30.0,
        shortest: float = 0.05,
        draw: Optional[Callable[[float, float], float]] = None,
    ) -> None:
        self._first, self._longest, self._shortest = first, max(first, longest), shortest
        self._draw = draw or random.uniform
        self._attempt = 0

    def __repr__(self) -> str:
        return f"<Backoff after {self._attempt} attempts>"

    @property
    def attempts(self) -> int:
        """How many delays were handed out since the last success."""
        return self._attempt

    def next(self) -> float:
        """Seconds to wait before the next attempt."""
        bound = min(self._longest, self._first * 2.0 ** min(self._attempt, 30))
        self._attempt += 1
        return self._draw(min(self._shortest, bound), bound)

    def reset(self) -> None:
        """Starts over: the last attempt succeeded."""
        self._attempt = 0
