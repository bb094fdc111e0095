"""What `file.find` looks for, and what it does with what it finds."""

from __future__ import annotations

import grp
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
import sys
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

from minion.modules._file_common import digest

_TYPES = {
    "b": stat.S_IFBLK,
    "c": stat.S_IFCHR,
    "d": stat.S_IFDIR,
    "f": stat.S_IFREG,
    "l": stat.S_IFLNK,
    "p": stat.S_IFIFO,
    "s": stat.S_IFSOCK,
}
_LETTERS = {kind: letter for letter, kind in _TYPES.items()}
_UNITS = {"b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_INTERVAL = re.compile(
    r"\s*(?P<sign>[+-]?)(?:(?P<week>\d+(?:\.\d*)?)\s*[wW])?\s*(?:(?P<day>\d+(?:\.\d*)?)\s*[dD])?\s*"
    r"(?:(?P<hour>\d+(?:\.\d*)?)\s*[hH])?\s*(?:(?P<minute>\d+(?:\.\d*)?)\s*[mM])?\s*"
    r"(?:(?P<second>\d+(?:\.\d*)?)\s*[sS])?\s*"
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


class Found(NamedTuple):
    """A path and what stat(2) tells about it."""

    path: str
    status: os.stat_result


Test = Callable[[Found], bool]
Action = Callable[[Found], Any]


class Finder:
    """Walks through folders, tests what is there and acts on what passes all tests.

    Args:
        options: those of `file.find`. ValueError says what is wrong with them.
    """

    def __init__(self, options: Mapping[str, Any]) -> None:
        given = {name: value for name, value in options.items() if not name.startswith("_")}
        self._mindepth = int(given.pop("mindepth", 0))
        maxdepth = given.pop("maxdepth", None)
        self._maxdepth = sys.maxsize if maxdepth is None else int(maxdepth)
        dry_run = bool(given.pop("test", False))
        self._tests: List[Test] = []
        self._actions: List[Action] = []
        for name, value in given.items():
            if not value:
                raise ValueError(f'missing value for "{name}" option')
            if name in _TESTS:
                self._tests.append(_TESTS[name](str(value)))
            elif name in _ACTIONS:
                self._actions.append(_ACTIONS[name](str(value), dry_run))
            else:
                raise ValueError(f'invalid option "{name}"')
            if name == "delete":
                self._tests.append(_of_type(_deletable(str(value))))
        self._tests.sort(key=lambda test: test.__name__ == "contains")  # reading files comes last
        if not self._actions:
            self._actions.append(_printer("path", False))

    def find(self, top: str) -> Iterator[Any]:
        """The results of the actions on what is found at `top` and below."""
        if self._mindepth < 1:
            yield from self._act(top)
        for folder, folders, files in os.walk(top):
            depth = 1 if folder == top else os.path.relpath(folder, top).count(os.sep) + 2
            if self._mindepth <= depth <= self._maxdepth:
                for name in folders + files:
                    yield from self._act(os.path.join(folder, name))
            if depth >= self._maxdepth:
                folders.clear()

    def _act(self, path: str) -> Iterator[Any]:
        try:
            found = Found(path, os.stat(path))
        except OSError:
            try:
                found = Found(path, os.lstat(path))
            except OSError:
                return  # it has vanished meanwhile, or was never there
        if all(test(found) for test in self._tests):
            for action in self._actions:
                result = action(found)
                if result is not None:
                    yield result


def _like(pattern: str, flags: int) -> Test:
    """Tests the name by something that is a glob at first sight, and a regular expression at the second."""
    return _matching(pattern.replace(".", "\\.").replace("?", ".?").replace("*", ".*") + "$", flags)


def _matching(pattern: str, flags: int) -> Test:
    try:
        regex = re.compile(pattern, flags)
    except re.error:
        raise ValueError(f'invalid regular expression: "{pattern}"') from None
    return lambda found: regex.match(os.path.basename(found.path)) is not None


def _of_type(letters: str) -> Test:
    kinds = set()
    for letter in re.sub(r"[\s,]", "", letters):
        if letter not in _TYPES:
            raise ValueError(f'invalid file type "{letter}"')
        kinds.add(_TYPES[letter])

    def has_type(found: Found) -> bool:
        if stat.S_IFLNK in kinds and os.path.islink(found.path):
            return True
        return stat.S_IFMT(found.status.st_mode) in kinds

    return has_type


def _owned_by(names: str) -> Test:
    uids = {_number(name, "user", lambda name: pwd.getpwnam(name).pw_uid) for name in names.replace(",", " ").split()}
    return lambda found: found.status.st_uid in uids


def _of_group(names: str) -> Test:
    gids = {_number(name, "group", lambda name: grp.getgrnam(name).gr_gid) for name in names.replace(",", " ").split()}
    return lambda found: found.status.st_gid in gids


def _number(name: str, kind: str, look_up: Callable[[str], int]) -> int:
    try:
        return int(name) if name.isdigit() else look_up(name)
    except KeyError:
        raise ValueError(f'no such {kind} "{name}"') from None


def _of_size(size: str) -> Test:
    least, most = _size_range(size)
    return lambda found: least <= found.status.st_size <= most


def _size_range(size: str) -> Tuple[int, int]:
    text = size.strip()
    sign, text = (text[0], text[1:]) if text.startswith(("-", "+")) else ("", text)
    unit = _UNITS.get(text[-1:].lower(), 0)
    try:
        number = int(float(text[:-1] if unit else text) * (unit or 1))
    except ValueError:
        raise ValueError(f'invalid size: "{size}"') from None
    if sign == "-":
        return 0, number
    return number, sys.maxsize if sign == "+" else number + (unit or 1) - 1


def _modified(interval: str) -> Test:
    match = _INTERVAL.fullmatch(interval)
    given = {unit: float(match.group(unit)) for unit in _SECONDS if match.group(unit)} if match else {}
    if not match or not given:
        raise ValueError(f"invalid time interval: '{interval}'")
    smallest = next(_SECONDS[unit] for unit in _SECONDS if unit in given)
    seconds = sum(_SECONDS[unit] * number for unit, number in given.items())
    limit = time.time() - int(seconds / smallest) * smallest
    if match.group("sign") == "-":
        return lambda found: int(found.status.st_mtime) >= limit
    return lambda found: int(found.status.st_mtime) <= limit


def _containing(pattern: str) -> Test:
    try:
        regex = re.compile(pattern.encode())
    except re.error:
        raise ValueError(f'invalid regular expression: "{pattern}"') from None

    def contains(found: Found) -> bool:
        if not stat.S_ISREG(found.status.st_mode):
            return False
        try:
            with open(found.path, "rb") as file:
                return regex.search(file.read()) is not None
        except OSError:
            return False

    return contains


def _deletable(letters: str) -> str:
    return "bcdpfls" if "a" in letters else letters


def _deleter(letters: str, dry_run: bool) -> Action:
    def delete(found: Found) -> Optional[str]:
        if dry_run:
            return found.path
        try:
            if os.path.isdir(found.path) and not os.path.islink(found.path):
                shutil.rmtree(found.path)
            else:
                os.remove(found.path)
        except OSError:
            return None
        return found.path

    return delete


def _executor(command: str, dry_run: bool) -> Action:
    words = shlex.split(command)

    def execute(found: Found) -> str:
        argv = [word.replace("{}", found.path) for word in words]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        except OSError:
            return f"{found.path}: Failed"
        return f"{command.replace('{}', found.path)}:\n{done.stdout.decode(errors='replace')}\n"

    return execute


def _printer(fields: str, dry_run: bool) -> Action:
    names = fields.replace(",", " ").split() or ["path"]

    def show(found: Found) -> Any:
        values = [_FIELDS[name](found) for name in names if name in _FIELDS]
        return values[0] if len(values) == 1 else values

    return show


def _user(found: Found) -> Any:
    try:
        return pwd.getpwuid(found.status.st_uid).pw_name
    except KeyError:
        return found.status.st_uid


def _group(found: Found) -> Any:
    try:
        return grp.getgrgid(found.status.st_gid).gr_name
    except KeyError:
        return found.status.st_gid


_FIELDS: Dict[str, Callable[[Found], Any]] = {
    "path": lambda found: found.path,
    "name": lambda found: os.path.basename(found.path),
    "size": lambda found: found.status.st_size,
    "type": lambda found: _LETTERS.get(stat.S_IFMT(found.status.st_mode), "?"),
    "mode": lambda found: found.status.st_mode & 0o777,
    "mtime": lambda found: int(found.status.st_mtime),
    "user": _user,
    "group": _group,
    "md5": lambda found: digest(found.path, "md5") if stat.S_ISREG(found.status.st_mode) else "",
}
_TESTS: Dict[str, Callable[[str], Test]] = {
    "name": lambda value: _like(value, 0),
    "iname": lambda value: _like(value, re.IGNORECASE),
    "regex": lambda value: _matching(value, 0),
    "iregex": lambda value: _matching(value, re.IGNORECASE),
    "type": _of_type,
    "owner": _owned_by,
    "group": _of_group,
    "size": _of_size,
    "mtime": _modified,
    "grep": _containing,
}
_ACTIONS: Dict[str, Callable[[str, bool], Action]] = {"print": _printer, "delete": _deleter, "exec": _executor}
