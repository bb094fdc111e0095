"""The processes that a process started, and those that they started."""

from __future__ import annotations

import os
from typing import Dict, List


def of(pid: int) -> List[int]:
    """All descendants of a process, the nearest first."""
    children = _children()
    found: List[int] = []
    to_visit = [pid]
    while to_visit:
        for child in children.get(to_visit.pop(0), []):
            found.append(child)
            to_visit.append(child)
    return found


def _children() -> Dict[int, List[int]]:
    found: Dict[int, List[int]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue  # it ended meanwhile
        found.setdefault(parent, []).append(int(name))
    return found


def send(pid: int, number: int) -> None:
    """Sends a signal to a process that may be gone already."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
