"""What a job came to: for the last line, the summary and the exit code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Union

from master.control_client import Verdict
from master.jobs import State
from transports.messages import Return

EX_OK = 0
EX_FAILED = 1
EX_NO_MINIONS = 2
EX_NOT_DELIVERED = 10
EX_NOT_ACCEPTED = 11
EX_NO_ANSWER = 12
EX_RUNNING = 13
EX_LOST = 14

Item = Union[Return, Verdict]

_NOT_ACCEPTED_MARK = "[Not accepted]"
# The worst first: the exit code tells of the worst that happened to any minion.
_STATES = (
    (State.LOST, EX_LOST, "return lost"),
    (State.SILENT, EX_NO_ANSWER, "no answer"),
    (State.DELIVERED, EX_NO_ANSWER, "delivered but no answer"),
    (State.UNDELIVERED, EX_NOT_DELIVERED, "not connected"),
    (State.NOT_ACCEPTED, EX_NOT_ACCEPTED, "not accepted"),
    (State.RUNNING, EX_RUNNING, "still running"),
)
_NAMED = 10
_LATER = (
    "\nThe minions may not have all finished running and any remaining minions will return upon completion. "
    "To look up the return data for this job later, run the following command:\n\nsalt-run jobs.lookup_jid {}"
)


class Tally:
    """Counts what becomes of the minions of a job."""

    def __init__(self) -> None:
        self._fine = 0
        self._failed: dict[str, int] = {}
        self._silent: dict[str, dict[str, str]] = {}  # state -> minion -> text

    @property
    def told(self) -> int:
        """Of how many minions it is known what became of them."""
        return self._fine + len(self._failed) + sum(map(len, self._silent.values()))

    @property
    def fine(self) -> bool:
        """Whether every minion returned success."""
        return self.told == self._fine

    def add(self, item: Item) -> None:
        """Counts one minion."""
        if isinstance(item, Verdict):
            self._silent.setdefault(item.state, {})[item.id] = item.text
        elif item.ok:
            self._fine += 1
        else:
            self._failed[item.id] = retcode_of(item)

    def exit_code(self) -> int:
        """What the command ends with."""
        if self._failed:
            return EX_FAILED
        for state, code, _ in _STATES:
            if self._silent.get(state.value):
                return code
        return EX_OK if self.fine else EX_NO_ANSWER

    def highest_retcode(self) -> int:
        """Like `exit_code`, but the highest return code where functions failed, as batches have it."""
        return max(self._failed.values(), default=0) or self.exit_code()

    def sentence(self) -> str:
        """All of it in one line: how many are fine, and who is not."""
        groups = [(f"failed: {named(self._failed)}")] if self._failed else []
        for state, _, label in _STATES:
            minions = self._silent.get(state.value)
            if minions:
                groups.append(f"{label}: {named(minions)}")
        return f"{self._fine} of {self.told} minions returned success; {'; '.join(groups)}"

    def summary(self, verbose: bool) -> Iterator[str]:
        """The lines of `--summary`.

        Args:
            verbose: with names.
        """
        rule = "-------------------------------------------"
        away = sorted({**self._of(State.UNDELIVERED), **self._of(State.NOT_ACCEPTED)})
        silent = sorted(
            {**self._of(State.LOST), **self._of(State.SILENT), **self._of(State.DELIVERED), **self._of(State.RUNNING)}
        )
        yield from ("\n", rule, "Summary", rule)
        yield f"# of minions targeted: {self.told}"
        yield f"# of minions returned: {self._fine + len(self._failed)}"
        yield f"# of minions that did not return: {len(away) + len(silent)}"
        yield f"# of minions with errors: {len(self._failed)}"
        if verbose:
            for label, names in (
                ("Minions not connected", away),
                ("Minions not responding", silent),
                ("Minions with failures", sorted(self._failed)),
            ):
                if names:
                    yield f"{label}: {' '.join(names)}"
        yield rule

    def _of(self, state: State) -> Mapping[str, str]:
        return self._silent.get(state.value, {})


def retcode_of(item: Return) -> int:
    """One number for a return, whatever number of functions it is of; not 0 unless all is fine."""
    codes = item.retcode.values() if isinstance(item.retcode, Mapping) else (item.retcode,)
    return max(codes, default=0) or (0 if item.ok else EX_FAILED)


def sentence_of(verdict: Verdict, jid: str) -> str:
    """What is shown in place of a result."""
    since = ""
    if verdict.since and "since" not in verdict.text:
        since = time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(verdict.since))
    if verdict.state in (State.NOT_ACCEPTED.value, State.UNDELIVERED.value):
        return verdict.text + since
    return verdict.text + since + _LATER.format(jid)


def is_known(text: str) -> bool:
    """Whether the text about a minion that is not accepted says that its key was seen at least."""
    return _NOT_ACCEPTED_MARK in text


def named(minions: Iterable[str]) -> str:
    """Some names, in one line."""
    names = sorted(minions)
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"
