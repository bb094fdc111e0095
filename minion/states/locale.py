"""Locales: which the system knows, and which it speaks."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "locale.get_locale" in __salt__ else (False, "'locale.get_locale' is not available.")


def system(name: str) -> Result:
    """Sees to it that the system speaks a certain locale.

    Args:
        name: the locale, such as `en_US.UTF-8`.
    """
    ret = begun(name)
    try:
        if __salt__["locale.get_locale"]() == name:
            ret["comment"] = f"System locale {name} already set"
            return ret
        if __opts__["test"]:
            return predicted(ret, f"System locale {name} needs to be set")
        if not __salt__["locale.set_locale"](name):
            return failed(ret, f"Failed to set system locale to {name}")
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to set system locale: {exc}")
    ret.update(comment=f"Set system locale {name}", changes={"locale": name})
    return ret


def present(name: str) -> Result:
    """Sees to it that the system knows a locale.

    Args:
        name: the locale, such as `en_US.UTF-8`.
    """
    ret = begun(name)
    if __salt__["locale.avail"](name):
        ret["comment"] = f"Locale {name} is already present"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"Locale {name} needs to be generated")
    if not __salt__["locale.gen_locale"](name):
        return failed(ret, f"Failed to generate locale {name}")
    ret.update(comment=f"Generated locale {name}", changes={"locale": name})
    return ret
