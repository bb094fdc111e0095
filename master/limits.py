"""Rates: how often somebody may do something, and how often we say that he did."""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any


class Buckets:
    """A token bucket for each name; names that were not heard of for long are forgotten.

    Args:
        rate: tokens a second.
        burst: tokens that a full bucket holds.
        names: buckets at the most.
        clock: seconds.
    """

    def __init__(
        self, rate: float, burst: float, names: int = 20000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._names, self._clock = rate, burst, names, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # name -> (tokens, when)

    def take(self, name: str, tokens: float = 1) -> float:
        """Takes tokens, going into debt if need be; returns the seconds to wait until the debt is paid."""
        now = self._clock()
        left, when = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - when) * self._rate) - tokens
        self._buckets[name] = (left, now)
        if len(self._buckets) > self._names:
            self._buckets.popitem(last=False)
        return max(0.0, -left / self._rate)


class RateLimitedLog:
    """Logs the first message of each kind in a while, then counts.

    Args:
        log: the logger.
        every: seconds between two messages of one kind.
    """

    def __init__(self, log: logging.Logger, every: float = 10.0, kinds: int = 1000) -> None:
        self._log, self._every, self._kinds = log, every, kinds
        self._last: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def warning(self, kind: str, message: str, *args: Any) -> None:
        """At level warning, unless this kind was logged just now."""
        self._say(logging.WARNING, kind, message, args)

    def error(self, kind: str, message: str, *args: Any) -> None:
        """At level error, unless this kind was logged just now."""
        self._say(logging.ERROR, kind, message, args)

    def exception(self, kind: str, message: str, *args: Any) -> None:
        """At level error with the traceback, unless this kind was logged just now."""
        self._say(logging.ERROR, kind, message, args, exc_info=True)

    def _say(self, level: int, kind: str, message: str, args: tuple[Any, ...], exc_info: bool = False) -> None:
        now = time.monotonic()
        last, held = self._last.pop(kind, (-self._every, 0))
        if now - last < self._every:
            self._last[kind] = (last, held + 1)
            return
        self._last[kind] = (now, 0)
        if len(self._last) > self._kinds:
            self._last.popitem(last=False)
        if held:
            message += f" ({held} more like this)"
        self._log.log(level, message, *args, exc_info=exc_info)
