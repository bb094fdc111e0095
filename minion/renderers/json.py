"""Reads JSON."""

from __future__ import annotations

from typing import Any

from minion.renderers._text import read_text, without_shebang


def render(source: Any, saltenv: str = "base", sls: str = "", **options: Any) -> Any:
    """The data; `{}` if there is none."""
    import json

    text = without_shebang(read_text(source))
    return json.loads(text) if text.strip() else {}
