"""Small readings of the host: files that may be missing, programs that may hang."""

from __future__ import annotations

import os
import shutil
from typing import Optional, Tuple


def read(path: str, limit: int = 1 << 20) -> Optional[str]:
    """The text of a file, or None when it is missing or not for us to read."""
    try:
        with open(path, "rb") as source:
            return source.read(limit).decode("utf-8", "replace")
    except OSError:
        return None


def read_line(path: str) -> str:
    """The first line of a file, "" when there is none."""
    text = read(path, 4096) or ""
    return text.split("\n", 1)[0].strip()


def which(program: str) -> Optional[str]:
    """Where a program is, also when PATH lacks the folders of the administrator's programs."""
    path = os.environ.get("PATH", "")
    return shutil.which(program, path=os.pathsep.join([path, "/usr/local/sbin", "/usr/sbin", "/sbin"]))


def run(*argv: str, timeout: float = 5.0) -> Tuple[int, str]:
    """(exit code, output) of a program; (-1, "") when it is missing or took too long."""
    import subprocess

    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return -1, ""
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()
