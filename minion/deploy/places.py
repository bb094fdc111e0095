"""Where a deployed minion lies on a host, and how its files are written there."""

from __future__ import annotations

import fcntl
import os
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, Optional

from minion.errors import CommandExecutionError, ConfigError
from minion.safety import check_folder

PREFIX = "/opt/saltern"
CONFIG_DIR = "/etc/salt"
COMMANDS = "/usr/local/bin"
_PATH = re.compile(r"/[A-Za-z0-9_./+-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class Places:
    """Where everything is.

    Attributes:
        prefix: releases are folders in it.
        config_dir: the minion's configuration.
        commands: folder on PATH that gets links to the commands.
        units: folder of systemd's units.
        scripts: folder of init scripts.
    """

    prefix: str = PREFIX
    config_dir: str = CONFIG_DIR
    commands: str = COMMANDS
    units: str = "/etc/systemd/system"
    scripts: str = "/etc/init.d"

    def __post_init__(self) -> None:
        for path in (self.prefix, self.config_dir, self.commands):
            if not _PATH.fullmatch(path) or os.path.normpath(path) != path:  # it will stand in scripts and units
                raise CommandExecutionError(
                    f"{path!r} must be an absolute path of letters, digits and _.+-, without '..'"
                )

    @property
    def current(self) -> str:
        """The link that leads to the release in use."""
        return os.path.join(self.prefix, "current")

    @property
    def previous(self) -> str:
        """The link that leads to the release before."""
        return os.path.join(self.prefix, "previous")

    @property
    def trial(self) -> str:
        """While a release is tried: where the links led before; locked by who tries it."""
        return os.path.join(self.prefix, "trial")

    @property
    def guard(self) -> str:
        """The script that runs before the service starts."""
        return os.path.join(self.prefix, "guard")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lets nobody else change the releases meanwhile.

        Raises:
            CommandExecutionError: somebody else could change what is in the prefix.
        """
        make_folder(self.prefix)
        handle = os.open(
            os.path.join(self.prefix, ".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
        )
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def make_folder(path: str, mode: int = 0o755) -> None:
    """Makes a folder with all above it, or checks that nobody else can change the one that is there.

    Raises:
        CommandExecutionError: somebody can.
    """
    if not os.path.lexists(path):
        make_folder(os.path.dirname(path))
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:
            pass
        else:
            os.chmod(path, mode)
    try:
        check_folder(path)
    except ConfigError as exc:
        raise CommandExecutionError(str(exc)) from None


def write(path: str, content: bytes, mode: int = 0o644) -> None:
    """Puts a file in place at one blow; a link there is replaced, not followed."""
    folder, name = os.path.split(path)
    scratch = os.path.join(folder, f".{name}.{os.urandom(6).hex()}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        os.rename(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def link(path: str, target: str) -> None:
    """Makes a symbolic link, or changes where one leads, at one blow."""
    scratch = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.{os.urandom(6).hex()}")
    os.symlink(target, scratch)
    try:
        os.rename(scratch, path)
    except BaseException:
        os.unlink(scratch)
        raise


def read(path: str, limit: int = 1 << 20) -> Optional[bytes]:
    """The content of a regular file; None if there is none."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(handle, "rb") as file:
        return file.read(limit) if stat.S_ISREG(os.fstat(handle).st_mode) else None


def leads_to(path: str) -> str:
    """Where a symbolic link leads; "" if it is none."""
    try:
        return os.readlink(path)
    except OSError:
        return ""


def remove_file(path: str) -> bool:
    """Removes a file or link; whether it was there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def remove_if_empty(*folders: str) -> None:
    """Removes folders that have nothing in them."""
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:
            pass
