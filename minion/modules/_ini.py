"""INI files: read into sections that keep comments and order, changed, and written back."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Optional

from minion import atomic
from minion.errors import CommandExecutionError

_SECTION = re.compile(r"^\s*\[(.+?)\]\s*$", re.M)
_COMMENT = re.compile(r"^\s*[#;]")


class Section(Dict[str, Any]):
    """Options and their text, sections within, and under keys that begin with # the lines that are neither."""

    def __init__(self, name: str = "", separator: str = "=") -> None:
        super().__init__()
        self.name, self.separator = name, separator
        self._lines = 0

    def parse(self, text: str) -> Section:
        """Reads the lines of this section."""
        option = re.compile(rf"(\s*)(.+?)\s*({re.escape(self.separator)})\s*(.*)\s*")
        indent, last = "", ""
        for line in text.strip("\n").split("\n") if text.strip("\n") else []:
            leading = re.match(r"\s+", line)
            if _COMMENT.match(line):
                last = self._keep(line)
            elif leading and leading.group().expandtabs(4) > indent and last:
                self[last] += "\n" + line  # the value goes on
            else:
                match = option.match(line)
                if match:
                    indent, last = match.group(1).expandtabs(4), match.group(2)
                    self[last] = match.group(4)
                else:
                    last = self._keep(line)
        return self

    def _keep(self, line: str) -> str:
        """Keeps a line that is no option; returns its key."""
        self._lines += 1
        key = f"#{self._lines}"
        self[key] = line
        return key

    def absorb(self, other: Section) -> None:
        """Takes over what a second section of the same name says."""
        for key, value in other.items():
            if key.startswith("#"):
                self._keep(value)
            else:
                self[key] = value

    def change(self, values: Mapping[str, Any]) -> Dict[str, Any]:
        """Sets options and sections; returns what that changed, as before and after."""
        changes: Dict[str, Any] = {}
        for key, value in values.items():
            present = self.get(key)
            if isinstance(value, Mapping):
                if isinstance(present, Section):
                    inside = present.change(value)
                    if inside:
                        changes[key] = inside
                    continue
                section = Section(key, self.separator)
                section.change(value)
                changes[key] = {"before": present, "after": plain(section)}
                self[key] = section
            elif present != str(value):
                changes[key] = {"before": present, "after": str(value)}
                if present is None:
                    self._make_room(key)
                self[key] = str(value)
        return changes

    def _make_room(self, key: str) -> None:
        """A new option takes the place of a comment that shows it switched off."""
        shown = re.compile(rf"#+\s*{re.escape(key)}\s*{re.escape(self.separator)}")
        comment = next((name for name, text in self.items() if name[0] == "#" and shown.match(text)), None)
        if comment is None:
            return
        items = [(key if name == comment else name, value) for name, value in self.items()]
        self.clear()
        super().update(items)

    def lines(self, no_spaces: bool) -> Iterator[str]:
        """The lines of this section, and then those of the sections within."""
        separator = self.separator.strip()
        separator = " " if not separator else separator if no_spaces else f" {separator} "
        for key, value in self.items():
            if not isinstance(value, Section):
                yield value if key.startswith("#") else f"{key}{separator}{value}"
        for value in self.values():
            if isinstance(value, Section):
                yield ""
                yield f"[{value.name}]"
                yield from value.lines(no_spaces)


def plain(section: Section) -> Dict[str, Any]:
    """Options and sections without comments."""
    return {
        key: plain(value) if isinstance(value, Section) else value for key, value in section.items() if key[0] != "#"
    }


def read(path: str, separator: str, encoding: Optional[str]) -> Section:
    """A whole file; empty if it does not exist."""
    root = Section(separator=separator)
    try:
        with open(path, encoding=encoding or "utf-8", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        return root
    except (OSError, LookupError) as exc:
        raise CommandExecutionError(f"Unable to open file '{path}'. Exception: {exc}") from exc
    top, *rest = _SECTION.split("\n".join(text.splitlines()))
    root.parse(top)
    for name, content in zip(rest[::2], rest[1::2]):
        section = Section(name, separator).parse(content)
        known = root.get(name)
        if isinstance(known, Section):
            known.absorb(section)
        else:
            root[name] = section
    return root


def write(path: str, root: Section, encoding: Optional[str], no_spaces: bool = False) -> None:
    """Writes a whole file, unless it holds just that already."""
    lines: List[str] = list(root.lines(no_spaces))
    if lines and not lines[0]:
        del lines[0]
    raw = "".join(f"{line}\n" for line in lines).encode(encoding or "utf-8", "surrogateescape")
    try:
        if os.path.exists(path):
            with open(path, "rb") as file:
                if file.read() == raw:
                    return
        atomic.write(path, raw)
    except OSError as exc:
        raise CommandExecutionError(f"Unable to write file '{path}'. Exception: {exc}") from exc
