"""Targets."""

from __future__ import annotations

from typing import Any

from master.runners import _parts
from minion.matchers import MinionView, parse

__opts__: dict[str, Any]


def compound_matches(expr: str, minion_id: str) -> dict[str, str]:
    """Whether a compound target means a minion, as far as the master knows it.

    Args:
        expr: the target.
        minion_id: the minion.

    Returns:
        `{"res": minion_id}` if it does, `{"res": False}` if not.

    CLI Example:

    .. code-block:: bash

        salt-run match.compound_matches 'L@minion1,minion2 or G@os:Debian' minion1
    """
    data = _parts.minion_data(__opts__)
    view = MinionView(minion_id, data.grains(minion_id) or {}, data.pillar(minion_id) or {})
    matches = parse(expr, "compound", nodegroups=__opts__.get("nodegroups") or {})(view)
    return {"res": minion_id if matches else ""}
