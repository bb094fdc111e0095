"""Manage /etc/aliases (or the file that the option `aliases.file` names): who gets the mail of whom."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple

from minion import atomic
from minion.errors import SaltInvocationError
from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

_LINE = re.compile(r"([^:#\s][^:#]*?)\s*:\s*([^#]*?)(\s+#.*)?$")


class _Line(NamedTuple):
    """A line of the file; without `alias` it is a comment or empty."""

    text: str
    alias: str = ""
    target: str = ""
    comment: str = ""


def _path() -> str:
    return str(__opts__.get("aliases.file") or "/etc/aliases")


def _read() -> List[_Line]:
    try:
        with open(_path(), encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    matches = ((line, _LINE.match(line)) for line in lines)
    return [_Line(line, match[1], match[2], match[3] or "") if match else _Line(line) for line, match in matches]


def _write(lines: List[_Line]) -> None:
    atomic.write(_path(), "".join(f"{line.text}\n" for line in lines))
    if _tools.which("newaliases"):
        _tools.output(__salt__, ["newaliases"])


def list_aliases() -> Dict[str, str]:
    """Alias -> to whom its mail goes.

    CLI Example:

    .. code-block:: bash

        salt '*' aliases.list_aliases
    """
    return {line.alias: line.target for line in _read() if line.alias}


def get_target(alias: str) -> str:
    """To whom the mail of an alias goes; empty if there is no such alias.

    CLI Example:

    .. code-block:: bash

        salt '*' aliases.get_target alias
    """
    return list_aliases().get(alias, "")


def has_target(alias: str, target: Any) -> bool:
    """Whether the mail of an alias goes to someone.

    Args:
        target: an address, or a list of them.

    CLI Example:

    .. code-block:: bash

        salt '*' aliases.has_target alias target
    """
    return list_aliases().get(alias) == _target(target)


def _target(target: Any) -> str:
    if not target:
        raise SaltInvocationError("target can not be an empty string")
    return ", ".join(map(str, target)) if isinstance(target, list) else str(target)


def set_target(alias: str, target: Any) -> bool:
    """Lets the mail of an alias go to someone, and to nobody else.

    Args:
        target: an address, or a list of them.

    CLI Example:

    .. code-block:: bash

        salt '*' aliases.set_target alias target
    """
    if not alias:
        raise SaltInvocationError("alias can not be an empty string")
    wanted, lines = _target(target), _read()
    known = next((line for line in lines if line.alias == alias), None)
    if known is not None and known.target == wanted:
        return True
    new = _Line(f"{alias}: {wanted}{known.comment if known else ''}", alias, wanted)
    kept = [new if line is known else line for line in lines if line is known or line.alias != alias]
    _write(kept if known else [*kept, new])
    return True


def rm_alias(alias: str) -> bool:
    """Removes an alias.

    CLI Example:

    .. code-block:: bash

        salt '*' aliases.rm_alias alias
    """
    lines = _read()
    if any(line.alias == alias for line in lines):
        _write([line for line in lines if line.alias != alias])
    return True
