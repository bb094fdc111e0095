"""Pillar data from nodes and classes; see `minion/pillar/saltclass.py`.

ext_pillar:
  - saltclass:
      - path: /srv/saltclass
"""

from __future__ import annotations

from typing import Any, Dict

from minion.pillar.saltclass import read_node

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__loaders__: Any


def ext_pillar(minion_id: str, pillar: Dict[str, Any], *args: Any, **kwargs: Any) -> Dict[str, Any]:
    """The pillars of the minion's node; `__saltclass__` tells where they come from."""
    settings = {**kwargs, **{name: value for given in args for name, value in given.items()}}
    variables = {"__opts__": __opts__, "__grains__": __grains__, "__salt__": __loaders__.modules}
    node = read_node(str(settings.get("path", "/srv/saltclass")), minion_id, variables)
    about = {
        "states": node.states,
        "classes": node.classes,
        "environment": node.environment,
        "nodename": minion_id,
    }
    return {"__saltclass__": about, **node.pillars}
