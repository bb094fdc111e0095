"""Where `file.line` puts a line, takes it away or changes it: lines in, lines out."""

from __future__ import annotations

import dataclasses
import re
from typing import Any, List, Optional

from minion.errors import CommandExecutionError

MODES = ("insert", "ensure", "delete", "replace")


@dataclasses.dataclass(frozen=True)
class Edit:
    """What `file.line` is to do; the fields are its arguments."""

    mode: str
    content: Optional[str]
    match: Optional[str]
    location: Optional[str]
    before: Optional[str]
    after: Optional[str]
    indent: bool

    def apply(self, lines: List[str]) -> List[str]:
        """The lines after the edit."""
        lines = list(lines)
        if self.mode == "delete":
            return self._delete(lines)
        if self.mode == "replace":
            return self._replace(lines)
        if self.mode == "insert":
            return self._insert(lines)
        return self._ensure(lines)

    def _delete(self, lines: List[str]) -> List[str]:
        matching = _matching(lines, self.match)
        return [line for line in lines if line != matching[0]] if matching else lines

    def _replace(self, lines: List[str]) -> List[str]:
        matching = _matching(lines, self.match)
        if matching:
            index = lines.index(matching[0])
            lines[index] = self._indented_like(matching[0])
        return lines

    def _insert(self, lines: List[str]) -> List[str]:
        if self.location is None and not (lines and (self.before or self.after)):
            raise CommandExecutionError('On insert either "location" or "before/after" conditions are required.')
        if self.location == "end":
            lines.append(self._indented_like(lines[-1]) if lines else self.text)
        elif self.location == "start":
            lines.insert(0, with_ending_of(lines[0], self.text) if lines else self.text + "\n")
        elif not self.location:
            self._insert_between(lines)
        return lines

    def _insert_between(self, lines: List[str]) -> None:
        before, after = _matching(lines, self.before), _matching(lines, self.after)
        if not before and not after:
            raise CommandExecutionError("Neither before or after was found in file")
        if after:
            _only(after, "after")
        if before:
            _only(before, "before")
        if before and after:
            index = lines.index(before[0])
            lines.insert(index, self._indented_like(lines[index]))
        elif after:
            self._put_behind(lines, lines.index(after[0]))
        else:
            index = lines.index(before[0])
            if not self._is_at(lines, index - 1):
                lines.insert(index, self._indented_like(lines[index]))

    def _ensure(self, lines: List[str]) -> List[str]:
        before, after = _matching(lines, self.before), _matching(lines, self.after)
        if before and after:
            _only(after, "after")
            _only(before, "before")
            self._ensure_between(lines, lines.index(after[0]), lines.index(before[0]))
        elif before:
            _only(before, "before")
            index = lines.index(before[0])
            if not self._is_at(lines, index - 1):
                lines.insert(index, self._indented_like(lines[index - 1]))
        elif after:
            _only(after, "after")
            self._put_behind(lines, lines.index(after[0]))
        else:
            raise CommandExecutionError(
                "Wrong conditions? Unable to ensure line without knowing where to put it before and/or after."
            )
        return lines

    def _ensure_between(self, lines: List[str], after: int, before: int) -> None:
        if any(line.lstrip() == self.text for line in lines):
            return
        if after + 1 == before:
            lines.insert(before, self._indented_like(lines[after]))
        elif after + 2 == before:
            lines[after + 1] = self._indented_like(lines[after])
        else:
            raise CommandExecutionError('Found more than one line between boundaries "before" and "after".')

    def _put_behind(self, lines: List[str], index: int) -> None:
        if not self._is_at(lines, index + 1):
            lines.insert(index + 1, self._indented_like(lines[index]))

    @property
    def text(self) -> str:
        """The line to put in."""
        assert self.content is not None
        return self.content

    def _is_at(self, lines: List[str], index: int) -> bool:
        return 0 <= index < len(lines) and lines[index].rstrip("\r\n") == self.text.rstrip("\r\n")

    def _indented_like(self, line: str) -> str:
        if not self.indent:
            return self.text
        return line[: len(line) - len(line.lstrip("\t "))] + self.text.lstrip()


def _matching(lines: List[str], expression: Any) -> List[str]:
    """The lines in which an expression is found, as a regular expression or literally."""
    if not lines or not expression:
        return []
    try:
        pattern = re.compile(str(expression), re.DOTALL)
    except re.error as exc:
        raise CommandExecutionError(f"{exc}: '{expression}'") from None
    return [line for line in lines if pattern.search(line) or str(expression) in line]


def _only(matching: List[str], name: str) -> None:
    if len(matching) > 1:
        raise CommandExecutionError(f'Found more than expected occurrences in "{name}" expression')


def ending(line: str) -> str:
    """The line break that a line ends with."""
    found = re.search(r"(\r\n|\n|\r)$", line)
    return found.group() if found else ""


def with_ending_of(model: str, line: str) -> str:
    """A line with the line break of another."""
    return line.rstrip() + (ending(model) or "\n")
