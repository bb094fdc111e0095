"""Runs a program as a daemon: detached from its terminal, with a file that holds its process id."""

from __future__ import annotations

import os
import sys


def detach(pidfile: str) -> None:
    """Goes to the background; the process that was started ends with exit code 0.

    Args:
        pidfile: gets the process id of the daemon; "" for none.
    """
    for flush in (sys.stdout.flush, sys.stderr.flush):
        flush()
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    write_pid(pidfile)


def write_pid(pidfile: str) -> None:
    """Writes this process's id; a folder that does not exist or may not be written is no reason not to run."""
    if not pidfile:
        return
    try:
        handle = os.open(pidfile, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError:
        return
    with os.fdopen(handle, "w") as file:
        os.fchmod(handle, 0o644)  # whatever the umask: others may know it
        file.write(f"{os.getpid()}\n")


def remove_pid(pidfile: str) -> None:
    """Removes the file, if it holds this process's id."""
    try:
        with open(pidfile) as file:
            mine = file.read().strip() == str(os.getpid())
        if mine:
            os.unlink(pidfile)
    except OSError:
        pass
