"""Rolls the states that share an id and a result into one (`state_compress_ids`)."""

from __future__ import annotations

import collections
import logging
import re
from typing import Any, Dict, Mapping

log = logging.getLogger(__name__)

_COMPRESSED = re.compile(r"\((\d+)\)_\|-state_compressed_")


def compress_ids(data: Mapping[str, Any]) -> Dict[str, Any]:
    """Each minion's states, rolled up; as they were if one of them lacks what that needs."""
    try:
        return {host: _compress(states) for host, states in data.items()}
    except (LookupError, AttributeError, TypeError) as exc:
        log.warning("Unable to compress state output by ID! Returning output normally. (%s)", exc)
        return dict(data)


def count_of(tag: str) -> int:
    """How many states a tag stands for."""
    found = _COMPRESSED.search(tag)
    return int(found.group(1)) if found else 1


def _compress(states: Mapping[str, Any]) -> Dict[str, Any]:
    counts = collections.Counter(_group(tag, state) for tag, state in states.items())
    compressed: Dict[str, Any] = {}
    for tag, state in states.items():
        count = counts[_group(tag, state)]
        if count == 1:
            compressed[tag] = state
            continue
        parts = tag.split("_|-")
        parts[1] = f"{state['__id__']} ({count})"
        parts[2] = f"state_compressed_{state['__sls__']}_{state['__id__']}_{state['result']}"
        tag = "_|-".join(parts)
        compressed[tag] = _merge(compressed[tag], state) if tag in compressed else dict(state)
    return compressed


def _group(tag: str, state: Mapping[str, Any]) -> str:
    return "_".join(map(str, (tag.split("_|-")[0], state["__id__"], state["__sls__"], state["result"])))


def _merge(first: Dict[str, Any], state: Mapping[str, Any]) -> Dict[str, Any]:
    """One state for two: the earlier start, the time of both, the changes by name."""
    merged = dict(first)
    merged["__run_num__"] = min(first["__run_num__"], state["__run_num__"])
    merged["duration"] = round(first["duration"] + state["duration"], 3)
    merged["start_time"] = min(first["start_time"], state["start_time"])
    if state.get("changes"):
        changes = first.get("changes") or {}
        known = changes.get("compressed changes") or ({first["name"]: changes} if changes else {})
        merged["changes"] = {"compressed changes": {**known, state["name"]: state["changes"]}}
    return merged
