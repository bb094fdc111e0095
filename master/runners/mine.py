"""The mine."""

from __future__ import annotations

from typing import Any

from master.mine import MasterMine
from master.runners import _parts

__opts__: dict[str, Any]


def get(tgt: Any, fun: Any, tgt_type: str = "glob") -> dict[str, Any]:
    """What minions sent to the mine.

    Args:
        tgt, tgt_type: which minions.
        fun: the function, or several.

    CLI Example:

    .. code-block:: bash

        salt-run mine.get '*' network.interfaces
    """
    mine = MasterMine(
        _parts.minion_data(__opts__), lambda: _parts.members(__opts__), {}, __opts__.get("nodegroups") or {}
    )
    return mine.get(_parts.master_id(__opts__), tgt, fun, tgt_type)


def update(tgt: Any, tgt_type: str = "glob", clear: bool = False, mine_functions: Any = None) -> dict[str, Any]:
    """Has minions send their mine.

    Args:
        tgt, tgt_type: which minions.
        clear: forget functions that they do not send any more.
        mine_functions: what to send instead of what their configuration says.

    CLI Example:

    .. code-block:: bash

        salt-run mine.update '*'
    """
    return _parts.client(__opts__).cmd(
        tgt,
        "mine.update",
        timeout=__opts__["timeout"],
        tgt_type=tgt_type,
        kwarg={"clear": clear, "mine_functions": mine_functions},
    )
