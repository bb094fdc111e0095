"""Which reply belongs to which request, without I/O.

Replies to pipelined requests come in any order, and what tells them apart, the nonce, is inside the cipher text. A
refusal (`"bad load"`) is no cipher text: it says that one of the requests under way was refused, but not which. Each
request has exactly one reply, so what is still open when no reply is owed any more was refused.
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple


class _Open(NamedTuple):
    session: int
    repeatable: bool


class Correlator:
    """The requests under way on one connection."""

    def __init__(self) -> None:
        self._open: Dict[str, _Open] = {}
        self._owed: Dict[int, int] = {}  # session -> replies that are still to come
        self.strays = 0

    def __repr__(self) -> str:
        return f"<Correlator: {len(self._open)} requests under way>"

    def sent(self, nonce: str, session: int, repeatable: bool) -> None:
        """A request went out.

        Args:
            nonce: of the request.
            session: number of the session whose key it is sealed with.
            repeatable: whether asking twice does no harm.
        """
        self._open[nonce] = _Open(session, repeatable)
        for old in [number for number in self._owed if number < session - 1]:
            del self._owed[old]  # replies that never came
        self._owed[session] = self._owed.get(session, 0) + 1

    def answered(self, nonce: str, session: int) -> List[str]:
        """A readable reply came; returns the requests that must have been refused, then."""
        if self._open.pop(nonce, None) is None:
            self.strays += 1  # late, or twice
        return self._one_less(session)

    def refused(self, session: int) -> List[str]:
        """A reply came that can't be read; returns the requests to ask anew."""
        again = [nonce for nonce, request in self._open.items() if request.session == session and request.repeatable]
        for nonce in again:
            del self._open[nonce]
        return again + self._one_less(session)

    def given_up(self, nonce: str) -> None:
        """Nobody waits for this request any more; its reply is still owed, and may come late."""
        self._open.pop(nonce, None)

    @property
    def expecting(self) -> bool:
        """Whether a reply to some request is still to come."""
        return bool(self._owed)

    def oldest_session(self) -> int:
        """The session that an unreadable reply is taken to belong to: that of the oldest open request, or -1."""
        return min((request.session for request in self._open.values()), default=-1)

    def clear(self) -> None:
        """The connection ended, and with it all replies."""
        self._open.clear()
        self._owed.clear()

    def _one_less(self, session: int) -> List[str]:
        owed = self._owed.get(session, 0) - 1
        if owed > 0:
            self._owed[session] = owed
            return []
        self._owed.pop(session, None)
        rest = [nonce for nonce, request in self._open.items() if request.session == session]
        for nonce in rest:
            del self._open[nonce]
        return rest
