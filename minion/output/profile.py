"""`profile`: how long each state of a run took, the quickest first."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Tuple

from minion.output import table
from minion.output.settings import Settings

_NAME_LENGTH = 60


def output(data: Any, settings: Settings) -> str:
    """A table of names, functions and durations."""
    measured = sorted(_measured(data))
    shown = [f"{duration:0.4f}" for duration, _, _ in measured]
    width = max([len("duration (ms)"), *map(len, shown)])
    rows = [[name, function, text.rjust(width)] for (_, name, function), text in zip(measured, shown)]
    settings = dataclasses.replace(settings, table={**settings.table, "rows_key": "rows", "labels_key": "labels"})
    return table.output({"labels": ["name", "mod.fun", "duration (ms)"], "rows": rows}, settings)


def _measured(data: Any) -> Iterator[Tuple[float, str, str]]:
    for states in data.values():
        for tag, state in states.items():
            parts = tag.split("_|-")
            name = state.get("name", state.get("__id__"))
            name = "<>" if name is None else str(name)
            if len(name) > _NAME_LENGTH:
                name = name[: _NAME_LENGTH - 3] + "..."
            yield float(state.get("duration", -1)), name, f"{parts[0]}.{parts[-1]}"
