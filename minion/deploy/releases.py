"""Releases on a host's disk: each a folder with all of its wheels unpacked, none of them ever changed.

`current` leads to the one in use and `previous` to the one before. A release is built under a hidden name and gets
its own when it is whole and on the disk.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from minion.deploy import facts, places
from minion.deploy.places import Places
from minion.deploy.unpack import unpack
from minion.errors import CommandExecutionError, ConfigError
from minion.safety import check_folder

Request = Callable[..., Any]

COMMANDS = ("salt-minion", "salt-call")
_MODULES = {"salt-minion": "minion.cli.daemon", "salt-call": "minion.cli.call"}
_RECORD, _FILES = "RELEASE", "FILES"
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+-]{0,63}", re.ASCII)
_WHEEL = re.compile(r"[A-Za-z0-9_.+!-]{1,250}\.whl", re.ASCII)
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LARGEST = 256 << 20
_GROWTH = 5  # how much larger wheels are when they are unpacked, with room to spare
_PATIENCE = 300.0
_SCRIPT = """#!{python} -I
import sys

sys.path.insert(0, {lib!r})
from {module} import main

sys.exit(main())
"""


@dataclass(frozen=True)
class Wanted:
    """A release that the master offers.

    Attributes:
        version: of the project.
        digest: names it.
        wheels: name, size and hash of each.
    """

    version: str
    digest: str
    wheels: Tuple[Tuple[str, int, str], ...]

    @classmethod
    def from_wire(cls, load: Any) -> Wanted:
        """Reads what a wheelhouse tells.

        Raises:
            CommandExecutionError: it is no release.
        """
        try:
            wheels = tuple((str(one["name"]), int(one["size"]), str(one["sha256"])) for one in load["wheels"])
            wanted = cls(str(load["version"]), str(load["digest"]), wheels)
        except (KeyError, TypeError, ValueError):
            raise CommandExecutionError("the master's description of a release can't be read") from None
        lines = "".join(f"{name} {sha256}\n" for name, _, sha256 in wheels)
        fits = all(_WHEEL.fullmatch(n) and _HASH.fullmatch(h) and 0 < s <= _LARGEST for n, s, h in wheels)
        if not (fits and wheels and _VERSION.fullmatch(wanted.version) and ".." not in wanted.version):
            raise CommandExecutionError("the master's description of a release is not acceptable")
        if hashlib.sha256(lines.encode()).hexdigest() != wanted.digest:
            raise CommandExecutionError("the master's description of a release does not fit its digest")
        return wanted

    @property
    def size(self) -> int:
        """Bytes of all wheels."""
        return sum(size for _, size, _ in self.wheels)


@dataclass(frozen=True)
class Release:
    """A release on the disk."""

    name: str
    folder: str
    version: str
    digest: str
    python: str

    def to_wire(self) -> Dict[str, Any]:
        """What the master is told."""
        return {"name": self.name, "folder": self.folder, "version": self.version, "digest": self.digest}

    @property
    def lib(self) -> str:
        """The folder of its modules."""
        return os.path.join(self.folder, "lib")


# ----------------------------------------------------------- what is there


def find(where: Places, name: str) -> Optional[Release]:
    """A release by the name of its folder; None if there is none such, or it is not whole."""
    folder = os.path.join(where.prefix, name)
    if not _VERSION.fullmatch(name):
        return None
    try:
        check_folder(folder)  # somebody else's is none: root is going to run what is in it
        record = json.loads(places.read(os.path.join(folder, _RECORD)) or b"")
        found = Release(name, folder, str(record["version"]), str(record["digest"]), str(record["python"]))
    except (ConfigError, OSError, ValueError, KeyError, TypeError):
        return None
    return found if os.access(found.python, os.X_OK) and _is_whole(folder) else None


def every(where: Places) -> List[Release]:
    """All releases on the disk."""
    names = sorted(os.listdir(where.prefix)) if os.path.isdir(where.prefix) else []
    return [found for found in (find(where, name) for name in names) if found is not None]


def linked(where: Places, link: str) -> Optional[Release]:
    """The release that `current` or `previous` leads to."""
    name = places.leads_to(link)
    return find(where, name) if name else None


def with_digest(where: Places, digest: str) -> Optional[Release]:
    """The release with this content."""
    return next((found for found in every(where) if found.digest == digest), None)


def _is_whole(folder: str) -> bool:
    """Whether each file is there, as long as it must be."""
    listed = places.read(os.path.join(folder, _FILES), 16 << 20)
    if not listed:
        return False
    lib = os.path.join(folder, "lib")
    try:
        for line in listed.decode().splitlines():
            size, _, path = line.partition(" ")
            if os.lstat(os.path.join(lib, path)).st_size != int(size):
                return False
    except (OSError, ValueError):
        return False
    return True


# ------------------------------------------------------------- laying down


def lay_down(where: Places, wanted: Wanted, request: Request) -> Tuple[Release, int]:
    """Brings a release to the disk, unless it is there; returns it and how many bytes came.

    Args:
        where: places.
        wanted: what.
        request: asks the master.

    Raises:
        CommandExecutionError: it does not come, is not what it should be, or there is no room for it.
    """
    with where.locked():
        found = with_digest(where, wanted.digest)
        if found is not None:
            return found, 0
        _check_room(where, wanted)
        _forget_broken(where)
        name = _free_name(where, wanted)
        scratch = os.path.join(where.prefix, f".new-{os.urandom(6).hex()}")
        try:
            with _open_umask():
                _build(scratch, os.path.join(where.prefix, name), wanted, request)
            _put_in_place(scratch, os.path.join(where.prefix, name))
            _label(os.path.join(where.prefix, name, "bin"))
        except OSError as exc:
            raise _disk_error(exc, where.prefix) from None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    laid = find(where, name)
    assert laid is not None
    return laid, wanted.size


def _check_room(where: Places, wanted: Wanted) -> None:
    free, needed = facts.free_bytes(where.prefix), wanted.size * _GROWTH
    if free < needed:
        raise CommandExecutionError(
            f"no space is left at {where.prefix}: {free >> 20} MB are free, {(needed >> 20) + 1} MB are needed"
        )


def _disk_error(exc: OSError, prefix: str) -> CommandExecutionError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return CommandExecutionError(f"no space is left at {prefix}; nothing was left there")
    return CommandExecutionError(f"{exc.filename or prefix}: {exc.strerror}")


def _forget_broken(where: Places) -> None:
    """Removes what runs left that were cut short; whoever holds the lock is alone."""
    for name in os.listdir(where.prefix):
        if name.startswith((".new-", ".old-")):
            shutil.rmtree(os.path.join(where.prefix, name), ignore_errors=True)


def _free_name(where: Places, wanted: Wanted) -> str:
    """The version; with a part of the digest if another release has that name."""
    other = find(where, wanted.version)
    return wanted.version if other is None else f"{wanted.version.split('+')[0]}+{wanted.digest[:8]}"


@contextmanager
def _open_umask() -> Iterator[None]:
    """Others may read a release: it is no secret, and commands of other users run from it."""
    old = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(old)


def _build(scratch: str, folder: str, wanted: Wanted, request: Request) -> None:
    python = sys.executable
    if len(python) > 100 or any(character.isspace() for character in python) or not os.path.isabs(python):
        raise CommandExecutionError(f"the path of the Python there can't stand in a script: {python!r}")
    lib = os.path.join(scratch, "lib")
    for path in (scratch, lib, os.path.join(scratch, "bin")):
        os.mkdir(path, 0o755)
    files: Dict[str, int] = {}
    for name, size, sha256 in wanted.wheels:
        files.update(unpack(_fetch(request, name, size, sha256), name, lib))
    for command in COMMANDS:
        text = _SCRIPT.format(python=python, lib=os.path.join(folder, "lib"), module=_MODULES[command])
        places.write(os.path.join(scratch, "bin", command), text.encode(), 0o755)
    listing = "".join(f"{size} {path}\n" for path, size in sorted(files.items()))
    places.write(os.path.join(scratch, _FILES), listing.encode())
    record = {"version": wanted.version, "digest": wanted.digest, "python": python}
    places.write(os.path.join(scratch, _RECORD), json.dumps(record).encode())


def _fetch(request: Request, name: str, size: int, sha256: str) -> bytes:
    """A wheel's content, checked."""
    data = bytearray()
    while len(data) < size:
        reply: Mapping[str, Any] = request("_wheel", sha256=sha256, offset=len(data), timeout=_PATIENCE) or {}
        part = reply.get("data")
        if reply.get("size") != size or not isinstance(part, bytes) or not part:
            raise CommandExecutionError(f"the master has the wheel {name} no more: try again")
        data += part
    if len(data) != size or hashlib.sha256(data).hexdigest() != sha256:
        raise CommandExecutionError(f"the wheel {name} arrived damaged: its hash is not the announced one")
    return bytes(data)


