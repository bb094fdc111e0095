"""How full disks are."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Tuple

from minion.states._result import Result, begun

__salt__: Dict[str, Callable[..., Any]]


def status(name: str, maximum: Any = None, minimum: Any = None, absolute: bool = False, free: bool = False) -> Result:
    """Succeeds if the used space is within limits; changes nothing.

    Args:
        name: where the disk is mounted, or a folder.
        maximum, minimum: the limits, in percent.
        absolute: they are in KB.
        free: they are about the free space.
    """
    ret = {**begun(name, False), "data": {}}
    problems: List[str] = []
    given = {"maximum": maximum, "minimum": minimum}
    limits = {label: _number(label, value, absolute, problems) for label, value in given.items() if value is not None}
    if len(limits) == 2 and not problems and limits["minimum"] >= limits["maximum"]:
        problems.append("minimum must be less than maximum ")
    if problems:
        return {**ret, "comment": "".join(problems)}
    mounts = __salt__["disk.usage"]()
    if name in mounts:
        ret["data"] = mounts[name]
        used, available = _of_mount(mounts[name], absolute)
    elif os.path.isdir(name):
        ret["data"] = __salt__["status.diskusage"](name)
        used, available = _of_folder(ret["data"][name], absolute)
    else:
        missing = f"Disk mount {name} not present. Directory {name} does not exist or is not a directory"
        return {**ret, "comment": missing}
    return _compared(ret, available if free else used, limits, "available" if free else "used", absolute)


def _number(label: str, value: Any, absolute: bool, problems: List[str]) -> int:
    """A limit; what is wrong with it is added to the problems."""
    try:
        number = int(value.strip(" KB" if absolute else " %") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        problems.append(f"{label} must be an integer ")
        return 0
    if not absolute and not 0 <= number <= 100:
        problems.append(f"{label} must be in the range [0, 100] ")
    return number


def _of_mount(found: Dict[str, Any], absolute: bool) -> Tuple[float, float]:
    """(used, available)"""
    if absolute:
        return int(found["used"]), int(found["available"])
    used = int(str(found["capacity"]).strip("%"))
    return used, 100 - used


def _of_folder(found: Dict[str, Any], absolute: bool) -> Tuple[float, float]:
    """(used, available) of the file system that a folder lies on."""
    total, available = int(found["total"]), int(found["available"])
    if absolute:
        return total - available, available
    if not total:
        return 0, 0
    return round((total - available) / total * 100, 1), round(available / total * 100, 1)


def _compared(ret: Result, value: float, limits: Dict[str, int], what: str, absolute: bool) -> Result:
    unit = "KB" if absolute else "%"
    at = f" {unit} at {value} {unit}"
    if value < limits.get("minimum", value):
        return {**ret, "comment": f"Disk {what} space is below minimum of {limits['minimum']}{at}"}
    if value > limits.get("maximum", value):
        return {**ret, "comment": f"Disk {what} space is above maximum of {limits['maximum']}{at}"}
    return {**ret, "result": True, "comment": "Disk used space in acceptable range"}
