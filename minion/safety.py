"""Folders that nobody else may change: made private, and refused if somebody else could tamper with them."""

from __future__ import annotations

import os
import stat

from minion.errors import ConfigError


def private_folder(path: str) -> str:
    """Makes a folder for its owner alone, or checks that one that exists is safe; returns its path.

    Raises:
        ConfigError: somebody else could change what is in it.
    """
    os.makedirs(path, 0o700, exist_ok=True)
    check_folder(path)
    return path


def check_folder(path: str) -> None:
    """Whether nobody but its owner and root can change what is in a folder, up to the root.

    Raises:
        ConfigError: somebody else can, or it is none.
    """
    state = os.lstat(path)
    if not stat.S_ISDIR(state.st_mode):
        raise ConfigError(f"{path} must be a folder, not a link or anything else")
    _check(path, state, allow_sticky=False)
    _check_links(os.path.abspath(path))
    folder = os.path.realpath(path)
    while folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
        _check(folder, os.stat(folder), allow_sticky=True)


def _check_links(path: str) -> None:
    """Whether nobody else can have a path lead elsewhere: realpath does not see who made the links on the way."""
    while path != os.path.dirname(path):
        path = os.path.dirname(path)
        state = os.lstat(path)
        if stat.S_ISLNK(state.st_mode) and state.st_uid not in (0, os.geteuid()):
            raise ConfigError(f"{path} is a link of another user (uid {state.st_uid}): use the path that it leads to")
        _check(path, os.stat(path), allow_sticky=True)


def _check(path: str, state: os.stat_result, allow_sticky: bool) -> None:
    if state.st_uid not in (0, os.geteuid()):
        raise ConfigError(f"{path} belongs to another user (uid {state.st_uid}): run chown -R {os.geteuid()} {path}")
    open_to_others = state.st_mode & stat.S_IWOTH or (
        state.st_mode & stat.S_IWGRP and state.st_gid not in (0, os.getegid())
    )
    if open_to_others and not (allow_sticky and state.st_mode & stat.S_ISVTX):
        raise ConfigError(f"{path} is writable by other users: run chmod go-w {path}")
