"""How nested data differ, as states tell it."""

from __future__ import annotations

from typing import Any, Dict, Mapping

_LOST = "<_null_>"  # stands for a key that is not there


def differences(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Dict[Any, Any]:
    """Key -> its `old` and `new` value, where they differ; as deep as both are mappings."""
    found: Dict[Any, Any] = {}
    for key in [*new, *(key for key in old if key not in new)]:
        before, after = old.get(key, _LOST), new.get(key, _LOST)
        if before == after:
            continue
        if isinstance(before, dict) and isinstance(after, dict):
            found[key] = differences(before, after)
        else:
            found[key] = {"old": before, "new": after}
    return found
