"""The system's time zone."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "timezone.get_zone" in __salt__ else (False, "there is no execution module for time zones")


def system(name: str, utc: bool = True) -> Result:
    """Sees to it that the system has a certain time zone.

    Args:
        name: the zone, as Europe/Paris.
        utc: the hardware clock shall show UTC; False leaves it as it is.
    """
    ret = begun(name)
    try:
        is_zone = __salt__["timezone.zone_compare"](name)
        is_clock = not utc or __salt__["timezone.get_hwclock"]() != "localtime"
    except CommandExecutionError as exc:
        return failed(ret, f"Unable to compare desired timezone '{name}' to system timezone: {exc}")
    if is_zone and is_clock:
        clock = [f"UTC already set to {name}"] if utc else []
        return {**ret, "comment": ", ".join([f"Timezone {name} already set", *clock])}
    if __opts__["test"]:
        needs = {f"Timezone {name} needs to be set": is_zone, f"UTC needs to be set to {utc}": is_clock}
        comment = ", ".join(need for need, is_met in needs.items() if not is_met)
        return {**ret, "result": None, "comment": comment}
    messages: List[str] = []
    if not is_zone:
        messages.append(_set(ret, "set_zone", name, "timezone", name, f"timezone {name}", "timezone"))
    if not is_clock:
        messages.append(_set(ret, "set_hwclock", "UTC", "utc", utc, f"UTC to {utc}", f"UTC to {utc}"))
    return {**ret, "comment": ", ".join(messages)}


def _set(ret: Result, function: str, value: str, key: str, change: Any, done: str, failure: str) -> str:
    """Sets one of the two; the words that tell of it."""
    if __salt__[f"timezone.{function}"](value):
        ret["changes"][key] = change
        return f"Set {done}"
    ret["result"] = False
    return f"Failed to set {failure}"
