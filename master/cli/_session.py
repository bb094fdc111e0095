"""One run of `salt`: publishes a job, all at once or in batches, and prints what comes back."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from master.cli._live import Live
from master.cli._outcome import EX_NO_MINIONS, EX_NOT_ACCEPTED, Item, Tally, is_known, named, retcode_of, sentence_of
from master.cli.common import EX_INTERRUPTED, Printer
from master.client import LocalClient
from master.control_client import Following, Verdict
from transports.messages import Return

NOBODY = "No minions matched the target. No command was sent, no jid was assigned."
INTERRUPTED = """
Exiting gracefully on Ctrl-c
This job's jid is: {0}
The minions may not have all finished running and any remaining minions will return upon completion. To look up the \
return data for this job later, run the following command:

salt-run jobs.lookup_jid {0}"""


@dataclass(frozen=True)
class Call:
    """What is asked of whom.

    Attributes:
        tgt, tgt_type: whom.
        fun, arg: what, in the form that travels.
        timeout: seconds; None for the configured ones.
        kwargs: further arguments of `LocalClient`.
    """

    tgt: str | list[str]
    tgt_type: str
    fun: str | list[str]
    arg: Sequence[Any] = ()
    timeout: float | None = None
    kwargs: dict[str, Any] = field(default_factory=dict)

    def start(self, client: LocalClient, minions: list[str] | None = None) -> Following:
        """Publishes it, to these minions if they are given."""
        tgt, kind = (self.tgt, self.tgt_type) if minions is None else (minions, "list")
        return client.start(tgt, self.fun, self.arg, kind, timeout=self.timeout, **self.kwargs)


@dataclass(frozen=True)
class Batching:
    """How many minions at a time.

    Attributes:
        size: a number or a percentage; "" for all at once.
        wait: seconds before the next minion takes the place of one that answered.
        failhard: stop at the first failure.
    """

    size: str
    wait: float
    failhard: bool


@dataclass(frozen=True)
class Showing:
    """What is printed beside the results."""

    verbose: bool
    show_jid: bool
    hide_timeout: bool
    static: bool
    progress: bool
    summary: bool


class Session:
    """One run of the command.

    Args:
        client: publishes.
        printer: prints results.
        call: what is asked.
        showing: what else is printed.
    """

    def __init__(self, client: LocalClient, printer: Printer, call: Call, showing: Showing) -> None:
        self._client, self._printer, self._call, self._showing = client, printer, call, showing
        self._tally, self._live = Tally(), Live()
        self._results: dict[str, Any] = {}
        self._proposed = ""

    # ------------------------------------------------------ all at once

    def follow(self, minions: list[str] | None = None) -> int:
        """Publishes the job and waits for everybody; returns the exit code."""
        with self._call.start(self._client, minions) as following:
            if not following.jid:
                return self._nobody(following)
            try:
                self._header(following.jid)
                self._receive(following)
            except KeyboardInterrupt:
                self._live.clear()
                print(INTERRUPTED.format(following.jid), file=sys.stderr)
                return EX_INTERRUPTED
        if not following.minions and not self._tally.told:
            return self._nobody(following, "No minions matched the target.")
        self._end()
        return self._tally.exit_code()

    def _receive(self, following: Following) -> None:
        if self._call.fun == "sys.doc":
            self._print_docs(self._items(following))
        elif self._showing.progress:
            self._draw_progress(following)
        else:
            for item in self._items(following):
                self._show(item, following.jid)
            self._print_static()

    def _items(self, following: Following) -> Iterator[Item]:
        while True:
            try:
                item = following.next(self._live.patience)
            except TimeoutError:
                self._live.draw(self._tally.told, following.open)
                continue
            self._live.clear()
            if item is None:
                return
            self._tally.add(item)
            yield item

    def _draw_progress(self, following: Following) -> None:
        from minion.output.progress import Bar

        bar = Bar(len(following.minions), sys.stdout)
        for item in following:
            self._tally.add(item)
            bar.update(self._tally.told)
        bar.finish()

    # ----------------------------------------------------------- batches

    def batch(self, batching: Batching) -> int:
        """Runs on some minions at a time; returns the exit code."""
        from master.batch import Batch, Begun, size_of

        limits = {"timeout": self._call.timeout, "delimiter": self._call.kwargs.get("delimiter")}
        up, down = self._client.responsive(self._call.tgt, self._call.tgt_type, **limits)
        if not up and not down:
            print(f"{NOBODY}\nNo minions matched the target.")
            print("ERROR: No return received", file=sys.stderr)
            return EX_NO_MINIONS
        for verdict in down:
            self._tally.add(verdict)
            self._remark(f"Minion {verdict.id} did not respond. No job will be sent.")
        batch = Batch(
            up,
            size_of(batching.size, len(up)),
            lambda chosen: self._call.start(self._client, chosen),
            batching.wait,
            batching.failhard,
        )
        for item in batch:
            if isinstance(item, Begun):
                self._remark(f"\nExecuting run on {sorted(item.minions)}\n")
            else:
                self._tally.add(item)
                self._show_of_batch(item)
        self._print_static()
        if batch.halted:
            sys.stdout.flush()
            left = f"; not run: {named(batch.left)}" if batch.left else ""
            print(f"Batch run stopped due to failhard{left}", file=sys.stderr)
        self._end()
        return self._tally.highest_retcode()

    def _show_of_batch(self, item: Item) -> None:
        if self._showing.static:
            self._show(item, "")
        elif isinstance(item, Verdict):
            self._remark(f"Minion '{item.id}' failed to respond to job sent")
        else:
            shown = {item.id: item.value, "jid": item.jid, "retcode": retcode_of(item)}
            self._printer.show(shown, item.out, retcode_of(item), item.fun_args)

    def _remark(self, text: str) -> None:
        if not self._showing.static:
            print(text, flush=True)

    # ---------------------------------------------------------- printing

    def _header(self, jid: str) -> None:
        if self._showing.verbose:
            title = f"Executing job with jid {jid}"
            print(f"{title}\n{'-' * len(title)}\n", flush=True)
        elif self._showing.show_jid:
            print(f"jid: {jid}", flush=True)

    def _show(self, item: Item, jid: str) -> None:
        if isinstance(item, Verdict) and self._showing.hide_timeout:
            return
        value = item.value if isinstance(item, Return) else sentence_of(item, jid)
        if self._showing.static:
            self._results[item.id] = value
            self._proposed = item.out if isinstance(item, Return) and item.out else self._proposed
        elif isinstance(item, Return):
            self._printer.show({item.id: value}, item.out, retcode_of(item), item.fun_args)
        else:
            self._printer.show({item.id: value}, "no_return", 1)

    def _print_static(self) -> None:
        if not self._showing.static or not self._results:
            return
        from minion.output import choose

        fun = self._call.fun if isinstance(self._call.fun, str) else ""
        outputter = choose(str(self._printer.opts.get("output") or ""), self._proposed, fun=fun, static=True)
        self._printer.show(self._results, outputter, self._tally.exit_code(), list(self._call.arg))

    def _print_docs(self, items: Iterator[Item]) -> None:
        from minion.output.text import printable

        docs: dict[str, str] = {}
        for item in items:
            if isinstance(item, Return) and isinstance(item.value, dict):
                docs.update({fun: text for fun, text in item.value.items() if text and fun not in docs})
            else:
                self._show(item, item.jid if isinstance(item, Return) else "")
        for fun in sorted(docs):
            if self._printer.opts.get("output"):
                self._printer.show({fun: docs[fun]}, "nested")
            else:
                print(printable(f"{fun}:\n{docs[fun]}\n"))

    def _nobody(self, following: Following, text: str = NOBODY) -> int:
        print(text)
        for minion_id, text in following.not_accepted.items():
            print(f"{minion_id}: {text}", file=sys.stderr)
        print("ERROR: No return received", file=sys.stderr)
        return EX_NOT_ACCEPTED if any(map(is_known, following.not_accepted.values())) else EX_NO_MINIONS

    def _end(self) -> None:
        if self._showing.summary or self._showing.progress:
            for line in self._tally.summary(self._showing.verbose):
                print(line)
        if not self._tally.fine:
            sys.stdout.flush()
            print("ERROR: Minions returned with non-zero exit code", file=sys.stderr)
            print(self._tally.sentence(), file=sys.stderr)
