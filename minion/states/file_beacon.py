"""Beacons that tell when someone else changes a managed file."""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional

from minion.states._result import Result, begun, failed

__states__: Dict[str, Callable[..., Any]]
__virtualname__ = "file"


def mod_beacon(name: str, sfun: Optional[str] = None, **kwargs: Any) -> Result:
    """Adds a beacon that watches what a state with `beacon: True` has made.

    Args:
        name: the file or folder.
        sfun: the function of that state.
        kwargs: its arguments; `beacon_data` has `mask`, `auto_add`, `recurse`, `exclude`, `interval`, `coalesce`.
    """
    ret = begun(name)
    if sfun not in ("managed", "directory"):
        return failed(ret, f"file.{sfun} does not work with the beacon state function")
    if not kwargs.get("beacon"):
        ret["comment"] = "Not adding beacon."
        return ret
    wanted = kwargs.get("beacon_data", {})
    watched: Dict[str, Any] = {"mask": wanted.get("mask", ["create", "delete", "modify"])}
    if sfun == "directory":
        for option, default in (("auto_add", True), ("recurse", True), ("exclude", [])):
            watched[option] = wanted.get(option, default)
    added: Result = __states__["beacon.present"](
        name=f"beacon_inotify_{name}",
        files={name: watched},
        interval=wanted.get("interval", 60),
        coalesce=wanted.get("coalesce", False),
        beacon_module="inotify",
    )
    return added
