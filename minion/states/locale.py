"""Locales: the system's, and those that can be used."""

from __future__ import annotations

from typing import Any, Callable, Dict

from minion.errors import CommandExecutionError
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]


def __virtual__() -> Any:
    return True if "locale.get_locale" in __salt__ else (False, "there is no execution module for locales")


def system(name: str) -> Result:
    """Sees to it that the system has a certain locale (LANG).

    Args:
        name: the locale, as en_US.UTF-8.
    """
    ret = begun(name)
    try:
        if __salt__["locale.get_locale"]() == name:
            return {**ret, "comment": f"System locale {name} already set"}
        if __opts__["test"]:
            return {**ret, "result": None, "comment": f"System locale {name} needs to be set"}
        if not __salt__["locale.set_locale"](name):
            return failed(ret, f"Failed to set system locale to {name}")
    except CommandExecutionError as exc:
        return failed(ret, f"Failed to set system locale: {exc}")
    return {**ret, "changes": {"locale": name}, "comment": f"Set system locale {name}"}


def present(name: str) -> Result:
    """Sees to it that a locale can be used.

    Args:
        name: the locale, as en_US.UTF-8.
    """
    ret = begun(name)
    if __salt__["locale.avail"](name):
        return {**ret, "comment": f"Locale {name} is already present"}
    if __opts__["test"]:
        return {**ret, "result": None, "comment": f"Locale {name} needs to be generated"}
    if not __salt__["locale.gen_locale"](name):
        return failed(ret, f"Failed to generate locale {name}")
    return {**ret, "changes": {"locale": name}, "comment": f"Generated locale {name}"}
