"""Halt, restart and name the system; its clock."""

from __future__ import annotations

import datetime
import os
import re
import time
from typing import Any, Callable, Dict, List, Optional

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]

_MACHINE_INFO = "/etc/machine-info"
_REBOOT_WITNESS = "/run/salt/reboot_witnessed"  # /run is empty after a boot, so the file is gone when it is done
_TIMES = ("%I:%M:%S %p", "%I:%M %p", "%H:%M:%S", "%H:%M")
_DATES = ("%Y-%m-%d", "%m-%d-%Y", "%m-%d-%y", "%m/%d/%Y", "%m/%d/%y", "%Y/%m/%d")


def halt() -> str:
    """Stops the system, without turning it off.

    CLI Example:

    .. code-block:: bash

        salt '*' system.halt
    """
    return _order("halt")


def init(runlevel: Any) -> str:
    """Changes the run level of the system.

    CLI Example:

    .. code-block:: bash

        salt '*' system.init 3
    """
    return _order("init", str(runlevel))


def poweroff() -> str:
    """Turns the system off.

    CLI Example:

    .. code-block:: bash

        salt '*' system.poweroff
    """
    return _order("poweroff")


def reboot(at_time: Any = None) -> str:
    """Restarts the system.

    Args:
        at_time: minutes to wait, or a time as hh:mm; at once if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.reboot
        salt '*' system.reboot 5
    """
    return _order("shutdown", "-r", _when(at_time))


def shutdown(at_time: Any = None) -> str:
    """Turns the system off, at once or later.

    Args:
        at_time: minutes to wait, or a time as hh:mm; at once if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.shutdown
        salt '*' system.shutdown 5
    """
    return _order("shutdown", "-h", _when(at_time))


def _when(at_time: Any) -> str:
    text = str(at_time) if at_time else "now"
    return f"+{text}" if text.isdigit() else text  # systemd wants the sign, System V init allows it


def _order(*argv: str) -> str:
    done = _tools.result(__salt__, argv)
    if done["retcode"]:
        raise CommandExecutionError(_tools.failure(argv, done))
    return "\n".join(filter(None, (done["stdout"], done["stderr"])))


def has_settable_hwclock() -> bool:
    """Whether there is a hardware clock that can be set.

    CLI Example:

    .. code-block:: bash

        salt '*' system.has_settable_hwclock
    """
    if _tools.which("hwclock") is None:
        return False
    command = ["hwclock", "--test", "--systohc"]
    return _tools.succeeds(__salt__, command, output_loglevel="quiet", ignore_retcode=True)


def get_system_time(utc_offset: Optional[str] = None) -> str:
    """The time, as in 03:18:01 PM.

    Args:
        utc_offset: as it is at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_system_time "'-0500'"
    """
    return _now(utc_offset).strftime("%I:%M:%S %p")


def set_system_time(newtime: str, utc_offset: Optional[str] = None) -> bool:
    """Sets the time; False if it can't be read.

    Args:
        newtime: hh:mm or hh:mm:ss, of 24 hours or followed by AM or PM.
        utc_offset: the time is meant at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_system_time "'11:20'"
    """
    parsed = _parse(newtime, _TIMES)
    if parsed is None:
        return False
    return set_system_date_time(hours=parsed.hour, minutes=parsed.minute, seconds=parsed.second, utc_offset=utc_offset)


def get_system_date_time(utc_offset: Optional[str] = None) -> str:
    """Date and time, as in 2026-11-20 15:18:01.

    Args:
        utc_offset: as it is at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_system_date_time "'-0500'"
    """
    return _now(utc_offset).strftime("%Y-%m-%d %H:%M:%S")


def set_system_date_time(
    years: Optional[int] = None,
    months: Optional[int] = None,
    days: Optional[int] = None,
    hours: Optional[int] = None,
    minutes: Optional[int] = None,
    seconds: Optional[int] = None,
    utc_offset: Optional[str] = None,
) -> bool:
    """Sets date and time, and the hardware clock if there is one.

    Args:
        years, months, days, hours, minutes, seconds: those not given stay.
        utc_offset: the time is meant at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_system_date_time 2015 5 12 11 37 53 "'-0500'"
    """
    given = (years, months, days, hours, minutes, seconds)
    names = ("year", "month", "day", "hour", "minute", "second")
    changes = {name: int(value) for name, value in zip(names, given) if value is not None}
    try:
        moment = _now(utc_offset).replace(microsecond=0, **changes)  # type: ignore[arg-type]
    except ValueError as exc:
        raise SaltInvocationError(str(exc)) from None
    try:
        time.clock_settime(time.CLOCK_REALTIME, moment.timestamp())
    except OSError as exc:
        raise CommandExecutionError(f"The clock can't be set: {exc.strerror}") from None
    if has_settable_hwclock():
        _tools.succeeds(__salt__, ["hwclock", "--systohc"])
    return True


