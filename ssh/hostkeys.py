"""Whether the key that a host shows is the right one: known ones are read once, new ones are noted if that is wished.

A changed key is never accepted. With `accept_new` an unknown one is, and written down; so it can't change afterwards.
"""

from __future__ import annotations

import enum
import fcntl
import os
import threading
from collections.abc import Sequence

from ssh.errors import HostKeyChanged, HostKeyUnknown, SSHError
from ssh.library import asyncssh


class Policy(enum.Enum):
    """What to do with keys that are not known."""

    STRICT = "refuse them"
    ACCEPT_NEW = "accept and note them"
    NONE = "ask for nothing; such a host never gets a password"


class HostKeys:
    """The keys of all hosts.

    Args:
        paths: files of known keys; new ones go to the first.
        policy: see `Policy`.
    """

    def __init__(self, paths: Sequence[str], policy: Policy = Policy.STRICT) -> None:
        self.policy, self._paths = policy, list(paths)
        self._noted: dict[tuple[str, int], str] = {}
        self._lock = threading.Lock()
        readable = [path for path in paths if os.path.isfile(path)]
        try:
            self.known = asyncssh.read_known_hosts(readable)
        except (OSError, ValueError) as exc:
            raise HostKeyUnknown(f"the known keys can't be read from {', '.join(readable)}: {exc}") from None

    def problem(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> SSHError | None:
        """What is wrong with a key that is not among the trusted ones; None if it is accepted, and noted."""
        shown = f"{key.get_fingerprint()} ({key.get_algorithm()})"
        where = host if port == 22 else f"[{host}]:{port}"
        text = _text_of(key)
        known = self.known.match(host, addr, port)[0]
        with self._lock:
            if known or self._noted.get((host, port), text) != text:
                return HostKeyChanged(
                    f"the host key of {where} has CHANGED: it is now {shown}. If that is right, remove the old one: "
                    f"ssh-keygen -R '{where}' -f {self._paths[0]}"
                )
            if self.policy is not Policy.ACCEPT_NEW:
                return HostKeyUnknown(
                    f"the host key of {where} is not known: {shown}. Compare it, then accept new keys with -i, or add "
                    f"it to {self._paths[0]}"
                )
            if (host, port) not in self._noted:
                self._noted[host, port] = text
                _append(self._paths[0], f"{where} {text}\n")
        return None


def _text_of(key: asyncssh.SSHKey) -> str:
    return " ".join(key.export_public_key("openssh").decode("ascii").split()[:2])


def _append(path: str, line: str) -> None:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write(line.encode("ascii"))
