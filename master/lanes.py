"""Whose turn it is: what waits stands in one lane for each peer, and each lane gets its turn."""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from master.limits import Buckets

Item = TypeVar("Item")


@dataclass
class _Lane(Generic[Item]):
    items: deque[tuple[Item, int, float]] = field(default_factory=deque)
    size: int = 0


class Lanes(Generic[Item]):
    """Things to do, one lane of them for each name.

    However many one peer sends, those of another wait for one of them at most. Each takes tokens when its turn comes; a
    lane whose tokens are spent rests until it has some again, and what no longer fits into it is not taken.

    Args:
        rate, burst: tokens of each name, see `Buckets`.
        most: things that wait in one lane.
        max_size: how large they may be together.
        clock: seconds.
    """

    def __init__(
        self, rate: float, burst: float, most: int, max_size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._max_size, self._clock = most, max_size, clock
        self._buckets = Buckets(rate, burst, clock=clock)
        self._lanes: dict[str, _Lane[Item]] = {}
        self._ready: deque[str] = deque()
        self._resting: list[tuple[float, str]] = []

    def __repr__(self) -> str:
        return f"<Lanes: {len(self._ready)} ready, {len(self._resting)} resting>"

    def put(self, name: str, item: Item, size: int = 0, tokens: float = 0) -> int:
        """Puts something at the end of a lane; how many things wait there now, 0 if it does not fit."""
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane()
            self._ready.append(name)
        if lane.items and (len(lane.items) >= self._most or lane.size + size > self._max_size):
            return 0
        lane.items.append((item, size, tokens))
        lane.size += size
        return len(lane.items)

    def take(self) -> Item | None:
        """The next thing to do; None if nothing is ready."""
        now = self._clock()
        while self._resting and self._resting[0][0] <= now:
            self._ready.append(heapq.heappop(self._resting)[1])
        while self._ready:
            name = self._ready.popleft()
            wait = self._buckets.take(name, 0)
            if not wait:
                return self._next_of(name)
            heapq.heappush(self._resting, (now + wait, name))
        return None

    def _next_of(self, name: str) -> Item:
        lane = self._lanes[name]
        item, size, tokens = lane.items.popleft()
        lane.size -= size
        self._buckets.take(name, tokens)
        if lane.items:
            self._ready.append(name)
        else:
            del self._lanes[name]
        return item

    def charge(self, name: str, tokens: float) -> None:
        """Takes tokens for something that turned out to cost more."""
        self._buckets.take(name, tokens)

    def patience(self) -> float | None:
        """Seconds until something is ready; None if nothing waits."""
        if self._ready:
            return 0.0
        return max(0.0, self._resting[0][0] - self._clock()) if self._resting else None
