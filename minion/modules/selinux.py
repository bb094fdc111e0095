"""SELinux: its mode, booleans and policy modules."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, Optional

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _selinux, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

_CONFIG = "/etc/selinux/config"
_FILESYSTEMS = ("/sys/fs/selinux", "/selinux")
_BOOLEAN = re.compile(r"^(\S+)\s+\((\w+)\s*,\s*(\w+)\)\s*(.*)$")


def __virtual__() -> Any:
    return _selinux.usable(__grains__.get("kernel"))


def selinux_fs_path() -> Optional[str]:
    """Where the kernel shows SELinux; None if it is off.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.selinux_fs_path
    """
    return next((path for path in _FILESYSTEMS if os.path.isfile(os.path.join(path, "enforce"))), None)


def getenforce() -> str:
    """The mode that is in force: Enforcing, Permissive or Disabled.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.getenforce
    """
    path = selinux_fs_path()
    if path is None:
        return "Disabled"
    try:
        with open(os.path.join(path, "enforce"), encoding="ascii") as file:
            return "Permissive" if file.read().strip() == "0" else "Enforcing"
    except OSError:
        return "Disabled"


def getconfig() -> Optional[str]:
    """The mode after the next start of the host; None if nothing is configured.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.getconfig
    """
    try:
        with open(_CONFIG, encoding="utf-8") as file:
            match = re.search(r"^\s*SELINUX=(.*)$", file.read(), re.M)
    except OSError:
        return None
    return match.group(1).strip().capitalize() if match else None


def setenforce(mode: str) -> str:
    """Sets the mode, now and after the next start; what is then in force.

    Args:
        mode: enforcing, permissive or disabled; which can't be entered or left without a restart.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.setenforce enforcing
    """
    wanted = mode.lower() if isinstance(mode, str) else ""
    if wanted not in ("enforcing", "permissive", "disabled"):
        raise SaltInvocationError(f"Invalid mode {mode}")
    path = selinux_fs_path()
    if path is not None:
        try:
            with open(os.path.join(path, "enforce"), "w", encoding="ascii") as file:
                file.write("1" if wanted == "enforcing" else "0")
        except OSError as exc:
            raise CommandExecutionError(f"Could not write SELinux enforce file: {exc}") from exc
    _configure(wanted)
    return getenforce()


def _configure(mode: str) -> None:
    try:
        with open(_CONFIG, encoding="utf-8") as file:
            text = file.read()
    except OSError as exc:
        raise CommandExecutionError(f"Could not read SELinux config file: {exc}") from exc
    text, count = re.subn(r"^\s*SELINUX=.*$", f"SELINUX={mode}", text, count=1, flags=re.M)
    if not count:
        text += f"SELINUX={mode}\n"
    try:
        atomic.write(_CONFIG, text)
    except OSError as exc:
        raise CommandExecutionError(f"Could not write SELinux config file: {exc}") from exc


def list_sebool() -> Dict[str, Dict[str, str]]:
    """The booleans, with their state, the state after the next start (`Default`), and what they are for.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.list_sebool
    """
    matches = map(_BOOLEAN.match, _tools.lines(__salt__, ["semanage", "boolean", "--list"]))
    return {
        match.group(1): {"State": match.group(2), "Default": match.group(3), "Description": match.group(4)}
        for match in matches
        if match
    }


def getsebool(boolean: str) -> Dict[str, str]:
    """A boolean; {} if there is no such.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.getsebool virt_use_usb
    """
    return list_sebool().get(boolean, {})


def setsebool(boolean: str, value: Any, persist: bool = False) -> bool:
    """Sets a boolean; whether that worked.

    Args:
        boolean: its name.
        value: on or off.
        persist: after the next start, too.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.setsebool virt_use_usb off
    """
    return setsebools({boolean: value}, persist)


def setsebools(pairs: Dict[str, Any], persist: bool = False) -> bool:
    """Sets booleans; whether that worked.

    Args:
        pairs: name -> on or off.
        persist: after the next start, too.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.setsebools '{virt_use_usb: on, squid_use_tproxy: off}'
    """
    words = [f"{boolean}={_switch(value)}" for boolean, value in pairs.items()]
    return _tools.succeeds(__salt__, ["setsebool", *(["-P"] if persist else []), "--", *words])


def _switch(value: Any) -> str:
    """True and False as setsebool takes them."""
    return str(value).lower()


def list_semod() -> Dict[str, Dict[str, Any]]:
    """The policy modules, and whether they are enabled.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.list_semod
    """
    lines = (line.split() for line in _tools.lines(__salt__, ["semodule", "--list-modules=full"]))
    return {
        words[1]: {"Enabled": "disabled" not in words[3:], "Version": None}
        for words in lines
        if len(words) > 2  # priority, name, language
    }


def getsemod(module: str) -> Dict[str, Any]:
    """A policy module; {} if there is no such.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.getsemod mysqld
    """
    return list_semod().get(module, {})


def setsemod(module: str, state: str) -> bool:
    """Enables or disables a policy module; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.setsemod nagios Enabled
    """
    flags = {"enabled": "--enable", "disabled": "--disable"}
    if state.lower() not in flags:
        raise SaltInvocationError(f"Invalid state {state}")
    return _tools.succeeds(__salt__, ["semodule", f"{flags[state.lower()]}={module}"])


def install_semod(module_path: str) -> bool:
    """Installs a policy module from a file; whether that worked.

    Args:
        module_path: a path, or salt://...

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.install_semod salt://Zabbix.pp
    """
    path = __salt__["cp.cache_file"](module_path) if module_path.startswith("salt://") else module_path
    if not path:
        raise CommandExecutionError(f"{module_path} is not on the master")
    return _tools.succeeds(__salt__, ["semodule", f"--install={path}"])


def remove_semod(module: str) -> bool:
    """Removes a policy module; whether that worked.

    CLI Example:

    .. code-block:: bash

        salt '*' selinux.remove_semod module_name
    """
    return _tools.succeeds(__salt__, ["semodule", f"--remove={module}"])
