"""`yaml`: one YAML document for each result."""

from __future__ import annotations

import re
from typing import Any, Dict, Match

import yaml

from minion.output.settings import Settings
from minion.output.text import INVISIBLE

# Beyond the control characters, those that libyaml escapes and PyYAML does not.
_SPECIAL = re.compile(f"[{INVISIBLE}\U00010000-\U0010ffff]")


class _Dumper(yaml.SafeDumper):
    """Writes what YAML does not know as NULL, and in quotes what has to be escaped."""


def _text(dumper: yaml.SafeDumper, data: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", data, style='"' if _SPECIAL.search(data) else None)


def _unknown(dumper: yaml.SafeDumper, data: object) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:null", "NULL")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(None, _unknown)  # type: ignore[arg-type]


def output(data: Any, settings: Settings) -> str:
    """YAML in block style; in flow style if the indentation is negative or none at all."""
    layout: Dict[str, Any] = {"default_flow_style": False}
    if settings.indent is None or (isinstance(settings.indent, int) and settings.indent < 0):
        layout = {"default_flow_style": True, "indent": 0}
    elif isinstance(settings.indent, int):
        layout["indent"] = settings.indent
    text = str(yaml.dump(data, Dumper=_Dumper, allow_unicode=True, **layout))
    if text.endswith("\n...\n"):  # PyYAML marks the end of a document that is one plain scalar
        text = text[:-4]
    return _SPECIAL.sub(_escape, text)


def _escape(found: Match[str]) -> str:
    code = ord(found.group())
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
