"""`progress`: a bar that grows with the returns, instead of their text."""

from __future__ import annotations

import shutil
import time
from typing import Any, Callable, TextIO

from minion.output.settings import Settings


def output(data: Any, settings: Settings) -> str:
    """No text: the bar is drawn by `Bar` while the returns come in."""
    return ""


class Bar:
    """One line that says how many of the expected returns have come.

    Args:
        expected: how many returns are expected.
        stream: the terminal to draw on.
        clock: seconds that pass.
    """

    def __init__(self, expected: int, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected = expected
        self._stream = stream
        self._clock = clock
        self._began = clock()
        self.update(0)

    def update(self, returned: int) -> None:
        """Draws the bar for so many returns; more than expected raise the expectation."""
        self._expected = max(self._expected, returned)
        share = returned / self._expected if self._expected else 1.0
        minutes, seconds = divmod(int(self._clock() - self._began), 60)
        elapsed = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        before = f"{int(share * 100):3}% "
        after = f" Elapsed Time: {elapsed} Returns: [{returned}/{self._expected}]"
        room = max(shutil.get_terminal_size().columns - len(before) - len(after) - 2, 1)
        self._stream.write(f"\r{before}|{('#' * int(share * room)).ljust(room)}|{after}")
        self._stream.flush()

    def finish(self) -> None:
        """Leaves the line."""
        self._stream.write("\n")
        self._stream.flush()
