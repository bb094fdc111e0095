"""Reads YAML."""

from __future__ import annotations

import logging
from typing import Any

from minion import yamlio
from minion.errors import SaltRenderError
from minion.renderers._text import read_text

log = logging.getLogger(__name__)


def render(source: Any, saltenv: str = "base", sls: str = "", argline: str = "", **options: Any) -> Any:
    """The data, with mappings in the order of the file; `{}` if there is none."""
    from yaml.constructor import ConstructorError
    from yaml.parser import ParserError
    from yaml.scanner import ScannerError

    try:
        data = yamlio.load(read_text(source), yamlio.OrderedLoader)
    except ScannerError as exc:
        mark = exc.problem_mark
        line = mark.line + 1 if mark else None
        log.error("%s in salt://%s (saltenv %s), line %s", exc.problem, sls, saltenv, line)
        tab = exc.problem == "found character '\\t' that cannot start any token"
        buffer = str(mark.buffer).rstrip("\0") if mark and mark.buffer else ""
        raise SaltRenderError("Illegal tab character" if tab else exc.problem, line, buffer) from None
    except (ParserError, ConstructorError, yamlio.LimitError) as exc:
        raise SaltRenderError(exc) from None
    return data or {}
