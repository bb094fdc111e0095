"""What a user reads when a template fails: the line, and the lines around it."""

from __future__ import annotations

import os
import sys
import traceback
from typing import List, NoReturn, Optional

from minion.errors import SaltRenderError, format_traceback, lines_around

_MARKER = "    <======================"
_TEMPLATE_FRAMES = ("top-level template code", "template", "<module>")  # as Jinja names its rewritten frames


def fail(message: str, text: str, with_trace: bool = False) -> NoReturn:
    """Raises the error that tells of the exception at hand.

    If it happened in another file than the rendered SLS, say in an imported macro, that file's lines are shown.
    """
    frame = _failing_frame(traceback.extract_tb(sys.exc_info()[2]))
    line = frame.lineno if frame else None
    elsewhere = _elsewhere(frame)
    trace = format_traceback() if with_trace else None
    if elsewhere:
        raise SaltRenderError(message + elsewhere, trace=trace)
    raise SaltRenderError(message, line, f"{text}\n{trace}" if trace and line else text if line else "", trace=trace)


def _failing_frame(frames: List[traceback.FrameSummary]) -> Optional[traceback.FrameSummary]:
    in_templates = [frame for frame in frames if frame.name in _TEMPLATE_FRAMES]
    return in_templates[-1] if in_templates else None


def _elsewhere(frame: Optional[traceback.FrameSummary]) -> str:
    if frame is None or not os.path.exists(frame.filename):
        return ""
    with open(frame.filename, encoding="utf-8", errors="replace") as source:
        lines = lines_around(source.read(), frame.lineno or 0, _MARKER)
    return f"\n{frame.filename}({frame.lineno}):\n{lines}"
