"""Lines of files: put in, replaced, commented out and in."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, Optional

from minion.states._file import missing_file, text_lines, told_difference
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__states__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"


def line(
    name: str,
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
    create: bool = False,
    user: Any = None,
    group: Any = None,
    file_mode: Any = None,
) -> Result:
    """Sees to it that a line is in a file, or is not.

    Args:
        name: the file.
        content: the line; it need not be given to delete lines.
        match: the line to delete or replace: part of it, or a regular expression; `content` if not given.
        mode: `ensure` the line is behind `after` or before `before`, `replace` the one that matches,
            `delete` it, or `insert` the line.
        location: insert at the `start` or at the `end`.
        before: the line before which it belongs: part of it, or a regular expression.
        after: the line behind which it belongs, likewise.
        show_changes: False only tells that the file has changed.
        backup: keep the file as it was, under its name and the time.
        quiet: no complaint if the file has gone.
        indent: indent the line as its neighbour is.
        create: make an empty file if there is none.
        user, group, file_mode: what the file shall have.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.line")
    __states__["file.managed"](name, create=create, user=user, group=group, mode=file_mode, replace=False)
    complaint = missing_file(name)
    if complaint:
        return failed(ret, complaint)
    if mode is None:
        return failed(ret, "Mode was not defined. How to process the file?")
    mode = mode.lower()
    if mode != "delete" and content is None:
        return failed(ret, "Content can only be empty if mode is ['delete']")
    where = {"location": location, "before": before, "after": after, "indent": indent}
    changes = __salt__["file.line"](
        name, content, match=match, mode=mode, show_changes=show_changes, backup=backup, quiet=quiet, **where
    )
    return _told(ret, changes, "Changes would be made")


def _told(ret: Result, changes: Any, prediction: str) -> Result:
    if not changes:
        ret["comment"] = "No changes needed to be made"
        return ret
    if __opts__["test"]:
        return predicted(ret, prediction, diff=changes)
    ret.update(comment="Changes were made", changes={"diff": changes})
    return ret


def replace(
    name: str,
    pattern: str,
    repl: Any,
    count: int = 0,
    flags: Any = 8,
    bufsize: Any = 1,
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    not_found_content: Any = None,
    backup: Any = ".bak",
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    backslash_literal: bool = False,
    encoding: Optional[str] = None,
) -> Result:
    """Sees to it that what matches a regular expression in a file is replaced.

    Args:
        name: the file.
        pattern: the regular expression.
        repl: the replacement; `\\1` and the like stand for groups.
        count: at most that often; 0 for everywhere.
        flags: flags of the regular expression, as names or a number; MULTILINE if not given.
        bufsize: accepted, and of no effect: files are always looked at as a whole.
        append_if_not_found: if nothing matches, put the replacement at the end, as a line.
        prepend_if_not_found: if nothing matches, put the replacement at the beginning, as a line.
        not_found_content: what to put there instead of the replacement.
        backup: keep the file as it was under this ending; False for not at all.
        show_changes: False only tells that the file has changed.
        ignore_if_missing: it is no failure if there is no such file.
        backslash_literal: take backslashes in the replacement as they are.
        encoding: how the file is encoded; if not given, it is worked on as bytes.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.replace")
    complaint = missing_file(name)
    if complaint and not (ignore_if_missing and complaint.endswith("file not found")):
        return failed(ret, complaint)
    changes = not complaint and __salt__["file.replace"](
        name,
        str(pattern),
        repl,
        count=count,
        flags=flags,
        append_if_not_found=append_if_not_found,
        prepend_if_not_found=prepend_if_not_found,
        not_found_content=not_found_content,
        backup=backup,
        dry_run=__opts__["test"],
        show_changes=show_changes,
        ignore_if_missing=ignore_if_missing,
        backslash_literal=backslash_literal,
        encoding=encoding,
    )
    return _told(ret, changes, "Changes would have been made")


def comment(name: str, regex: str, char: str = "#", backup: Any = ".bak", ignore_missing: bool = False) -> Result:
    """Sees to it that lines which match a regular expression are commented out.

    Args:
        name: the file.
        regex: the regular expression; it is looked for at the beginning of lines.
        char: what to put before the lines.
        backup: keep the file as it was under this ending; False for not at all.
        ignore_missing: it is no failure if no line matches.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    complaint = missing_file(name) if name else "Must provide name to file.comment"
    if complaint:
        return failed(ret, complaint)
    plain = re.sub(r"^(\(\?[iLmsux]\))?\^?(.*?)\$?$", r"\2", regex)
    commented = char + plain
    if not _has(name, rf"^(?!\s*{char})\s*{plain}"):
        if _has(name, commented):
            ret["comment"] = "Pattern already commented"
        elif ignore_missing:
            ret["comment"] = "Pattern not found and ignore_missing set to True"
        else:
            failed(ret, f"{plain}: Pattern not found")
        return ret
    return _comment_line(ret, name, regex, char, backup, commented)


def uncomment(name: str, regex: str, char: str = "#", backup: Any = ".bak") -> Result:
    """Sees to it that lines which match a regular expression are no comments.

    Args:
        name: the file.
        regex: the regular expression; it is looked for behind the comment sign.
        char: the comment sign.
        backup: keep the file as it was under this ending; False for not at all.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    complaint = missing_file(name) if name else "Must provide name to file.uncomment"
    if complaint:
        return failed(ret, complaint)
    plain = regex.lstrip("^")
    uncommented = f"^[ \t]*{plain}"
    if not _has(name, f"{char}[ \t]*{plain}"):
        if not _has(name, uncommented):
            return failed(ret, f"{regex}: Pattern not found")
        ret["comment"] = "Pattern already uncommented"
        return ret
    return _comment_line(ret, name, regex, char, backup, uncommented, comment_in=True)


def _has(name: str, expression: str) -> bool:
    return bool(__salt__["file.search"](name, expression, multiline=True))


def _comment_line(
    ret: Result, name: str, regex: str, char: str, backup: Any, expected: str, comment_in: bool = False
) -> Result:
    """Comments lines out, or in; `expected` must match afterwards."""
    if __opts__["test"]:
        return predicted(ret, f"File {name} is set to be updated", **{name: "updated"})
    before = text_lines(name, keepends=True)
    __salt__["file.comment_line"](name, regex, char, not comment_in, backup)
    after = text_lines(name, keepends=True)
    if before != after:
        ret["changes"]["diff"] = told_difference(name, before, after)
    done = "Uncommented" if comment_in else "Commented"
    if not _has(name, expected):
        return failed(ret, f"Expected {done.lower()} lines not found")
    ret["comment"] = f"{done} lines successfully"
    return ret
