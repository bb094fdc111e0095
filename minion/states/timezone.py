"""The time zone of the system, and that of its hardware clock."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "timezone.get_zone" in __salt__ else (False, "timezone module could not be loaded")


def system(name: str, utc: bool = True) -> Result:
    """Sees to it that the system is in a certain time zone.

    Args:
        name: the zone, such as `Europe/Berlin`.
        utc: the hardware clock runs in UTC. False leaves it as it is.
    """
    ret = begun(name)
    try:
        is_zone = __salt__["timezone.zone_compare"](name)
    except CommandExecutionError as exc:
        return failed(ret, f"Unable to compare desired timezone '{name}' to system timezone: {exc}")
    is_utc = not utc or __salt__["timezone.get_hwclock"]() != "localtime"
    if is_zone and is_utc:
        ret["comment"] = f"Timezone {name} already set" + (f", UTC already set to {name}" if utc else "")
        return ret
    if __opts__["test"]:
        needs = [] if is_zone else [f"Timezone {name} needs to be set"]
        return predicted(ret, ", ".join(needs + ([] if is_utc else [f"UTC needs to be set to {utc}"])))
    messages: List[str] = []
    if not is_zone:
        if __salt__["timezone.set_zone"](name):
            ret["changes"]["timezone"] = name
            messages.append(f"Set timezone {name}")
        else:
            ret["result"] = False
            messages.append("Failed to set timezone")
    if not is_utc:
        if __salt__["timezone.set_hwclock"]("UTC"):
            ret["changes"]["utc"] = utc
            messages.append(f"Set UTC to {utc}")
        else:
            ret["result"] = False
            messages.append(f"Failed to set UTC to {utc}")
    ret["comment"] = ", ".join(messages)
    return ret
