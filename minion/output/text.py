"""Colours, and the guard that keeps a minion's text from steering the terminal."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping, Match

from minion.output.settings import Settings

_CODES = {
    "BLACK": "30",
    "DARK_GRAY": "1;30",
    "RED": "31",
    "LIGHT_RED": "1;31",
    "GREEN": "32",
    "LIGHT_GREEN": "1;32",
    "YELLOW": "33",
    "LIGHT_YELLOW": "1;33",
    "BLUE": "34",
    "LIGHT_BLUE": "1;34",
    "MAGENTA": "35",
    "LIGHT_MAGENTA": "1;35",
    "CYAN": "36",
    "LIGHT_CYAN": "1;36",
    "LIGHT_GRAY": "37",
    "WHITE": "1;37",
    "DEFAULT_COLOR": "39",
    "ENDC": "0",
}

# Bidirectional overrides reorder what is read; lone surrogates can't be written at all.
INVISIBLE = "\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff"
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSAFE = re.compile(f"[\x00-\x08\x0b-\x1f{INVISIBLE}\u2028\u2029]")
_COLOR_OR_UNSAFE = re.compile(rf"\x1b\[[0-9;]*m|{_UNSAFE.pattern}")


def palette(settings: Settings) -> Mapping[str, str]:
    """Colour name -> escape sequence, or the empty text if there are to be no colours."""
    if not settings.color:
        return dict.fromkeys(_CODES, "")
    colors = {name: f"\x1b[0;{code}m" for name, code in _CODES.items()}
    colors.update({name: f"\x1b[{code}m" for name, code in settings.theme.items()})
    return colors


def printable(text: str, strip_colors: bool = True) -> str:
    """Text without the power to move the cursor, retitle a window or hide parts of itself.

    Every line end becomes a newline, ESC a question mark, other control characters their escapes. Colours pass if
    the operator set `strip_colors: False`.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _LINE_ENDS.sub("\n", text)
    if strip_colors:
        return _UNSAFE.sub(_escape, text)
    return _COLOR_OR_UNSAFE.sub(_escape, text)


def plain(data: Any, text: Callable[[str], str] = str) -> Any:
    """The same structure of plain dicts, lists and tuples, with `text` applied to each text, keys included."""
    if isinstance(data, str):
        return text(data)
    if isinstance(data, Mapping):
        return {plain(key, text): plain(value, text) for key, value in data.items()}
    if isinstance(data, list):
        return [plain(item, text) for item in data]
    if isinstance(data, tuple):
        return tuple(plain(item, text) for item in data)
    return data


def printable_data(data: Any, settings: Settings) -> Any:
    """The same structure with every text in it made printable."""
    return plain(data, lambda text: printable(text, settings.strip_colors))


def decode(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 stays readable as escapes."""
    return data.decode("utf-8", "backslashreplace")


def _escape(found: Match[str]) -> str:
    text = found.group()
    if len(text) > 1:
        return text
    if text == "\x1b":
        return "?"
    code = ord(text)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
