"""The line on a terminal that says who has answered and who has not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection
from typing import TextIO

_ERASE = "\r\x1b[K"
_SILENCE = 0.2


class Live:
    """One line on stderr, if that is a terminal. It shows in moments of silence and gives way to other output.

    Args:
        stream: where to draw.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._on = self._stream.isatty()
        self._shown = False

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which `draw` is to be called; None if that is not needed."""
        return _SILENCE if self._on and not self._shown else None

    def draw(self, told: int, waiting: Collection[str]) -> None:
        """Shows how many minions have answered, and the names of others.

        Args:
            told: of how many it is known what became of them.
            waiting: who is still waited for.
        """
        head = f"{told}/{told + len(waiting)} answered, waiting for "
        room = shutil.get_terminal_size().columns - len(head) - len(", ...") - 1
        names = ""
        for name in sorted(waiting):
            longer = f"{names}, {name}" if names else name
            if len(longer) > room:
                names += ", ..." if names else "..."
                break
            names = longer
        self.say(head + names)

    def say(self, line: str) -> None:
        """Shows a line of its own."""
        if self._on:
            self._shown = True
            self._write(_ERASE + line[: shutil.get_terminal_size().columns - 1])

    def clear(self) -> None:
        """Makes room for other output, or is no longer true."""
        if self._shown:
            self._write(_ERASE)
            self._shown = False

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
