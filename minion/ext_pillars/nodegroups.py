"""The names of the nodegroups that a minion belongs to.

ext_pillar:
  - nodegroups:
      pillar_name: nodegroups
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from minion.matchers import MinionView, match

__opts__: Dict[str, Any]
__grains__: Dict[str, Any]


def ext_pillar(minion_id: str, pillar: Dict[str, Any], pillar_name: Optional[str] = None) -> Dict[str, List[str]]:
    """`nodegroups`, or another name, with the list; nodegroups by pillar see the pillar so far."""
    groups = __opts__.get("nodegroups") or {}
    view = MinionView(minion_id, __grains__, pillar)
    member = [name for name in groups if match(name, "nodegroup", view, nodegroups=groups)]
    return {pillar_name or "nodegroups": member}
