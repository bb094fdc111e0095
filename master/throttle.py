"""How many sign-ins a master computes, and for whom."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

_BURST_SECONDS = 10.0
_MAX_NETWORKS = 4096


@lru_cache(maxsize=_MAX_NETWORKS)
def network_of(source: str) -> str:
    """The network that a peer counts to: /24 of IPv4, /64 of IPv6."""
    try:
        address = ipaddress.ip_address(source.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, 24), strict=False))


class Throttle:
    """How many sign-ins are computed: up to a rate in all, with a reserve for bursts.

    While more than half of the reserve is left, everybody may draw on it: a whole site that comes back at once is
    served as fast as can be. Below that, one network gets no more than half of the rate, so that the others still get
    in while it floods the master.

    Args:
        rate: sign-ins a second in the long run.
        now: clock, seconds.
    """

    def __init__(self, rate: float, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._burst = rate * _BURST_SECONDS
        self._all = _Bucket(rate, self._burst, now())
        self._networks: OrderedDict[str, _Bucket] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Throttle: {self._all.tokens:.0f} of {self._burst:.0f} left>"

    def allow(self, network: str) -> bool:
        """Whether a sign-in from this network may be computed; counts it if so."""
        now = self._now()
        if self._all.fill(now) < 1:
            return False
        if self._all.tokens <= self._burst / 2 and not self._own(network, now).take(now):
            return False
        return self._all.take(now)

    def _own(self, network: str, now: float) -> _Bucket:
        bucket = self._networks.get(network)
        if bucket is None:
            bucket = self._networks[network] = _Bucket(self._all.rate / 2, self._burst / 2, now)
            if len(self._networks) > _MAX_NETWORKS:
                self._networks.popitem(last=False)
        self._networks.move_to_end(network)
        return bucket


class _Bucket:
    __slots__ = ("_size", "_when", "rate", "tokens")

    def __init__(self, rate: float, size: float, now: float) -> None:
        self.rate, self._size, self._when = rate, size, now
        self.tokens = size

    def fill(self, now: float) -> float:
        self.tokens = min(self._size, self.tokens + max(0.0, now - self._when) * self.rate)
        self._when = now
        return self.tokens

    def take(self, now: float) -> bool:
        if self.fill(now) < 1:
            return False
        self.tokens -= 1
        return True
