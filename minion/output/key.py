"""`key`: what salt-key prints: the names of keys by their state, each state in its colour."""

from __future__ import annotations

from typing import Any, List

from minion.output.settings import Settings
from minion.output.text import palette, printable_data

_STATES = {
    "minions": ("GREEN", "Accepted Keys:"),
    "minions_pre": ("RED", "Unaccepted Keys:"),
    "minions_denied": ("MAGENTA", "Denied Keys:"),
    "minions_rejected": ("BLUE", "Rejected Keys:"),
    "local": ("MAGENTA", "Local Keys:"),
}


def output(data: Any, settings: Settings) -> str:
    """Names below the title of their state; with their fingerprints if they come as a mapping."""
    colors = palette(settings)
    space = " " * 4 if settings.multi_key else ""
    lines: List[str] = []
    for state, keys in sorted(printable_data(data, settings).items()):
        color, title = _STATES[state]
        lines.append(f"{space}{colors[f'LIGHT_{color}']}{title}{colors['ENDC']}")
        for name in sorted(keys):
            value = f":  {keys[name]}" if isinstance(keys, dict) else ""
            lines.append(f"{space}{colors[color]}{name}{value}{colors['ENDC']}")
    return "\n".join(lines)
