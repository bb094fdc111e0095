"""`json`: one JSON document for each result."""

from __future__ import annotations

import json
import re
from typing import Any, Optional

from minion.output.settings import DEFAULT_INDENT, Settings
from minion.output.text import INVISIBLE


def output(data: Any, settings: Settings) -> str:
    """JSON, indented by 4 unless told otherwise; a negative indentation or none at all means one line."""
    pretty = settings.indent == "pretty"
    indent: Optional[int] = None
    if pretty or settings.indent == DEFAULT_INDENT:
        indent = 4
    elif isinstance(settings.indent, int) and settings.indent >= 0:
        indent = settings.indent
    try:
        text = json.dumps(data, default=repr, indent=indent, sort_keys=pretty, ensure_ascii=False)
    except TypeError:  # a key that JSON does not have, or keys that can't be sorted
        text = json.dumps(_text_keys(data), default=repr, indent=indent, sort_keys=pretty, ensure_ascii=False)
    return re.sub(f"[{INVISIBLE}]", lambda found: f"\\u{ord(found.group()):04x}", text)


def _text_keys(data: Any) -> Any:
    if isinstance(data, dict):
        return {key if isinstance(key, str) else str(key): _text_keys(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_text_keys(item) for item in data]
    return data
