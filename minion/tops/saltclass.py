"""Top data from nodes and classes; see `minion/pillar/saltclass.py`.

master_tops:
  saltclass:
    path: /srv/saltclass
"""

from __future__ import annotations

from typing import Any, Dict, List

from minion.pillar.saltclass import read_node

__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return bool(__opts__["master_tops"].get("saltclass")), "master_tops has no saltclass"


def top(**kwargs: Any) -> Dict[str, List[str]]:
    """The states of the minion's node, in its environment."""
    path = __opts__["master_tops"]["saltclass"].get("path", "/srv/saltclass")
    variables = {"__opts__": kwargs["opts"], "__grains__": kwargs["grains"], "__salt__": {}}
    node = read_node(path, kwargs["opts"]["id"], variables)
    return {node.environment or "base": node.states}
