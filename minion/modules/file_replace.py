"""Replaces text in files by regular expressions."""

from __future__ import annotations

import dataclasses
import os
import re
from typing import Any, AnyStr, Callable, List, Optional, Tuple

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import keep_copy, rewrite
from minion.modules._file_diff import diff, is_text_file

__virtualname__ = "file"


def replace(
    path: str,
    pattern: str,
    repl: Any,
    count: int = 0,
    flags: Any = 8,
    bufsize: Any = 1,
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    not_found_content: Any = None,
    backup: Any = ".bak",
    dry_run: bool = False,
    search_only: bool = False,
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    preserve_inode: bool = True,
    backslash_literal: bool = False,
    encoding: Optional[str] = None,
) -> Any:
    """Replaces what matches a regular expression in a file.

    Args:
        path: the file. Through a link, the file that it leads to is changed.
        pattern: the regular expression.
        repl: the replacement; `\\1` and the like stand for groups.
        count: at most that often; 0 for everywhere.
        flags: flags of the regular expression, as names or a number; MULTILINE if not given.
        bufsize: accepted, and of no effect: files are always looked at as a whole.
        append_if_not_found: if nothing matches, put the replacement at the end, as a line.
        prepend_if_not_found: if nothing matches, put the replacement at the beginning, as a line.
        not_found_content: what to put there instead of the replacement.
        backup: keep the file as it was under this ending; nothing for not at all.
        dry_run: change nothing, only find out.
        search_only: only tell whether anything matches.
        show_changes: return the difference, rather than True or False.
        ignore_if_missing: return False rather than to complain if there is no such file.
        preserve_inode: if the file has several names, change it under all of them.
        backslash_literal: take backslashes in the replacement as they are.
        encoding: how the file is encoded; if not given, it is worked on as bytes.

    CLI Example:

    .. code-block:: bash

        salt '*' file.replace /path/to/file pattern="bind_tcp=False" repl="bind_tcp=True"
        salt '*' file.replace /etc/httpd/httpd.conf pattern='^LogLevel warn$' repl='LogLevel info'
        salt '*' file.replace /some/file 'before' 'after' flags='[MULTILINE, IGNORECASE]'
    """
    given = os.path.expanduser(path)
    path = os.path.realpath(given)
    if not os.path.exists(path):
        if ignore_if_missing:
            return False
        raise SaltInvocationError(f"File not found: {path}")
    if encoding is None and not is_text_file(path):
        raise SaltInvocationError(f"Cannot perform string replacements on a binary file: {path}")
    if search_only and (append_if_not_found or prepend_if_not_found):
        raise SaltInvocationError("search_only cannot be used with append/prepend_if_not_found")
    if append_if_not_found and prepend_if_not_found:
        raise SaltInvocationError("Only one of append and prepend_if_not_found is permitted")
    where = "append" if append_if_not_found else "prepend" if prepend_if_not_found else ""
    added = None if not_found_content is None else str(not_found_content)
    task = _Replacement(pattern, str(repl), count, _regex_flags(flags), where, added, backslash_literal)
    raw = _read(path)
    content: Any = raw if encoding is None else raw.decode(encoding)
    convert: Callable[[str], Any] = _to_bytes if encoding is None else str
    if search_only:
        return task.matches(content, convert)
    old, new = task.apply(content, convert)
    if old != new and not dry_run:
        if backup:
            _keep(path, given, str(backup))
        result = convert("").join(new)
        store = rewrite if preserve_inode else atomic.write
        store(path, result if encoding is None else result.encode(encoding))
    return diff(old, new) if show_changes else old != new


def search(
    path: str, pattern: str, flags: Any = 8, bufsize: Any = 1, ignore_if_missing: bool = False, multiline: bool = False
) -> bool:
    """Tells whether a regular expression matches in a file.

    Args:
        path: the file.
        pattern: the regular expression.
        flags: flags of the regular expression, as names or a number; MULTILINE if not given.
        bufsize: accepted, and of no effect: files are always looked at as a whole.
        ignore_if_missing: return False rather than to complain if there is no such file.
        multiline: add the flag MULTILINE.

    CLI Example:

    .. code-block:: bash

        salt '*' file.search /etc/crontab 'mymaintenance.sh'
    """
    wanted = _regex_flags(flags) | (re.MULTILINE if multiline else 0)
    found = replace(
        path, pattern, "", flags=wanted, dry_run=True, search_only=True, ignore_if_missing=ignore_if_missing
    )
    return bool(found)


@dataclasses.dataclass(frozen=True)
class _Replacement:
    """What `file.replace` is to do. It works on bytes or on text: `convert` brings its own words into that form."""

    pattern: str
    repl: str
    count: int
    flags: int
    where: str  # to add a line if nothing matches: "append", "prepend", or ""
    added: Optional[str]
    backslash_literal: bool

    def matches(self, content: AnyStr, convert: Callable[[str], AnyStr]) -> bool:
        return bool(re.search(convert(self.pattern), content, self.flags))

    def apply(self, content: AnyStr, convert: Callable[[str], AnyStr]) -> Tuple[List[AnyStr], List[AnyStr]]:
        """The lines before and after."""
        repl = self.repl.replace("\\", "\\\\") if self.backslash_literal else self.repl
        result, hits = re.subn(convert(self.pattern), convert(repl), content, count=self.count, flags=self.flags)
        lines = result.splitlines(True)
        if self.where and not hits and not self._is_added(content, convert):
            line = convert((self.added or self.repl) + "\n")
            if self.where == "prepend":
                lines.insert(0, line)
            else:
                if lines and not lines[-1].endswith(convert("\n")):
                    lines[-1] += convert("\n")
                lines.append(line)
        return content.splitlines(True), lines

    def _is_added(self, content: AnyStr, convert: Callable[[str], AnyStr]) -> bool:
        """Whether an earlier run has added the line already."""
        line = convert(f"^{re.escape(self.added or self.repl)}($|(?=\r\n))")
        return bool(re.search(line, content, self.flags))


def _to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _regex_flags(flags: Any) -> int:
    """Flags of a regular expression, given as a number, a name or a list of names."""
    if isinstance(flags, int):
        return int(flags)
    names = [flags] if isinstance(flags, str) else flags
    if not isinstance(names, (list, tuple, set)):
        raise CommandExecutionError(
            f'Invalid re flags: "{flags}", must be given either as a single flag string, a list of strings, '
            "as an integer, or as an re flag"
        )
    result = 0
    for name in names:
        flag = re.RegexFlag.__members__.get(str(name).upper())
        if not flag:
            raise CommandExecutionError(f"Invalid re flag given: {name}")
        result |= flag
    return int(result)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise CommandExecutionError(f"Unable to open file '{path}'. Exception: {exc}") from exc


def _keep(path: str, given: str, ending: str) -> None:
    """Keeps a file as it is under another ending; and beside a link that led to it, a link that leads there."""
    keep_copy(path, path + ending)
    if os.path.islink(given):
        beside, target = given + ending, os.readlink(given) + ending
        if os.path.lexists(beside):
            os.remove(beside)
        os.symlink(target, beside)
