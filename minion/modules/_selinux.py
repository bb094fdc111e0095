"""What the SELinux modules share: contexts, kinds of files, ports."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping, Optional, Tuple

from minion.errors import SaltInvocationError
from minion.modules import _tools

FILE_TYPES = {
    "a": "all files",
    "f": "regular file",
    "d": "directory",
    "c": "character device",
    "b": "block device",
    "s": "socket",
    "l": "symbolic link",
    "p": "named pipe",
}
_CONTEXT = ("sel_user", "sel_role", "sel_type", "sel_level")


def usable(kernel: Any) -> Any:
    """What `__virtual__` of the modules says."""
    for program in ("semanage", "setsebool", "semodule"):
        if not _tools.which(program):
            return False, f"{program} is not in the path"
    return True if kernel == "Linux" else (False, "Module only works on Linux with selinux installed")


def file_type(code: str) -> str:
    """What a letter for a kind of files stands for."""
    if code not in FILE_TYPES:
        valid = ", ".join(FILE_TYPES)
        raise SaltInvocationError(f"Invalid file type code {code!r}; expected one of: {valid}")
    return FILE_TYPES[code]


def context(text: str) -> Dict[str, str]:
    """The parts of a context, `user:role:type:level`."""
    parts = text.split(":", 3)
    if len(parts) < 4 or not all(parts):
        raise SaltInvocationError(
            f'Invalid SELinux context string: {text}. Expected "sel_user:sel_role:sel_type:sel_level"'
        )
    return dict(zip(_CONTEXT, parts))


def difference(old: str, new: str) -> Dict[str, Dict[str, str]]:
    """The parts in which two contexts differ."""
    before, after = context(old), context(new)
    keys = [key for key in _CONTEXT if before[key] != after[key]]
    return {"old": {key: before[key] for key in keys}, "new": {key: after[key] for key in keys}}


def fits(found: Mapping[str, str], **wanted: Optional[str]) -> bool:
    """Are the parts as wanted, as far as something is wanted?"""
    return all(not value or found[key] == value for key, value in wanted.items())


def port(name: str, protocol: Optional[str], number: Any) -> Tuple[str, str]:
    """Protocol and port, from a name as tcp/8080-8089 or from themselves."""
    match = re.fullmatch(r"(tcp|udp)/(\d+(?:-\d+)?)", str(name)) or re.fullmatch(
        r"(tcp|udp)/(\d+(?:-\d+)?)", f"{protocol}/{number}"
    )
    if not match:
        raise SaltInvocationError(
            f'Invalid name "{name}" format and protocol and port not provided or invalid: "{protocol}" "{number}".'
        )
    return match.group(1), match.group(2)
