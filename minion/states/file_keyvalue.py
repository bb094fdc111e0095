"""Keys and values in files."""

from __future__ import annotations

import dataclasses
import os
from typing import Any, Dict, List, Optional

from minion.modules._file_common import rewrite
from minion.states._result import Result, begun, failed

__opts__: Dict[str, Any]
__virtualname__ = "file"


def keyvalue(
    name: str,
    key: Any = None,
    value: Any = None,
    key_values: Any = None,
    separator: str = "=",
    append_if_not_found: bool = False,
    prepend_if_not_found: bool = False,
    search_only: bool = False,
    show_changes: bool = True,
    ignore_if_missing: bool = False,
    count: int = 1,
    uncomment: Optional[str] = None,
    key_ignore_case: bool = False,
    value_ignore_case: bool = False,
    create_if_missing: bool = False,
    prune: bool = False,
) -> Result:
    """Sees to it that keys have certain values in a file with lines like `key=value`.

    Args:
        name: the file.
        key, value: one key and its value.
        key_values: several keys, with their values.
        separator: what stands between key and value.
        append_if_not_found: put missing keys at the end.
        prepend_if_not_found: put missing keys at the beginning.
        search_only: accepted, and of no effect.
        show_changes: False does not tell what has changed.
        ignore_if_missing: it is no failure if the file can't be read.
        count: how many lines of a key may be there; -1 for any number.
        uncomment: characters that make a line a comment; a line of the key behind them becomes none.
        key_ignore_case: keys match in upper or lower case.
        value_ignore_case: values match in upper or lower case.
        create_if_missing: make the file if there is none.
        prune: remove all lines that begin with none of the keys.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.keyvalue")
    if key is not None and value is not None:
        if isinstance(key_values, dict):
            return failed(ret, "file.keyvalue can not combine key_values with key and value")
        key_values = {str(key): value}
    elif not isinstance(key_values, dict) or not key_values:
        what = "is not a dictionary" if key_values else "is empty"
        return failed(ret, f"file.keyvalue key and value not supplied and key_values {what}")
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.readlines()
    except OSError as exc:
        if not (create_if_missing and isinstance(exc, FileNotFoundError)):
            ret.update(comment=f"unable to open {name}", result=bool(ignore_if_missing))
            return ret
        lines, append_if_not_found = [], True
    edit = _Edit(key_values, separator, count, uncomment, key_ignore_case, value_ignore_case, prune)
    edit.apply(lines)
    if append_if_not_found:
        edit.append_missing()
    elif prepend_if_not_found:
        edit.prepend_missing()
    return _conclude(ret, edit, show_changes)


def _conclude(ret: Result, edit: _Edit, show_changes: bool) -> Result:
    if not edit.changes and not edit.deleted:
        return ret
    name, diff, deleted = ret["name"], edit.told(), len(edit.deleted)
    if show_changes:
        ret["changes"]["diff"] = "".join(diff)
    if __opts__["test"]:
        ret["result"] = None
        ret["comment"] = f"File {name} is set to be changed ({edit.changes} lines modified, {deleted} deleted)"
        if show_changes:
            ret["comment"] += "\nPredicted diff:\n\r\t\t" + "\r\t\t".join(diff)
        return ret
    try:
        rewrite(name, "".join(edit.lines).encode("utf-8", "surrogateescape"))
    except OSError:
        return failed(ret, f"{name} not writable")
    ret["comment"] = f"Changed {edit.changes}, deleted {deleted} lines"
    return ret


@dataclasses.dataclass
class _Edit:
    """What `file.keyvalue` makes of a file; the first fields are its arguments."""

    key_values: Dict[str, Any]
    separator: str
    count: int
    uncomment: Optional[str]
    key_ignore_case: bool
    value_ignore_case: bool
    prune: bool
    lines: List[str] = dataclasses.field(default_factory=list)
    deleted: List[str] = dataclasses.field(default_factory=list)
    diff: List[str] = dataclasses.field(default_factory=list)
    changes: int = 0

    def __post_init__(self) -> None:
        self.key_values = {str(key): value for key, value in self.key_values.items()}
        self._wanted = dict.fromkeys(self.key_values, self.count)  # how many lines of each key may still come

    def apply(self, lines: List[str]) -> None:
        for line in lines:
            plain = line.lstrip(self.uncomment)
            if self.prune and not self._folded(plain).startswith(tuple(map(self._folded, self.key_values))):
                self.deleted.append(line)
                continue
            key, separator, present = (plain if len(plain) < len(line) else line).partition(self.separator)
            for wanted in self.key_values if separator == self.separator else ():
                if self._folded(key) == self._folded(wanted):
                    line = self._changed(line, key, present.strip(), wanted, len(plain) < len(line))
            if line:
                self.lines.append(line)

    def _folded(self, key: str) -> str:
        return key.lower() if self.key_ignore_case else key

    def _changed(self, line: str, key: str, present: str, wanted: str, is_comment: bool) -> str:
        """The line of a key as it shall be; "" if it shall not be there."""
        value, left = self.key_values[wanted], self._wanted[wanted]
        text = str(value).strip()
        matches = present.lower() == text.lower() if self.value_ignore_case else present == text
        if left > 0:
            self._wanted[wanted] -= 1
        if left <= 0 if is_comment else matches and left != 0:
            return line
        self.diff.append(f"- {line}")
        self.changes += 1
        if left == 0:
            return ""
        new = self._line(key, value)
        kind = "" if isinstance(value, str) else f" (from {type(value).__name__} type)"
        self.diff.append(f"+ {new.rstrip()}{kind}\n" if kind else f"+ {new}")
        return new

    def _line(self, key: str, value: Any) -> str:
        return f"{key}{self.separator}{value}\n"

    def _missing(self) -> List[str]:
        return [self._line(key, value) for key, value in self.key_values.items() if self._wanted[key] > 0]

    def append_missing(self) -> None:
        missing = self._missing()
        if missing and self.lines and not self.lines[-1].endswith("\n"):
            self.lines[-1] += "\n"
        self.lines += missing
        self.changes += len(missing)
        if missing:
            self.diff += ["- <EOF>\n", *(f"+ {line}" for line in missing), "+ <EOF>\n"]

    def prepend_missing(self) -> None:
        missing = self._missing()[::-1]
        self.lines = missing + self.lines
        self.changes += len(missing)
        if missing:
            self.diff = ["  <SOF>\n", *(f"+ {line}" for line in missing), *self.diff]

    def told(self) -> List[str]:
        """The differences, with the lines that were pruned."""
        diff = list(self.diff)
        for line in self.deleted:
            diff.insert(1, f"- {line}")
        return diff
