"""Compiled pillars, kept until something that they were made of changes."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgpack

from transports import codec
from transports.errors import CodecError

if TYPE_CHECKING:
    from minion.inputs import Inputs
    from minion.pillar.request import PillarRequest

_Key = tuple[str, str | None, str | None]


@dataclass(frozen=True)
class _Kept:
    asked: bytes
    made_of: Inputs
    packed: bytes
    until: float | None


class KeptPillars:
    """Pillars of the minions that asked last.

    A pillar made of files, grains and options alone is kept as long as these stay as they are. One that also depends on
    what can't be watched (external pillars, the mine, chance, the clock) is not kept; unless `ttl` says for how long it
    may be out of date.

    Args:
        most: bytes of all pillars together.
        ttl: seconds that what can't be watched is taken as unchanged; 0: never.
        clock: monotonic seconds.
    """

    def __init__(self, most: int, ttl: float = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._ttl, self._clock = most, ttl, clock
        self._kept: OrderedDict[_Key, _Kept] = OrderedDict()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<KeptPillars: {len(self._kept)}, {self._bytes} bytes>"

    def get(self, request: PillarRequest) -> dict[str, Any] | None:
        """The pillar of this minion, if compiling it again would give the same."""
        key = _key(request)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.asked != _digest(request) or not kept.made_of.hold() or _is_over(kept.until, self._clock()):
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        pillar: dict[str, Any] = codec.unpack(kept.packed)
        return pillar

    def put(self, request: PillarRequest, pillar: dict[str, Any], made_of: Inputs) -> None:
        """Keeps a pillar, if it may be kept at all."""
        self._drop(_key(request))
        if request.override or request.ext or "_errors" in pillar or not made_of.settled():
            return
        if made_of.unknown and self._ttl <= 0:
            return
        try:
            packed = codec.pack(pillar)
        except CodecError:
            return  # nor can it be sent
        until = self._clock() + self._ttl if made_of.unknown else None
        self._kept[_key(request)] = _Kept(_digest(request), made_of, packed, until)
        self._bytes += len(packed)
        while self._bytes > self._most:
            self._drop(next(iter(self._kept)))

    def forget(self, minion_id: str) -> None:
        """Drops what is kept of one minion."""
        for key in [key for key in self._kept if key[0] == minion_id]:
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        kept = self._kept.pop(key, None)
        self._bytes -= len(kept.packed) if kept else 0


def _key(request: PillarRequest) -> _Key:
    return request.minion_id, request.saltenv, request.pillarenv


def _digest(request: PillarRequest) -> bytes:
    """What stands for all that the minion says of itself."""
    told = msgpack.packb([request.grains, dict(request.extra_minion_data)], default=repr)
    return hashlib.blake2b(told, digest_size=16).digest()


def _is_over(until: float | None, now: float) -> bool:
    return until is not None and now >= until
