"""What the sources of the option `master_tops` assign to a minion."""

from __future__ import annotations

import logging
from typing import Any, Dict, List, Mapping

from minion.loader import Loader
from minion.loaders import module_folders
from minion.merging import update

log = logging.getLogger(__name__)


def assigned(
    opts: Mapping[str, Any], minion_id: str, minion_opts: Mapping[str, Any], grains: Mapping[str, Any]
) -> Dict[str, List[str]]:
    """Environment -> SLS names; a source that fails is left out.

    Args:
        opts: options of this host.
        minion_id: the minion; it has proved who it is.
        minion_opts: what it says of its options.
        grains: what is known of it.
    """
    sources = opts.get("master_tops") or {}
    found: Dict[str, List[str]] = {}
    if not sources:
        return found
    functions = Loader(
        "tops", module_folders("tops", opts), {"__opts__": opts, "__grains__": grains, "__context__": {}}
    )
    of_minion = {**minion_opts, "id": minion_id, "grains": grains}
    for name in sources:
        key = f"{name}.top"
        try:
            if key not in functions:
                raise LookupError(functions.why_missing(key))
            update(found, _checked(functions[key](opts=of_minion, grains=grains)), merge_lists=True)
        except Exception as exc:
            log.error("Top function %s failed with error %s for minion %s", key, exc, minion_id)
            log.debug("Top function %s failed", key, exc_info=True)
    return found


def _checked(tops: Any) -> Dict[str, List[str]]:
    if not isinstance(tops, dict) or not all(isinstance(names, list) for names in tops.values()):
        raise TypeError("it did not give environments with lists of SLS names")
    return {str(saltenv): [str(name) for name in names] for saltenv, names in tops.items()}
