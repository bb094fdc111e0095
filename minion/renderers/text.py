"""Leaves text as it is, without the line that names the renderer."""

from __future__ import annotations

import io
from typing import Any

from minion.renderers._text import read_text, without_shebang


def render(source: Any, saltenv: str = "base", sls: str = "", **options: Any) -> io.StringIO:
    """The text."""
    return io.StringIO(without_shebang(read_text(source)))