def _put_in_place(scratch: str, folder: str) -> None:
    """Gives a finished release its name, once it is on the disk; one of that name is damaged, or it would be in use."""
    _flush(scratch)
    old = os.path.join(os.path.dirname(folder), f".old-{os.urandom(6).hex()}")
    if os.path.lexists(folder):
        os.rename(folder, old)
    os.rename(scratch, folder)
    handle = os.open(os.path.dirname(folder), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    shutil.rmtree(old, ignore_errors=True)


def _flush(path: str) -> None:
    """Waits until what was written to a file system is on the disk: a call for each file takes many times as long."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        import ctypes

        if ctypes.CDLL(None, use_errno=True).syncfs(handle):
            raise OSError(ctypes.get_errno(), "the disk can't be written", path)
    except (ImportError, AttributeError):
        os.sync()
    finally:
        os.close(handle)


def _label(folder: str) -> None:
    """Gives programs the label that lets services run them, where SELinux looks at that."""
    if os.path.exists("/sys/fs/selinux/enforce") and shutil.which("restorecon"):
        subprocess.run(["restorecon", "-R", folder], stdin=subprocess.DEVNULL, capture_output=True)


# --------------------------------------------------------------- switching


def switch(where: Places, release: Release) -> None:
    """Makes a release the current one, and the one before the previous."""
    with where.locked():
        before = places.leads_to(where.current)
        if before == release.name:
            return
        if before and find(where, before) is not None:
            places.link(where.previous, before)
        places.link(where.current, release.name)


def names(where: Places) -> Tuple[str, str]:
    """The names of the current and the previous release; "" for none."""
    return places.leads_to(where.current), places.leads_to(where.previous)


def go_back(where: Places, before: Tuple[str, str]) -> None:
    """Has the links lead where they did when `names` was asked."""
    with where.locked():
        for path, name in zip((where.current, where.previous), before):
            if name:
                places.link(path, name)
            else:
                places.remove_file(path)


@contextmanager
def trial(where: Places) -> Iterator[Tuple[str, str]]:
    """While a release is tried; gives the names from before.

    If this process does not live to end the trial, the service's guard puts them back.

    Raises:
        CommandExecutionError: somebody else tries one: what is in use now may be of no use to go back to.
    """
    with where.locked():
        _check_untried(where)
        before = names(where)
        handle = _note(where, before) if before[0] else -1  # else there is nothing to go back to
    try:
        yield before
    finally:
        if handle >= 0:
            places.remove_file(where.trial)
            os.close(handle)


def _check_untried(where: Places) -> None:
    try:
        handle = os.open(where.trial, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CommandExecutionError("another release is being tried here at the moment: try again later") from None
    finally:
        os.close(handle)


def _note(where: Places, before: Tuple[str, str]) -> int:
    """Notes what was in use before a trial; returns the descriptor that says that it lasts."""
    places.write(where.trial, " ".join(before).encode() + b"\n")
    handle = os.open(where.trial, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def prune(where: Places) -> None:
    """Removes releases that are neither the current nor the previous one."""
    with where.locked():
        kept = names(where)
        for other in every(where):
            if other.name not in kept:
                shutil.rmtree(other.folder, ignore_errors=True)


def link_commands(where: Places, test: bool = False) -> Tuple[List[str], List[str]]:
    """Puts the commands on PATH; returns the links that were made, and what is in their place and is not ours."""
    made, foreign = [], []
    for command in COMMANDS:
        path = os.path.join(where.commands, command)
        target = os.path.join(where.current, "bin", command)
        if places.leads_to(path) == target:
            continue
        if os.path.lexists(path):
            foreign.append(path)
            continue
        made.append(path)
        if not test:
            os.makedirs(
                where.commands, 0o755, exist_ok=True
            )  # others may be let write there: nothing of ours goes by it
            places.link(path, target)
    return made, foreign


def unlink_commands(where: Places) -> List[str]:
    """Takes the commands off PATH; returns the links that are gone."""
    gone = []
    for command in COMMANDS:
        path = os.path.join(where.commands, command)
        if places.leads_to(path) == os.path.join(where.current, "bin", command) and places.remove_file(path):
            gone.append(path)
    return gone


def put_out_of_use(where: Places) -> None:
    """No release is in use any more; all of them stay on the disk."""
    unlink_commands(where)
    go_back(where, ("", ""))


def remove(where: Places) -> List[str]:
    """Removes all releases, and the links to them; what else lies there stays."""
    gone = unlink_commands(where)
    if not os.path.isdir(where.prefix):
        return gone
    with where.locked():
        gone += [path for path in (where.current, where.previous) if places.leads_to(path) and places.remove_file(path)]
        for name in sorted(os.listdir(where.prefix)):
            folder = os.path.join(where.prefix, name)
            if os.path.isfile(os.path.join(folder, _RECORD)) and not os.path.islink(folder):
                shutil.rmtree(folder)
                gone.append(folder)
        _forget_broken(where)
        for path in (where.trial, where.guard, os.path.join(where.prefix, ".lock")):
            places.remove_file(path)
    places.remove_if_empty(where.prefix)
    return gone
