"""Spreads the calls of many minions over some time, each minion at its own place."""

from __future__ import annotations

import hashlib
import logging
import time
from typing import Any, Callable, Dict, List

__grains__: Dict[str, Any]

log = logging.getLogger(__name__)

_DEFAULT_SPLAYTIME = 300


def execute(opts: Dict[str, Any], data: Dict[str, Any], func: Callable[..., Any], args: List[Any], kwargs: Any) -> None:
    """Waits for this minion's share of `splaytime` seconds (default 300) and leaves the call to the next executor.

    The share follows from the minion id, so that it is the same each time. `salt` waits for the answer, too: use
    `--async`, or a timeout that is longer than the splay.

    CLI Example:

    .. code-block:: bash

        salt --async --module-executors='[splay, direct_call]' '*' pkg.upgrade
        salt -t 70 --module-executors='[splay, direct_call]' --executor-opts='{splaytime: 60}' '*' pkg.upgrade
    """
    chosen = data.get("executor_opts") or {}
    splaytime = chosen.get("splaytime", opts.get("splaytime", _DEFAULT_SPLAYTIME))
    if splaytime <= 0:
        raise ValueError("splaytime must be a positive integer")
    delay = _share(str(__grains__.get("id") or opts["id"])) * splaytime
    log.debug("%s waits %.1f s (splay)", data.get("fun"), delay)
    time.sleep(delay)


def _share(minion_id: str) -> float:
    """The minion's place between 0 and 1."""
    return int.from_bytes(hashlib.sha256(minion_id.encode()).digest()[:8], "big") / 2**64