def get_system_date(utc_offset: Optional[str] = None) -> str:
    """The date, as in Fri 11/20/2026.

    Args:
        utc_offset: as it is at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_system_date
    """
    return _now(utc_offset).strftime("%a %m/%d/%Y")


def set_system_date(newdate: str, utc_offset: Optional[str] = None) -> bool:
    """Sets the date.

    Args:
        newdate: as YYYY-MM-DD, MM-DD-YYYY, MM-DD-YY, MM/DD/YYYY, MM/DD/YY or YYYY/MM/DD.
        utc_offset: the date is meant at this offset (`+0200`); in the system's own time zone if not given.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_system_date '03-28-13'
    """
    parsed = _parse(newdate, _DATES)
    if parsed is None:
        raise SaltInvocationError("Invalid date format")
    return set_system_date_time(years=parsed.year, months=parsed.month, days=parsed.day, utc_offset=utc_offset)


def _parse(text: str, formats: Any) -> Optional[datetime.datetime]:
    for known in formats:
        try:
            return datetime.datetime.strptime(text, known)
        except ValueError:
            continue
    return None


def _now(utc_offset: Optional[str]) -> datetime.datetime:
    """The time at an offset; without one, in local time (whose offset may change, so it has none)."""
    if utc_offset is None:
        return datetime.datetime.now()
    parts = re.fullmatch(r"([+-]?)(\d\d)(\d\d)", str(utc_offset))
    if not parts:
        raise SaltInvocationError("Invalid UTC offset")
    ahead = datetime.timedelta(hours=int(parts.group(2)), minutes=int(parts.group(3)))
    return datetime.datetime.now(datetime.timezone(-ahead if parts.group(1) == "-" else ahead))


def get_computer_desc() -> str:
    """The description of the computer (PRETTY_HOSTNAME in /etc/machine-info); empty if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_computer_desc
    """
    found = ""
    for line in _machine_info():
        key, separator, value = line.strip().partition("=")
        if separator and key == "PRETTY_HOSTNAME":
            found = _unquote(value)
    return found


def set_computer_desc(desc: str) -> bool:
    """Sets the description of the computer.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_computer_desc "Michael's laptop"
    """
    if _systemd.booted() and _tools.which("hostnamectl"):
        command = ["hostnamectl", "set-hostname", "--pretty", "--", str(desc)]
        return _tools.succeeds(__salt__, command)
    escaped = re.sub(r'(["\\$`])', r"\\\1", str(desc)).replace("\n", r"\n").replace("\t", r"\t")
    others = [line for line in _machine_info() if not re.match(r"\s*PRETTY_HOSTNAME=", line)]
    atomic.write(_MACHINE_INFO, "".join(f"{line}\n" for line in [*others, f'PRETTY_HOSTNAME="{escaped}"']))
    return True


def _machine_info() -> List[str]:
    try:
        with open(_MACHINE_INFO, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _unquote(value: str) -> str:
    """A value as it was before `set_computer_desc` or systemd wrote it."""
    text = value.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found.group(1), found.group(1)), text)


def set_computer_name(hostname: str) -> bool:
    """Sets the host name, as `network.mod_hostname` does.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_computer_name master.saltstack.com
    """
    return bool(__salt__["network.mod_hostname"](hostname))


def get_computer_name() -> str:
    """The host name.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_computer_name
    """
    return str(__salt__["network.get_hostname"]())


def set_reboot_required_witnessed() -> bool:
    """Notes that something has asked for a reboot.

    CLI Example:

    .. code-block:: bash

        salt '*' system.set_reboot_required_witnessed
    """
    os.makedirs(os.path.dirname(_REBOOT_WITNESS), exist_ok=True)
    atomic.write(_REBOOT_WITNESS, "")
    return True


def get_reboot_required_witnessed() -> bool:
    """Whether something has asked for a reboot since the last one.

    CLI Example:

    .. code-block:: bash

        salt '*' system.get_reboot_required_witnessed
    """
    return os.path.exists(_REBOOT_WITNESS)
