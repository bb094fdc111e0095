"""Turns results into the text that people and programs read.

One file for each outputter; each has `output(data, settings) -> str`. `render` finds it and falls back to a plainer one
if the data is not of the kind that it shows. What comes from a minion is made harmless for the terminal here.
"""

from __future__ import annotations

import importlib
import logging
from typing import Any, Dict

from minion.output.settings import DEFAULT_INDENT, Settings, from_opts
from minion.output.text import plain

__all__ = ["DEFAULT_INDENT", "OUTPUTTERS", "Settings", "choose", "from_opts", "render"]

log = logging.getLogger(__name__)

OUTPUTTERS: Dict[str, str] = {
    "highstate": "highstate",
    "json": "json",
    "key": "key",
    "nested": "nested",
    "newline_values_only": "newline_values_only",
    "no_return": "no_return",
    "pprint": "pprint",
    "profile": "profile",
    "progress": "progress",
    "quiet": "quiet",
    "raw": "raw",
    "table": "table",
    "text": "txt",
    "txt": "txt",
    "yaml": "yaml",
}

# Data of another kind than an outputter shows fails in these ways.
_UNFIT = (LookupError, AttributeError, TypeError)


def choose(asked: str, proposed: str = "", *, fun: str = "", static: bool = False) -> str:
    """Which outputter to use.

    Args:
        asked: by the user (`--out` or the option `output`); "" if not. `highstate` is no more than a wish: the result
            of a function that did not run states is not shown as if it had.
        proposed: by the function whose result it is.
        fun: that function.
        static: all results are printed at once (`--static`).
    """
    if asked and asked != "highstate":
        return asked
    if not proposed and static and (asked or fun.startswith("state.")):
        return "highstate"
    return proposed or "nested"


def render(data: Any, outputter: str, settings: Settings) -> str:
    """The text for some data, without white space at its end; "" if there is nothing to print.

    Args:
        data: usually minion id -> result.
        outputter: a name in OUTPUTTERS; "" means `nested`, and so does an unknown one, with a message.
        settings: how to print.
    """
    name = outputter or "nested"
    if name not in OUTPUTTERS:
        log.error("Invalid outputter %s specified, fall back to nested", name)
        name = "nested"
    data = plain(data)
    for candidate in dict.fromkeys((OUTPUTTERS[name], "nested")):
        module = importlib.import_module(f"{__name__}.{candidate}")
        try:
            return str(module.output(data, settings)).rstrip()
        except _UNFIT:
            log.debug("The data is not for the outputter %s", candidate, exc_info=True)
    from minion.output import raw

    return raw.output(data, settings).rstrip()
