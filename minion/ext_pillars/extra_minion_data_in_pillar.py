"""What a minion sends of its configuration (its option `pass_to_ext_pillars`), as pillar data.

ext_pillar:
  - extra_minion_data_in_pillar:
      include: '*'
"""

from __future__ import annotations

from typing import Any, Dict, List, Union

from minion.data import chosen_parts

_EVERYTHING = ("*", "<all>")


def ext_pillar(
    minion_id: str, pillar: Dict[str, Any], include: Union[str, List[str]], extra_minion_data: Any = None
) -> Dict[str, Any]:
    """The parts that `include` names as `key:subkey`; `*` or `<all>` is everything."""
    if include in _EVERYTHING:
        return dict(extra_minion_data or {})
    return chosen_parts(extra_minion_data or {}, [include] if isinstance(include, str) else include)
