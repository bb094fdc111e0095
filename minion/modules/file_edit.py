"""Edits files line by line."""

from __future__ import annotations

import logging
import os
import re
import time
from typing import Any, Dict, List, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import keep_copy
from minion.modules._file_diff import diff, is_text_file
from minion.modules._file_line import MODES, Edit, ending, with_ending_of

__opts__: Dict[str, Any]
__virtualname__ = "file"

log = logging.getLogger(__name__)


def line(
    path: str,
    content: Optional[str] = None,
    match: Optional[str] = None,
    mode: Optional[str] = None,
    location: Optional[str] = None,
    before: Optional[str] = None,
    after: Optional[str] = None,
    show_changes: bool = True,
    backup: bool = False,
    quiet: bool = False,
    indent: bool = True,
) -> Any:
    """Puts a line into a file, takes it out or changes it.

    Args:
        path: the file.
        content: the line; it need not be given to delete lines.
        match: the line to delete or replace: part of it, or a regular expression; `content` if not given.
        mode: `ensure` the line is behind `after` or before `before`, `replace` the one that matches,
            `delete` it, or `insert` the line.
        location: insert at the `start` or at the `end`.
        before: the line before which it belongs: part of it, or a regular expression.
        after: the line behind which it belongs, likewise.
        show_changes: return the difference, rather than True or False.
        backup: keep the file as it was, under its name and the time.
        quiet: return False rather than to complain if there is no such file.
        indent: indent the line as its neighbour is.

    CLI Example:

    .. code-block:: bash

        salt '*' file.line /etc/nsswitch.conf "networks:\tfiles dns" after="hosts:.*?" mode='ensure'
    """
    path = os.path.realpath(os.path.expanduser(path))
    if not os.path.isfile(path):
        if quiet:
            return False
        raise CommandExecutionError(f'File "{path}" does not exists or is not a file.')
    if mode is None:
        raise CommandExecutionError("Mode was not defined. How to process the file?")
    if mode.lower() not in MODES:
        raise CommandExecutionError(f'Unknown mode: "{mode.lower()}"')
    if content is None and mode.lower() != "delete":
        raise CommandExecutionError('Content can only be empty if mode is "delete"')
    text = None if content is None else str(content)
    anchor = match or (text if before is None and after is None else match)
    edit = Edit(mode.lower(), text, anchor, location, before, after, indent)
    old = _read_lines(path)
    new = _edited(edit, old, path)
    if new == old:
        return False
    if not __opts__.get("test"):
        if backup:
            keep_copy(path, f"{path}.{time.strftime('%Y-%m-%d-%H-%M-%S')}")
        atomic.write(path, "".join(new))
    return diff(old, new) if show_changes else True


def _read_lines(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        return file.readlines()


def _edited(edit: Edit, lines: List[str], path: str) -> List[str]:
    if not lines and edit.mode in ("delete", "replace"):
        log.warning("Cannot find text to %s. File '%s' is empty.", edit.mode, path)
        return []
    # An empty line stands for the end of the file, so that something can be put behind the last line.
    closed = bool(lines) and bool(ending(lines[-1]))
    result = edit.apply(lines + [""] if closed else lines)
    for index, text in enumerate(result[:-1]):
        if not ending(text):
            result[index] = with_ending_of(result[index - 1] if index else result[1], text)
    return result[:-1] if result and result[-1] == "" else result


def comment(path: str, regex: str, char: str = "#", backup: Any = ".bak") -> Any:
    """Comments out the lines that match a regular expression. Returns the difference, or False if none matches.

    Args:
        path: the file.
        regex: the regular expression; it is looked for at the beginning of lines.
        char: what to put before the lines.
        backup: keep the file as it was under this ending; nothing for not at all.

    CLI Example:

    .. code-block:: bash

        salt '*' file.comment /etc/modules pcspkr
    """
    return comment_line(path, regex, char, True, backup)


def uncomment(path: str, regex: str, char: str = "#", backup: Any = ".bak") -> Any:
    """Takes the comment sign from the lines that match a regular expression behind it.

    The arguments are those of `file.comment`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.uncomment /etc/hosts.deny 'ALL: PARANOID'
    """
    return comment_line(path, regex, char, False, backup)


def comment_line(path: str, regex: str, char: str = "#", cmnt: bool = True, backup: Any = ".bak") -> Any:
    """Comments lines out, or in again if `cmnt` is False. The other arguments are those of `file.comment`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.comment_line /etc/modules pcspkr cmnt=False
    """
    path = os.path.realpath(os.path.expanduser(path))
    if not os.path.isfile(path):
        raise SaltInvocationError(f"File not found: {path}")
    if not is_text_file(path):
        raise SaltInvocationError(f"Cannot perform string replacements on a binary file: {path}")
    pattern = re.compile(_comment_pattern(regex, char, cmnt))
    changes: List[Tuple[str, str]] = []
    result = []
    for text in _read_lines(path):
        if pattern.match(text):
            changes.append((text, char + text if cmnt else text.lstrip(char)))
            text = changes[-1][1]
        result.append(text)
    if not changes:
        return False
    if backup:
        keep_copy(path, f"{path}{backup}")
    atomic.write(path, "".join(result))
    return diff([old for old, _ in changes], [new for _, new in changes])


def _comment_pattern(regex: str, char: str, cmnt: bool) -> str:
    inner, end = regex.lstrip("^").rstrip("$"), "$" if regex.endswith("$") else ""
    if cmnt:
        return f"{'^' if regex.startswith('^') else ''}({inner}){end}"
    return rf"^{char}\s*({inner}){end}"
