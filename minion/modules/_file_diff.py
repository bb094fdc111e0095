"""How two contents differ, and how much of that may be told."""

from __future__ import annotations

import dataclasses
import difflib
import io
from typing import Any, BinaryIO, Dict, Iterable, List, NamedTuple, Sequence, Union

from minion.errors import CommandExecutionError

_HEAD = 512  # so many bytes tell whether a file holds text
_TEXT_BYTES = bytes(range(32, 127)) + b"\n\r\t\f\b"


class Difference(NamedTuple):
    """What `Comparison` finds: the text (empty if nothing differs), and whether more differs than is ignored."""

    text: str
    substantial: bool


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What does not count as a difference, and what may be shown; the fields are arguments of `file.get_diff`."""

    ignore_ordering: bool = False
    ignore_whitespace: bool = False
    ignore_comment_characters: Any = None
    show_changes: bool = True
    obfuscate: bool = False

    @property
    def ignoring(self) -> bool:
        """Whether anything is ignored."""
        return bool(self.ignore_ordering or self.ignore_whitespace or self.ignore_comment_characters)

    def of_files(self, old: str, new: str, names: Sequence[str] = ("", "")) -> Difference:
        """Compares two files; of binary ones, however big, only little is held in memory."""
        kind = _binary_change(_head(old), _head(new))
        if not kind:
            return self.of(content_of(old), content_of(new), names)
        return Difference("", False) if _are_same(old, new) else self._told(kind, True)

    def of(self, old: bytes, new: bytes, names: Sequence[str] = ("", "")) -> Difference:
        """Compares two contents."""
        if old == new:
            return Difference("", False)
        kind = _binary_change(old[:_HEAD], new[:_HEAD])
        if kind:
            return self._told(kind, True)
        lines = diff_lines(io.BytesIO(old).readlines(), io.BytesIO(new).readlines(), *names)
        return self._told("".join(lines), not self.ignoring or self._differs_in_substance(lines))

    def _told(self, text: str, substantial: bool) -> Difference:
        if self.obfuscate:
            return Difference("<Obfuscated Template>", substantial)
        return Difference(text if self.show_changes else "<show_changes=False>", substantial)

    def _differs_in_substance(self, difference: Iterable[str]) -> bool:
        """Whether there is more to a difference than another order, comments, and maybe white space."""
        comments = self.ignore_comment_characters or []
        comments = [comments] if isinstance(comments, str) else comments
        sides: Dict[str, List[str]] = {"+": [], "-": []}
        for line in difference:
            if line[:1] not in sides or line.startswith(("+++", "---")):
                continue
            text = line[1:]
            for character in comments:
                text = text.partition(character)[0]
            text = text.strip() if self.ignore_whitespace else text
            if text:
                sides[line[0]].append(text)
        return sorted(sides["+"]) != sorted(sides["-"])


def content_of(path: str) -> bytes:
    """What a file holds."""
    with _opened(path) as file:
        return file.read()


def _opened(path: str) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as exc:
        raise CommandExecutionError(f"Failed to read {path}: {exc.strerror}") from exc


def _head(path: str) -> bytes:
    with _opened(path) as file:
        return file.read(_HEAD)


def _are_same(one: str, other: str) -> bool:
    with _opened(one) as first, _opened(other) as second:
        while True:
            chunks = first.read(1 << 20), second.read(1 << 20)
            if chunks[0] != chunks[1]:
                return False
            if not chunks[0]:
                return True


def _binary_change(old: bytes, new: bytes) -> str:
    was, will_be = is_binary(old), is_binary(new)
    if was and will_be:
        return "Replace binary file"
    if was:
        return "Replace binary file with text file"
    return "Replace text file with binary file" if will_be else ""


def diff_lines(
    old: Iterable[Union[str, bytes]], new: Iterable[Union[str, bytes]], old_name: str = "", new_name: str = ""
) -> List[str]:
    """The unified difference of two lists of lines, as lines."""
    return list(difflib.unified_diff(list(map(as_text, old)), list(map(as_text, new)), old_name, new_name))


def diff(old: Iterable[Union[str, bytes]], new: Iterable[Union[str, bytes]]) -> str:
    """The unified difference of two lists of lines, as text."""
    return "".join(diff_lines(old, new))


def as_text(line: Union[str, bytes]) -> str:
    """A line as text that can be shown, whatever its encoding."""
    raw = line.encode("utf-8", "surrogateescape") if isinstance(line, str) else line
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def is_binary(data: bytes) -> bool:
    """Whether bytes look like anything but text: they have a NUL, or many bytes that text has not."""
    if not data:
        return False
    if b"\0" in data:
        return True
    text = _TEXT_BYTES
    try:
        data.decode("utf-8")
        text += bytes(range(128, 256))
    except UnicodeDecodeError as exc:
        if exc.reason == "unexpected end of data":  # a character was cut in two at the end of the block
            text += bytes(range(128, 256))
    return len(data.translate(None, text)) / len(data) > 0.30


def is_text_file(path: str) -> bool:
    """Whether the beginning of a file looks like text."""
    try:
        with open(path, "rb") as file:
            return not is_binary(file.read(_HEAD))
    except OSError:
        return False
