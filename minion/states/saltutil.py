"""Brings modules of your own from the master to the minion.

The functions are named as those of the execution module saltutil, and take their arguments.
"""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def sync_all(name: str, **kwargs: Any) -> Result:
    """Sees to it that the minion has all modules below `salt://_modules`, `salt://_states`, ...

    Args:
        name: says nothing.
        kwargs: see `saltutil.sync_all`.
    """
    return _synced(name, "all", kwargs)


def _synced(name: str, kind: str, kwargs: Dict[str, Any]) -> Result:
    ret, function = begun(name), f"saltutil.sync_{kind}"
    if __opts__["test"]:
        return predicted(ret, f"{function} would have been run")
    try:
        done = __salt__[function](**kwargs)
    except Exception as exc:  # noqa: BLE001 - whatever the master's files or a module's code do
        return failed(ret, f"Failed to run sync_{kind}: {exc}")
    ret["changes"] = {key: value for key, value in (done if kind == "all" else {kind: done}).items() if value}
    comment = "Sync performed" if kind == "all" else f"Updated {kind}."
    return {**ret, "comment": comment if ret["changes"] else "No updates to sync"}


def _sync_function(kind: str) -> Callable[..., Result]:
    def sync(name: str, **kwargs: Any) -> Result:
        return _synced(name, kind, kwargs)

    sync.__doc__ = f"Sees to it that the minion has what lies below `salt://` for `saltutil.sync_{kind}`."
    sync.__name__ = sync.__qualname__ = f"sync_{kind}"
    return sync


sync_beacons = _sync_function("beacons")
sync_clouds = _sync_function("clouds")
sync_engines = _sync_function("engines")
sync_executors = _sync_function("executors")
sync_grains = _sync_function("grains")
sync_log_handlers = _sync_function("log_handlers")
sync_matchers = _sync_function("matchers")
sync_modules = _sync_function("modules")
sync_output = _sync_function("output")
sync_outputters = _sync_function("outputters")
sync_pillar = _sync_function("pillar")
sync_proxymodules = _sync_function("proxymodules")
sync_renderers = _sync_function("renderers")
sync_resources = _sync_function("resources")
sync_returners = _sync_function("returners")
sync_sdb = _sync_function("sdb")
sync_serializers = _sync_function("serializers")
sync_states = _sync_function("states")
sync_thorium = _sync_function("thorium")
sync_utils = _sync_function("utils")
sync_wrapper = _sync_function("wrapper")
