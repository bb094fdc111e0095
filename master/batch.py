"""Runs a job on some of its minions at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from master.control_client import Following, Verdict, wait_for_any
from minion.errors import SaltInvocationError
from transports.messages import Return


@dataclass(frozen=True)
class Begun:
    """The job was published to these minions."""

    minions: tuple[str, ...]


def size_of(batch: object, minions: int) -> int:
    """How many minions a batch has.

    Args:
        batch: a number, or a percentage like `25%`.
        minions: how many there are in all.

    Raises:
        SaltInvocationError: it is neither.
    """
    text = str(batch).strip()
    try:
        if "%" in text:
            share = float(text.strip("%")) / 100 * minions
            return math.ceil(share) if share < 1 else int(share)
        return max(1, int(text))
    except ValueError:
        raise SaltInvocationError(
            f"Invalid batch specification {batch!r}: must be an integer or percentage string like '10' or '25%'."
        ) from None


class Batch:
    """Keeps a job running on a number of minions until all had it; iterate to see what happens.

    Args:
        minions: who gets it, in this order.
        size: how many at a time.
        start: publishes the job to some minions.
        wait: seconds that pass after a minion answered before the next one gets its turn.
        failhard: give it to no more minions once one failed.
    """

    def __init__(
        self,
        minions: Sequence[str],
        size: int,
        start: Callable[[list[str]], Following],
        wait: float = 0.0,
        failhard: bool = False,
    ) -> None:
        self._pending = list(minions)
        self._size, self._start, self._wait, self._failhard = max(1, size), start, wait, failhard
        self._active: list[Following] = []
        self._resting: list[float] = []  # when the slots of minions that answered are free again
        self.halted = False

    def __repr__(self) -> str:
        return f"<Batch: {len(self._pending)} pending, {len(self._active)} jobs under way>"

    @property
    def left(self) -> list[str]:
        """Minions whose turn did not come."""
        return list(self._pending)

    def __iter__(self) -> Iterator[Begun | Return | Verdict]:
        try:
            while (self._pending or self._active) and not self.halted:
                yield from self._begin()
                yield from self._collect()
        finally:
            for following in self._active:
                following.close()

    def _begin(self) -> Iterator[Begun | Verdict]:
        now = time.monotonic()
        self._resting = [free for free in self._resting if free > now]
        free = self._size - len(self._resting) - sum(len(following.open) for following in self._active)
        chosen, self._pending = self._pending[: max(0, free)], self._pending[max(0, free) :]
        if not chosen:
            return
        yield Begun(tuple(chosen))
        following = self._start(chosen)
        if following.done:
            for minion_id in chosen:
                yield Verdict(minion_id, "not_accepted", following.not_accepted.get(minion_id, "It is not accepted"))
        else:
            self._active.append(following)

    def _collect(self) -> Iterator[Return | Verdict]:
        patience = min(self._resting, default=math.inf) - time.monotonic() if self._pending else math.inf
        if not self._active:
            if patience < math.inf:
                time.sleep(max(0.0, patience))
            return
        for following in wait_for_any(self._active, None if patience == math.inf else patience):
            try:
                item = following.next(0)
            except TimeoutError:  # the rest of a message is still on its way
                continue
            if item is None:
                self._active.remove(following)
                continue
            if self._wait:
                self._resting.append(time.monotonic() + self._wait)
            self.halted = self._failhard and not (isinstance(item, Return) and item.ok)
            yield item
            if self.halted:
                return
