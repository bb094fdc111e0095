"""What `salt-deploy` shows: a table that fills, plain lines without a terminal, or all of it in the end."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TextIO

from master.cli.common import Printer
from master.deployments import HostRecord
from minion.output.text import printable

if TYPE_CHECKING:
    from ssh.deploy.run import Step

_ERASE_BELOW = "\x1b[J"
_RED, _GREEN, _YELLOW, _PLAIN = "\x1b[0;31m", "\x1b[0;32m", "\x1b[0;33m", "\x1b[0m"
_NAMED = 10
_STEPS = ("probe", "send", "trust", "start", "answer", "apply", "remove", "forget", "roll_back")


class Tally:
    """Counts what hosts come to.

    Args:
        hosts: all of them.

    Attributes:
        sent: tells how many bytes were sent so far.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        self.hosts = sorted(hosts)
        self.sent: Callable[[], int] = int
        self.records: dict[str, HostRecord] = {}
        self.steps: dict[str, tuple[str, float]] = {}  # who is at work: at what, since when
        self._start = time.monotonic()

    def begun(self, host: str, step: str) -> None:
        """A host begins a step."""
        since = self.steps[host][1] if host in self.steps else time.monotonic()
        self.steps[host] = (step, since)

    def ended(self, record: HostRecord) -> None:
        """A host is done."""
        self.steps.pop(record.id, None)
        self.records[record.id] = record

    @property
    def failed(self) -> list[str]:
        """Hosts that are not as they should be."""
        return sorted(name for name, record in self.records.items() if not record.fine)

    @property
    def fine(self) -> bool:
        """Whether all hosts are."""
        return len(self.records) == len(self.hosts) and not self.failed

    def status(self) -> str:
        """How far it is, in one line."""
        done, count = len(self.records), len(self.hosts)
        seconds = time.monotonic() - self._start
        at = Counter(step for step, _ in self.steps.values())
        parts = [f"{done}/{count} done"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        parts += [f"{at[step]} {step}" for step in _STEPS if at[step]]
        parts.append(f"{size(self.sent())} sent, {size(int(self.sent() / max(seconds, 0.1)))}/s")
        if 0 < done < count:
            parts.append(f"about {seconds / done * (count - done):.0f} s left")
        return ", ".join(parts)

    def summary(self) -> str:
        """All of it, in one line."""
        outcomes = Counter(record.outcome for record in self.records.values() if record.fine)
        parts = [f"{outcome}: {count} of {len(self.hosts)}" for outcome, count in sorted(outcomes.items())]
        parts.append(f"changed: {sum(record.changed for record in self.records.values())}")
        if self.failed:
            shown = ", ".join(self.failed[:_NAMED]) + (", ..." if len(self.failed) > _NAMED else "")
            parts.append(f"failed: {len(self.failed)} ({shown})")
        parts.append(f"{size(self.sent())} sent in {time.monotonic() - self._start:.1f} s")
        return ", ".join(parts)


class Report:
    """Shows nothing until the end, then all of it through an outputter.

    Args:
        tally: what is counted.
        printer: prints.
    """

    patience: float | None = None

    def __init__(self, tally: Tally, printer: Printer) -> None:
        self.tally, self._printer = tally, printer

    def take(self, item: Step | HostRecord) -> None:
        """What comes from a run."""
        if isinstance(item, HostRecord):
            self.ended(item)
        else:
            self.begun(item.id, item.step)

    def begun(self, host: str, step: str) -> None:
        """A host begins a step."""
        self.tally.begun(host, step)

    def ended(self, record: HostRecord) -> None:
        """A host is done."""
        self.tally.ended(record)

    def tick(self) -> None:
        """Some time has passed."""

    def close(self) -> None:
        """Nothing more comes."""
        told = {name: plain(self.tally.records[name]) for name in sorted(self.tally.records)}
        self._printer.show(told, "nested", 0 if self.tally.fine else 1)


class Lines(Report):
    """A line for each host that is done."""

    def __init__(self, tally: Tally, printer: Printer, stream: TextIO | None = None) -> None:
        super().__init__(tally, printer)
        self._stream = stream or sys.stdout
        self._width = min(40, max(map(len, tally.hosts), default=4))

    def ended(self, record: HostRecord) -> None:
        super().ended(record)
        self._say(self.row(record))

    def close(self) -> None:
        """All was said."""

    def row(self, record: HostRecord) -> str:
        """What a host came to."""
        seconds = f"{record.seconds:.1f} s" if record.seconds else ""
        sent = size(record.sent) if record.sent else ""
        changed = "changed" if record.changed else ""
        text = " ".join(printable(record.text).split())
        return f"{record.id:<{self._width}}  {record.outcome:<15} {changed:<8} {seconds:>8} {sent:>9}  {text}".rstrip()

    def _say(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class Table(Lines):
    """The same on a terminal, with those at work below, as they advance."""

    patience = 0.2

    def __init__(self, tally: Tally, printer: Printer, colors: bool = True, stream: TextIO | None = None) -> None:
        super().__init__(tally, printer, stream)
        self._colors, self._drawn, self._last = colors, 0, 0.0
        self._say(f"{'host':<{self._width}}  {'outcome':<15} {'':<8} {'time':>8} {'sent':>9}")

    def begun(self, host: str, step: str) -> None:
        super().begun(host, step)
        self.tick()

    def ended(self, record: HostRecord) -> None:
        self._clear()
        super().ended(record)
        self.tick()

    def row(self, record: HostRecord) -> str:
        if not self._colors:
            return super().row(record)
        color = _RED if not record.fine else _GREEN if record.changed else _PLAIN
        return f"{color}{super().row(record)}{_PLAIN}"

    def tick(self) -> None:
        """Draws those at work anew, not too often."""
        now = time.monotonic()
        if now - self._last < self.patience:
            return
        self._last = now
        self._clear()
        screen = shutil.get_terminal_size()
        shown = list(self.tally.steps.items())[: max(0, screen.lines - 4)]
        rows = [f"{name:<{self._width}}  {step:<24} {now - since:>6.1f} s" for name, (step, since) in shown]
        rows.append(self.tally.status())
        self._stream.write("".join(f"{row[: screen.columns - 1]}\n" for row in rows))
        self._stream.flush()
        self._drawn = len(rows)

    def close(self) -> None:
        self._clear()
        self._stream.flush()

    def _clear(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F{_ERASE_BELOW}")
            self._drawn = 0


def plain(record: HostRecord) -> Mapping[str, Any]:
    """A host for outputters."""
    return {
        "result": record.fine, "outcome": record.outcome, "changed": record.changed, "comment": record.text,
        "step": record.step, "seconds": record.seconds, "sent": record.sent,
    }  # fmt: skip


def size(count: int) -> str:
    """A number of bytes, readable."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
