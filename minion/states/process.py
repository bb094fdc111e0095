"""Processes that shall not run."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, Optional

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def absent(name: str, user: Optional[str] = None, signal: Optional[int] = None) -> Result:
    """Sees to it that no process runs whose name or arguments hold a text.

    Args:
        name: the text.
        user: only processes of this user.
        signal: number of the signal that ends them; 15 if not given.
    """
    ret = begun(name)
    if __opts__["test"]:
        running = [pid for pid in __salt__["ps.pgrep"](name, user=user, full=True) or () if pid != os.getpid()]
        if running:
            return predicted(ret, f"{len(running)} processes will be killed")
        return {**ret, "comment": "No matching processes running"}
    try:
        done = __salt__["ps.pkill"](name, user=user, full=True, **({"signal": signal} if signal else {}))
    except OSError as exc:
        return failed(ret, f"Failed to end processes that match {name}: {exc}")
    if not done:
        return {**ret, "comment": "No matching processes running"}
    return {**ret, "changes": done, "comment": f"Killed {len(done['killed'])} processes"}
