"""Salt's filters, by theme. What reads and writes YAML and JSON is in `minion.jinja.serializers`."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.jinja.filters import dicts, files, hashes, lists, network, text

FILTERS: Dict[str, Callable[..., Any]] = {
    **text.FILTERS,
    **lists.FILTERS,
    **dicts.FILTERS,
    **hashes.FILTERS,
    **files.FILTERS,
    **network.FILTERS,
}
