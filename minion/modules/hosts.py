"""Manage /etc/hosts (or the file that the option `hosts.file` names). Lines that are not meant stay as they are."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Union

from minion import atomic
from minion.errors import SaltInvocationError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]

Names = Union[str, Sequence[str]]


class Line(NamedTuple):
    """A line of the file; without `ip` it is a comment or empty."""

    text: str
    ip: str = ""
    aliases: Sequence[str] = ()
    comment: str = ""


def list_hosts() -> Dict[str, Any]:
    """Address -> its names (`aliases`) and `comment`; lines that are comments stand under `comment-0`, ...

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.list_hosts
    """
    found: Dict[str, Any] = {}
    comments = 0
    for line in _read():
        if line.ip:
            entry = found.setdefault(line.ip, {"aliases": []})
            entry["aliases"].extend(line.aliases)
            if line.comment:
                entry["comment"] = line.comment
        elif line.text.strip():
            found[f"comment-{comments}"] = [line.text.strip()]
            comments += 1
    return found


def get_ip(host: str) -> str:
    """The first address of a name; empty if it has none.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.get_ip <hostname>
    """
    return next((line.ip for line in _read() if host in line.aliases), "")


def get_alias(ip: str) -> List[str]:
    """The names of an address.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.get_alias <ip addr>
    """
    return [alias for line in _read() if line.ip == str(ip) for alias in line.aliases]


def has_pair(ip: str, alias: Names) -> bool:
    """Whether an address has a name, or all names of a list.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.has_pair <ip> <alias>
    """
    wanted = [alias] if isinstance(alias, str) else alias
    return set(wanted) <= set(get_alias(ip)) and bool(get_alias(ip))


def set_host(ip: str, alias: Names, comment: Optional[str] = None) -> bool:
    """Gives an address this name and no other; an empty name removes the address.

    Args:
        ip: the address.
        alias: its name, or several separated by blanks or as a list.
        comment: a comment at the end of the line.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.set_host <ip> <alias>
    """
    lines = _read()
    new = _line(str(ip), _split(alias), comment or "")
    first = next((index for index, line in enumerate(lines) if line.ip == str(ip)), len(lines))
    kept = [line for line in lines if line.ip != str(ip)]
    before = sum(1 for line in lines[:first] if line.ip != str(ip))
    _write([*kept[:before], *([new] if new.aliases else []), *kept[before:]])
    return True


def rm_host(ip: str, alias: str) -> bool:
    """Takes a name from an address, and the address out of the file with its last name.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.rm_host <ip> <alias>
    """
    if not has_pair(ip, alias):
        return True
    lines = []
    for line in _read():
        if line.ip != str(ip) or alias not in line.aliases:
            lines.append(line)
            continue
        left = [name for name in line.aliases if name != alias]
        if left:
            lines.append(_line(line.ip, left, line.comment))
    _write(lines)
    return True


def add_host(ip: str, alias: str) -> bool:
    """Gives an address one more name.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.add_host <ip> <alias>
    """
    if has_pair(ip, _split(alias)):
        return True
    lines = _read()
    index = next((index for index, line in enumerate(lines) if line.ip == str(ip)), None)
    if index is None:
        lines.append(_line(str(ip), _split(alias), ""))
    else:
        old = lines[index]
        added = [name for name in _split(alias) if name not in old.aliases]
        lines[index] = _line(old.ip, [*old.aliases, *added], old.comment)
    _write(lines)
    return True


def set_comment(ip: str, comment: str) -> bool:
    """Sets the comment of an address; False if the address is not in the file.

    CLI Example:

    .. code-block:: bash

        salt '*' hosts.set_comment <ip> <comment>
    """
    lines = _read()
    mine = [index for index, line in enumerate(lines) if line.ip == str(ip)]
    if not mine:
        return False
    if any(lines[index].comment != comment for index in mine):
        for index in mine:
            lines[index] = _line(lines[index].ip, lines[index].aliases, comment)
        _write(lines)
    return True


def _line(ip: str, aliases: Sequence[str], comment: str) -> Line:
    if ip.split() != [ip] or "#" in ip:
        raise SaltInvocationError(f"{ip!r} is not an address")
    end = f"\t\t# {' '.join(comment.split())}" if comment else ""
    return Line(f"{ip}\t\t{' '.join(aliases)}{end}", ip, aliases, comment)


def _split(alias: Names) -> List[str]:
    return alias.split() if isinstance(alias, str) else [name for part in alias for name in str(part).split()]


def _path() -> str:
    return str(__opts__.get("hosts.file") or "/etc/hosts")


def _read() -> List[Line]:
    try:
        with open(_path(), encoding="utf-8", errors="surrogateescape") as file:
            return [_parse(text) for text in file.read().splitlines()]
    except FileNotFoundError:
        return []


def _parse(text: str) -> Line:
    words, _, comment = text.partition("#")
    parts = words.split()
    return Line(text, parts[0], parts[1:], comment.strip()) if parts else Line(text)


def _write(lines: Sequence[Line]) -> None:
    atomic.write(_path(), "".join(f"{line.text}\n" for line in lines))
