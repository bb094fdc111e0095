"""Keeps a marked block of a file as it should be."""

from __future__ import annotations

import codecs
import os
import re
from typing import Any, List, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import keep_copy
from minion.modules._file_diff import diff, is_binary

__virtualname__ = "file"

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)


def blockreplace(
    path: str,
    marker_start: str = "#-- start managed zone --",
    marker_end: str = "#-- end managed zone --",
    content: str = "",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    backup: Any = ".bak",
    dry_run: bool = False,
    show_changes: bool = True,
    append_newline: Optional[bool] = False,
    insert_before_match: Optional[str] = None,
    insert_after_match: Optional[str] = None,
) -> Any:
    """Replaces what stands between two marked lines of a file.

    Args:
        path: the file.
        marker_start: text of the line before the block.
        marker_end: text of the line behind the block.
        content: what the block is to hold.
        append_if_not_found: if there is no such block, put it at the end.
        prepend_if_not_found: if there is no such block, put it at the beginning.
        backup: keep the file as it was under this ending; False for not at all.
        dry_run: change nothing, only find out.
        show_changes: return the difference, rather than True or False.
        append_newline: put a line break between the content and the end marker; None for only if it has none.
        insert_before_match: if there is no such block, put it before the first line that matches.
        insert_after_match: if there is no such block, put it behind the first line that matches.

    CLI Example:

    .. code-block:: bash

        salt '*' file.blockreplace /etc/hosts '#-- start managed zone foobar : DO NOT EDIT --' \\
        '#-- end managed zone foobar --' $'10.0.1.1 foo.foobar\\n10.0.1.2 bar.foobar' True
    """
    if sum(map(bool, (append_if_not_found, prepend_if_not_found, insert_before_match, insert_after_match))) > 1:
        raise SaltInvocationError(
            "Only one of append_if_not_found, prepend_if_not_found, insert_before_match, "
            "and insert_after_match is permitted"
        )
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        raise SaltInvocationError(f"File not found: {path}")
    for name, value in (("insert_before_match", insert_before_match), ("insert_after_match", insert_after_match)):
        if value and not isinstance(value, str):
            raise CommandExecutionError(f"RegEx expected in {name} parameter.")
    old, encoding = _read_lines(path)
    content = str(content)
    if append_newline is None:
        append_newline = not content.endswith("\n")
    block = _Block(
        marker_start, marker_end, content.replace("\r\n", "\n").split("\n"), append_newline, _line_break(old)
    )
    new, found = block.replaced_in(old)
    if not found:
        place = _place(old, append_if_not_found, prepend_if_not_found, insert_before_match, insert_after_match)
        new = block.inserted_in(old, place)
    if new != old and not dry_run:
        if backup is not False and backup != "":
            target = os.path.realpath(path)
            keep_copy(target, f"{path}{backup}")
        atomic.write(path, "".join(new).encode(encoding, "surrogateescape"))
    return diff(old, new) if show_changes else new != old


def _read_lines(path: str) -> Tuple[List[str], str]:
    """The lines of a file, and its encoding."""
    with open(path, "rb") as file:
        raw = file.read()
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        if is_binary(raw[:2048]):
            raise SaltInvocationError(f"Cannot perform string replacements on a binary file: {path}") from None
        text = raw.decode(encoding, "surrogateescape")
    return re.findall(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+", text), encoding


def _line_break(lines: List[str]) -> str:
    return "\r\n" if lines and lines[0].endswith("\r\n") else "\n"


def _place(lines: List[str], append: bool, prepend: bool, before: Optional[str], after: Optional[str]) -> int:
    """Where a block goes that is not there yet."""
    if prepend:
        return 0
    if append:
        return len(lines)
    expression = before or after
    if expression:
        for index, line in enumerate(lines):
            if re.search(expression, line):
                return index if before else index + 1
    raise CommandExecutionError("Cannot edit marked block. Markers were not found in file.")


class _Block:
    """A block with its markers."""

    def __init__(self, start: str, end: str, content: List[str], append_newline: bool, line_break: str) -> None:
        self.start, self.end, self.content = start, end, content
        self.append_newline, self.line_break = append_newline, line_break

    def _closed(self, end_line: str) -> List[str]:
        """The content and the line behind it."""
        *first, last = self.content
        end_line = end_line.rstrip("\r\n")
        tail = [last, end_line] if self.append_newline else [last + end_line]
        return [line + self.line_break for line in [*first, *tail]]

    def replaced_in(self, lines: List[str]) -> Tuple[List[str], bool]:
        """The lines with each such block replaced, and whether there was any."""
        result: List[str] = []
        inside = found = False
        for line in lines:
            if self.start in line:
                inside = True
                result.append(line)
            elif not inside:
                result.append(line)
            elif self.end in line:
                inside, found = False, True
                result += self._closed(line[line.find(self.end) :])
        if inside:
            raise CommandExecutionError("Unterminated marked block. End of file reached before marker_end.")
        return result, found

    def inserted_in(self, lines: List[str], index: int) -> List[str]:
        """The lines with a new block before those from `index` on."""
        head = list(lines[:index])
        if head and not head[-1].endswith("\n"):
            head[-1] += self.line_break
        return [*head, self.start + self.line_break, *self._closed(self.end), *lines[index:]]
