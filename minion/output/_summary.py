"""Counts the states of a run and writes the lines below them."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Iterator, List, Mapping

from minion.output.settings import Settings


@dataclasses.dataclass
class Tally:
    """What the states of one run came to."""

    results: Dict[Any, int] = dataclasses.field(default_factory=dict)
    changed: int = 0
    warnings: int = 0
    durations: List[float] = dataclasses.field(default_factory=list)
    parallel: List[float] = dataclasses.field(default_factory=list)

    def add(self, state: Mapping[str, Any], names: int) -> None:
        """Counts one state that stands for so many names."""
        result = state["result"]
        self.results[result] = self.results.get(result, 0) + names
        durations = self.parallel if "__parallel__" in state else self.durations
        try:
            durations.append(float(str(state.get("duration", 0)).partition(" ms")[0]))
        except ValueError:  # a state of the user's own may write what it likes
            pass

    @property
    def total(self) -> int:
        return sum(self.results.values())

    @property
    def failed(self) -> int:
        return self.results.get(False, 0)

    @property
    def succeeded(self) -> int:
        return self.results.get(True, 0) + self.results.get(None, 0)

    @property
    def milliseconds(self) -> float:
        """States that ran side by side count as long as the longest of them."""
        return sum(self.durations) + max(self.parallel, default=0.0)


def summary(host: str, tally: Tally, settings: Settings, paint: Callable[[str, str], str]) -> Iterator[str]:
    """The lines from `Summary for ...` on."""
    counts = list(tally.results.values()) + ([tally.warnings] if tally.warnings else [])
    width = len("Succeeded: ") + max((len(str(count)) for count in counts), default=0)
    rule = "-" * width
    failure = "RED" if tally.failed else "CYAN"

    def count(label: str, value: Any) -> str:
        return f"{label}: {value:>{width - len(label) - 2}}"

    yield paint("CYAN", f"\nSummary for {host}\n{rule}")
    yield paint("GREEN", count("Succeeded", tally.succeeded)) + _changes(tally, paint)
    yield paint(failure, count("Failed", tally.failed))
    if settings.state_output_pct and tally.total:
        yield paint("GREEN", count("Success %", round(tally.succeeded / tally.total * 100, 2)))
        yield paint(failure, count("Failure %", round(tally.failed / tally.total * 100, 2)))
    if tally.warnings:
        yield paint("LIGHT_RED", count("Warnings", tally.warnings))
    yield paint("CYAN", f"{rule}\nTotal states run: {tally.total:>{width - 7}}")
    if settings.state_output_profile:
        yield paint("CYAN", f"Total run time: {_duration(tally.milliseconds, width - 5)}")


def _changes(tally: Tally, paint: Callable[[str, str], str]) -> str:
    shown = []
    if tally.results.get(None):
        shown.append(paint("LIGHT_YELLOW", f"unchanged={tally.results[None]}"))
    if tally.changed:
        shown.append(paint("GREEN", f"changed={tally.changed}"))
    return f" ({', '.join(shown)})" if shown else ""


def _duration(milliseconds: float, width: int) -> str:
    if milliseconds > 999:
        return f"{milliseconds / 1000:.3f}".rjust(width) + " s"
    return f"{milliseconds:.3f}".rjust(width) + " ms"
