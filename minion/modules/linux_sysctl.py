"""Settings of the kernel: in /proc/sys, and in the files that are applied at boot."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, Optional, Union

from minion import atomic
from minion.errors import CommandExecutionError
from minion.modules import _systemd

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]
__virtualname__ = "sysctl"

_PROC = "/proc/sys"
_HEADER = "#\n# Kernel sysctl configuration\n#\n"


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "/proc/sys is Linux's"


def default_config() -> str:
    """The file in which settings are made to last, if no other is named.

    CLI Example:

    .. code-block:: bash

        salt '*' sysctl.default_config
    """
    return "/etc/sysctl.d/99-salt.conf" if _systemd.booted() else "/etc/sysctl.conf"


def show(config_file: Union[str, bool] = False) -> Any:
    """All settings, by name: those of the running kernel, or those of a file (an empty list if it does not exist).

    Args:
        config_file: path of the file.

    CLI Example:

    .. code-block:: bash

        salt '*' sysctl.show
    """
    if not config_file:
        return _running()
    if not os.path.exists(str(config_file)):
        return []
    settings = (_setting(line) for line in _read(str(config_file)))
    return {setting[0]: setting[1] for setting in settings if setting}


def _running() -> Dict[str, str]:
    found = {}
    for folder, _, files in os.walk(_PROC):
        for file in files:
            path = os.path.join(folder, file)
            try:
                found[_name(path)] = _value(path)
            except OSError:
                continue  # some can only be written, some only by others
    return found


def get(name: str) -> str:
    """A setting of the running kernel.

    CLI Example:

    .. code-block:: bash

        salt '*' sysctl.get net.ipv4.ip_forward
    """
    path = _path(name)
    try:
        return _value(path)
    except OSError as exc:
        raise CommandExecutionError(f"sysctl {name} can't be read: {exc.strerror}") from None


def assign(name: str, value: Any) -> Dict[str, str]:
    """Sets a setting of the running kernel.

    CLI Example:

    .. code-block:: bash

        salt '*' sysctl.assign net.ipv4.ip_forward 1
    """
    path = _path(name)
    try:
        handle = os.open(path, os.O_WRONLY)
        try:
            os.write(handle, f"{value}\n".encode())  # in one piece: the kernel takes each write as a whole value
        finally:
            os.close(handle)
    except OSError as exc:
        raise CommandExecutionError(f'sysctl -w failed: setting key "{name}": {exc.strerror}') from None
    return {name: str(value)}


def persist(name: str, value: Any, config: Optional[str] = None) -> str:
    """Sets a setting now and for each boot: `Updated` or `Already set`.

    Args:
        name: name of the setting.
        value: its value.
        config: the file in which it stands.

    CLI Example:

    .. code-block:: bash

        salt '*' sysctl.persist net.ipv4.ip_forward 1
    """
    file = config or default_config()
    lines = _read(file) if os.path.isfile(file) else _HEADER.splitlines()
    changed = _with_setting(lines, name, value)
    if changed == lines and _same(get(name), value):
        return "Already set"
    assign(name, value)
    if changed != lines:
        _write(file, changed)
    return "Updated"


def _with_setting(lines: List[str], name: str, value: Any) -> List[str]:
    """The lines of a file in which a setting has one value, wherever it stands, or is added at the end."""
    result, found = [], False
    for line in lines:
        setting = _setting(line)
        if setting and _path_of(setting[0].lstrip("-")) == _path_of(name):
            found = True
            if not _same(setting[1], value):
                line = f"{setting[0]} = {value}"
        result.append(line)
    return result if found else [*result, f"{name} = {value}"]


def _setting(line: str) -> Any:
    """(name, value) of a line of a file; None if it sets nothing."""
    name, separator, value = line.strip().partition("=")
    return (name.strip(), value.strip()) if separator and not name.startswith(("#", ";")) else None


def _same(one: Any, other: Any) -> bool:
    """Whether two values are equal; the kernel separates numbers by tabs, people by blanks."""
    return str(one).split() == str(other).split()


def _path_of(name: str) -> str:
    """The path of a setting below /proc/sys. Either `.` or `/` separates: what comes first does; the other is its."""
    first = re.search(r"[./]", name)
    return name.translate(str.maketrans("./", "/.")) if first and first.group() == "." else name


def _path(name: str) -> str:
    path = f"{_PROC}/{_path_of(str(name))}"  # not os.path.join: an absolute name would lead elsewhere
    if os.path.normpath(path) != path or not os.path.isfile(path):
        raise CommandExecutionError(f"sysctl {name} does not exist")
    return path


def _name(path: str) -> str:
    return os.path.relpath(path, _PROC).translate(str.maketrans("./", "/."))


def _value(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().strip()


def _read(path: str) -> List[str]:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().splitlines()


def _write(path: str, lines: List[str]) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        atomic.write(path, "".join(f"{line}\n" for line in lines))
    except OSError as exc:
        raise CommandExecutionError(f"Could not write to file: {path}: {exc.strerror}") from None
