"""What a run came to, in one line and one exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from master.cli._outcome import Tally
from master.control_client import Verdict

if TYPE_CHECKING:
    from ssh.run import Item

_NAMED = 10


class Summary:
    """Counts hosts: ok, changed, failed, unreachable."""

    def __init__(self) -> None:
        self._tally = Tally()
        self._ok = self._changed = 0
        self._failed: list[str] = []
        self._silent: list[str] = []

    @property
    def told(self) -> int:
        """Of how many hosts it is known what they came to."""
        return self._tally.told

    @property
    def fine(self) -> bool:
        """Whether all returned success."""
        return self._tally.fine

    def add(self, item: Item) -> None:
        """Counts one host."""
        self._tally.add(item)
        if isinstance(item, Verdict):
            self._silent.append(item.id)
        elif not item.ok:
            self._failed.append(item.id)
        else:
            self._ok += 1
            self._changed += _has_changes(item.value)

    def exit_code(self) -> int:
        """What the command ends with; the same codes as `salt`."""
        return self._tally.exit_code()

    def line(self) -> str:
        """All of it."""
        parts = [f"{self._ok} ok", f"{self._changed} changed"]
        parts.append(f"{len(self._failed)} failed{_names(self._failed)}")
        parts.append(f"{len(self._silent)} unreachable{_names(self._silent)}")
        return ", ".join(parts)


def _names(hosts: list[str]) -> str:
    if not hosts:
        return ""
    shown = ", ".join(sorted(hosts)[:_NAMED])
    return f" ({shown}{', ...' if len(hosts) > _NAMED else ''})"


def _has_changes(value: Any) -> bool:
    """Whether a result is that of a state run in which something changed."""
    if not isinstance(value, dict):
        return False
    states = [state for state in value.values() if isinstance(state, dict)]
    return any(state.get("changes") and state.get("result") is not None for state in states)  # None: test mode
