"""What a host says about itself, checked: it is data from somebody who may be hostile."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ssh.errors import NotRoot, StepFailed, StockMinion
from transports import crypto
from transports.errors import CryptoError

CLOCK_TOLERANCE = 300.0
_MOST = 4096


@dataclass(frozen=True)
class Facts:
    """What `deploy.probe` found.

    Attributes:
        uid: who we are there.
        platform: for `master.wheelhouse.Platform.of`.
        os, init: the system.
        stock: path of a stock Salt minion's program; "" if there is none.
        other_unit: whether a salt-minion service is there which is not ours.
        release: name of the release in use; "" if there is none.
        fingerprint: of the host's own public key; "" if it has none.
        skew: seconds that its clock is ahead of ours.
    """

    uid: int
    platform: Mapping[str, Any] = field(repr=False)
    os: str
    init: str
    stock: str
    other_unit: bool
    release: str
    fingerprint: str
    skew: float

    @classmethod
    def of(cls, found: Any) -> Facts:
        """Reads the result of `deploy.probe`.

        Raises:
            StepFailed: it is none.
        """
        platform = found.get("platform") if isinstance(found, dict) else None
        if not isinstance(platform, dict) or not isinstance(found.get("uid"), int):
            raise StepFailed("the host's facts are not what was asked for")
        release, clock = found.get("release"), found.get("time")
        return cls(
            uid=found["uid"],
            platform=platform,
            os=text(found, "os"),
            init=text(found, "init"),
            stock=text(found, "stock"),
            other_unit=found.get("unit") == "other",
            release=text(release, "name") if isinstance(release, dict) else "",
            fingerprint=fingerprint_of(found.get("public_key")),
            skew=float(clock) - time.time() if isinstance(clock, (int, float)) else 0.0,
        )

    def check(self, take_over: bool) -> None:
        """Whether a minion can be deployed there at all.

        Args:
            take_over: in place of a stock Salt minion.

        Raises:
            NotRoot, StockMinion: no.
        """
        if self.uid != 0:
            raise NotRoot("only root can install a minion: log in as root, or set `sudo: True` in the roster (--sudo)")
        if self.stock and self.other_unit and not take_over:
            raise StockMinion(f"a stock Salt minion is installed ({self.stock}); --take-over puts ours in its place")

    @property
    def clock(self) -> str:
        """What is to be said of its clock; "" if it is right."""
        if abs(self.skew) <= CLOCK_TOLERANCE:
            return ""
        return f"its clock is {_length(abs(self.skew))} {'ahead' if self.skew > 0 else 'behind'}"


def text(found: Any, name: str) -> str:
    """A text of a map that a host sent; "" if there is none."""
    value = found.get(name) if isinstance(found, dict) else None
    return value[:_MOST] if isinstance(value, str) else ""


def flag(found: Any, name: str) -> bool:
    """A truth value of a map that a host sent."""
    return isinstance(found, dict) and found.get(name) is True


def texts(found: Any, name: str) -> tuple[str, ...]:
    """A list of texts of a map that a host sent."""
    value = found.get(name) if isinstance(found, dict) else None
    return tuple(str(item)[:_MOST] for item in value[:100]) if isinstance(value, list) else ()


def fingerprint_of(pem: Any) -> str:
    """SHA-256 fingerprint of a public key; "" for what is none. We trust our own arithmetic, not the host's."""
    try:
        return crypto.fingerprint(crypto.load_public(pem.strip())) if isinstance(pem, str) and pem else ""
    except CryptoError:
        return ""


def _length(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 0.9 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
