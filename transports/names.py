"""Which names are acceptable: minion ids, job ids, environments, paths, functions, event tags.

Names from a peer become keys of dictionaries, file names and patterns. Each kind has one check here, used wherever
such a name comes in; a name that passed is safe for the uses its check names.
"""

from __future__ import annotations

import datetime
import re
from typing import List, Tuple

from transports.errors import NameRefused

_MINION_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:+=-]{0,199}", re.ASCII)
_JID = re.compile(r"[0-9]{20}(_[A-Za-z0-9]{1,16})?", re.ASCII)
_JID_FIELDS = (0, 4, 6, 8, 10, 12, 14, 20)  # where year, month, ..., microsecond begin
_SALTENV = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]{0,127}", re.ASCII)
_FUNCTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){1,3}", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_.@:+=/-]{1,256}", re.ASCII)
_RESERVED_SUFFIXES = (".p", ".pub", ".tmp", ".pem")
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.ASCII | re.I)


def minion_id(value: object) -> str:
    """A minion id, usable as a file name.

    Raises:
        NameRefused: it is not one.
    """
    if not isinstance(value, str) or not _MINION_ID.fullmatch(value):
        raise NameRefused(f"{_shown(value)} is no minion id: letters, digits and _.@:+=- only, at most 200")
    if ".." in value or value.endswith(".") or value.endswith(_RESERVED_SUFFIXES):
        raise NameRefused(
            f"{_shown(value)} is no minion id: it may not contain '..' or end in '.', .p, .pub, .pem or .tmp"
        )
    if value == "master" or value.startswith("minions") or _WINDOWS_DEVICE.fullmatch(value):
        raise NameRefused(f"{_shown(value)} is a reserved name and can't be a minion id")
    return value


def is_minion_id(value: object) -> bool:
    """Whether `minion_id` accepts the value."""
    try:
        minion_id(value)
    except NameRefused:
        return False
    return True


def jid(value: object) -> str:
    """A job id: 20 digits of a valid date, optionally `_` and up to 16 letters or digits.

    Raises:
        NameRefused: it is not one.
    """
    if not isinstance(value, str) or not _JID.fullmatch(value):
        raise NameRefused(f"{_shown(value)} is no job id: 20 digits YYYYmmddHHMMSSffffff")
    jid_time(value)
    return value


def jid_time(value: str) -> datetime.datetime:
    """When a job id was made, in UTC.

    Raises:
        NameRefused: its digits are no date.
    """
    try:  # not by strptime, which loads the names of months and days
        fields = [int(value[start:end]) for start, end in zip(_JID_FIELDS, _JID_FIELDS[1:])]
        return datetime.datetime(*fields, tzinfo=datetime.timezone.utc)  # type: ignore[misc, arg-type]
    except ValueError:
        raise NameRefused(f"{_shown(value)} is no job id: its digits are no date") from None


def saltenv(value: object) -> str:
    """The name of a file or pillar environment. A name that passes may still not exist.

    Raises:
        NameRefused: it is not one.
    """
    if not isinstance(value, str) or not _SALTENV.fullmatch(value) or ".." in value or "//" in value:
        raise NameRefused(f"{_shown(value)} is no environment name")
    return value


def path_parts(value: object) -> Tuple[str, ...]:
    """The parts of a path below an environment's root, safe to walk one by one.

    Raises:
        NameRefused: absolute, with `.`, `..`, NUL, a backslash or an empty leading part, or too long.
    """
    if not isinstance(value, str) or not value or len(value) > 4096 or "\0" in value or "\\" in value:
        raise NameRefused(f"{_shown(value)} is no path below salt://")
    if value.startswith("/"):
        raise NameRefused(f"{_shown(value)} is no path below salt://: it is absolute")
    parts: List[str] = [part for part in value.split("/") if part]
    if any(part in (".", "..") or len(part.encode("utf-8", "surrogateescape")) > 255 for part in parts) or not parts:
        raise NameRefused(f"{_shown(value)} is no path below salt://: '.' and '..' are not allowed")
    return tuple(parts)


def function(value: object) -> str:
    """The name of an execution, runner or wheel function.

    Raises:
        NameRefused: it is not one.
    """
    if not isinstance(value, str) or len(value) > 256 or not _FUNCTION.fullmatch(value):
        raise NameRefused(f"{_shown(value)} is no function name: MODULE.FUNCTION")
    return value


def tag(value: object) -> str:
    """An event tag.

    Raises:
        NameRefused: it is not one.
    """
    if not isinstance(value, str) or not _TAG.fullmatch(value) or ".." in value:
        raise NameRefused(f"{_shown(value)} is no event tag")
    if any(not part for part in value.split("/")):
        raise NameRefused(f"{_shown(value)} is no event tag: it has an empty part")
    return value


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
