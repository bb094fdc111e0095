"""The system's time zone, and what its hardware clock shows."""

from __future__ import annotations

import filecmp
import os
import time
from typing import Any, Callable, Dict, Iterator

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

_ZONES = "/usr/share/zoneinfo"
_LOCALTIME = "/etc/localtime"
_TIMEZONE = "/etc/timezone"
_ADJTIME = "/etc/adjtime"


def get_zone() -> str:
    """The name of the time zone, as in America/Denver.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.get_zone
    """
    if os.path.islink(_LOCALTIME):
        _, found, name = os.readlink(_LOCALTIME).partition("zoneinfo/")
        if found:
            return name
    try:
        with open(_TIMEZONE, encoding="utf-8", errors="replace") as file:
            name = file.read().strip()
    except FileNotFoundError:
        name = ""
    if name:
        return name
    if not os.path.exists(_LOCALTIME):
        return "UTC"  # that is what programs take it for
    for name in _zones():
        if filecmp.cmp(_LOCALTIME, os.path.join(_ZONES, name), shallow=False):
            return name
    raise CommandExecutionError(f"Unable to determine timezone: {_LOCALTIME} is like no file below {_ZONES}")


def _zones() -> Iterator[str]:
    for folder, folders, files in os.walk(_ZONES):
        folders.sort()
        for file in sorted(files):
            name = os.path.relpath(os.path.join(folder, file), _ZONES)
            if name[0].isupper():  # the rest are tables and other views of the same zones
                yield name


def get_zonecode() -> str:
    """The abbreviation of the time zone, as in MST.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.get_zonecode
    """
    time.tzset()
    return time.strftime("%Z")


def get_offset() -> str:
    """The offset of the time zone from UTC, as in -0600.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.get_offset
    """
    time.tzset()
    return time.strftime("%z")


def set_zone(timezone: str) -> bool:
    """Sets the time zone.

    Args:
        timezone: its name below /usr/share/zoneinfo.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.set_zone 'America/Denver'
    """
    path = _zone_file(timezone)
    if not (_systemd.booted() and _set_by_systemd(["set-timezone", timezone])):
        scratch = f"{_LOCALTIME}.{os.getpid()}"
        os.symlink(path, scratch)
        os.replace(scratch, _LOCALTIME)
    if os.path.exists(_TIMEZONE) or __grains__.get("os_family") in ("Debian", "Gentoo"):
        atomic.write(_TIMEZONE, f"{timezone}\n")
    time.tzset()
    return True


def _set_by_systemd(arguments: Any) -> bool:
    command = ["timedatectl", "--no-ask-password", *arguments]
    return _tools.which("timedatectl") is not None and _tools.succeeds(__salt__, command, ignore_retcode=True)


def zone_compare(timezone: str) -> bool:
    """Whether the time zone is this one.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.zone_compare 'America/Denver'
    """
    by_name = os.path.islink(_LOCALTIME) or not os.path.exists(_LOCALTIME)
    if by_name and timezone == get_zone():
        return True
    try:
        path = _zone_file(timezone)
    except SaltInvocationError:
        raise SaltInvocationError(f'Can\'t find a local timezone "{timezone}"') from None
    return not by_name and filecmp.cmp(_LOCALTIME, path, shallow=False)


def _zone_file(timezone: str) -> str:
    path = os.path.join(_ZONES, timezone)
    inside = os.path.normpath(path) == path and not os.path.isabs(timezone)
    if not inside or not os.path.isfile(path):
        raise SaltInvocationError(f"Zone does not exist: {path}")
    return path


def get_hwclock() -> str:
    """What the hardware clock shows: `UTC` or `localtime`.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.get_hwclock
    """
    return "localtime" if _adjtime()[2] == "LOCAL" else "UTC"


def set_hwclock(clock: str) -> bool:
    """Sets what the hardware clock shows.

    Args:
        clock: `UTC` or `localtime`.

    CLI Example:

    .. code-block:: bash

        salt '*' timezone.set_hwclock UTC
    """
    if str(clock).lower() not in ("utc", "localtime"):
        raise SaltInvocationError("Only 'UTC' and 'localtime' are allowed")
    local = str(clock).lower() == "localtime"
    if _systemd.booted() and _set_by_systemd(["set-local-rtc", "true" if local else "false"]):
        return True
    drift, adjusted, _ = _adjtime()
    atomic.write(_ADJTIME, f"{drift}\n{adjusted}\n{'LOCAL' if local else 'UTC'}\n")
    return True


def _adjtime() -> Any:
    """The three lines of /etc/adjtime: drift, last adjustment, what the clock shows."""
    try:
        with open(_ADJTIME, encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        lines = []
    defaults = ["0.0 0 0.0", "0", "UTC"]
    return [*lines[:3], *defaults[len(lines) :]]
