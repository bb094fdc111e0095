"""`quiet`: nothing; the exit code tells."""

from __future__ import annotations

from typing import Any

from minion.output.settings import Settings


def output(data: Any, settings: Settings) -> str:
    """No text."""
    return ""
