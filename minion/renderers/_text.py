"""What renderers share."""

from __future__ import annotations

from typing import Any


def read_text(source: Any) -> str:
    """The text of a string or file object."""
    text = source if isinstance(source, (str, bytes)) else source.read()
    return text.decode("utf-8") if isinstance(text, bytes) else str(text)


def without_shebang(text: str) -> str:
    """The text from its second line on, if the first one names renderers."""
    return text.partition("\n")[2] if text.startswith("#!") else text
