"""`pprint`: the data as Python's pprint lays it out."""

from __future__ import annotations

import pprint
from typing import Any

from minion.output.settings import Settings


def output(data: Any, settings: Settings) -> str:
    """The data as Python source of up to 80 columns."""
    if isinstance(data, Exception):
        data = str(data)
    if isinstance(settings.indent, int) and settings.indent >= 0:
        return pprint.pformat(data, indent=settings.indent)
    return pprint.pformat(data)
