"""Modules of the kernel: those that exist, are loaded, or are loaded at boot."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any, Callable, Dict, List, Set

from minion import atomic
from minion.modules import _systemd, _tools

__salt__: Dict[str, Callable[..., Any]]
__grains__: Dict[str, Any]

_LOADED = "/proc/modules"
_MODULES = "/lib/modules"


def __virtual__() -> Any:
    if __grains__.get("kernel") == "Linux":
        return True
    return False, "kernel modules are managed on Linux only"


def available() -> List[str]:
    """Names of the modules that exist for the running kernel, those built into it included.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.available
    """
    folder = os.path.join(_MODULES, os.uname().release)
    found = {_module_name(line) for line in _lines(os.path.join(folder, "modules.builtin"))}
    for _, _, files in os.walk(folder):
        found.update(_module_name(file) for file in files if re.search(r"\.ko(\.\w+)?$", file))
    return sorted(found)


def _module_name(path: str) -> str:
    return os.path.basename(path).partition(".ko")[0].replace("-", "_")


def check_available(mod: str) -> bool:
    """Whether a module exists for the running kernel.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.check_available kvm
    """
    return str(mod).replace("-", "_") in available()


def lsmod() -> List[Dict[str, Any]]:
    """The loaded modules, and which others use each.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.lsmod
    """
    found = []
    for line in _lines(_LOADED):
        name, size, count, users = (line.split() + ["0", "0", "-"])[:4]
        others = [user for user in users.split(",") if user not in ("", "-", "[permanent]")]
        found.append({"size": size, "module": name, "depcount": count, "deps": others})
    return found


def mod_list(only_persist: bool = False) -> List[str]:
    """Names of the loaded modules.

    Args:
        only_persist: of those that are loaded at boot instead.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.mod_list
    """
    if not only_persist:
        return sorted(str(entry["module"]) for entry in lsmod())
    return sorted({line.split()[0] for line in _lines(_boot_list()) if line.strip() and not line.startswith("#")})


def load(mod: str, persist: bool = False) -> Any:
    """Loads a module. Returns the names of all modules that came with it, or the error as text.

    Args:
        mod: name of the module; parameters may follow.
        persist: load it at each boot too.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.load kvm
    """
    before = set(mod_list())
    done = _tools.result(__salt__, ["modprobe", "--", *shlex.split(mod)])
    if done["retcode"]:
        return f"Error loading module {mod}: {done['stderr']}"
    return sorted((set(mod_list()) - before) | (_load_at_boot(mod) if persist else set()))


def is_loaded(mod: str) -> bool:
    """Whether a module is loaded.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.is_loaded kvm
    """
    return str(mod).replace("-", "_") in mod_list()


def remove(mod: str, persist: bool = False, comment: bool = True) -> Any:
    """Unloads a module. Returns the names of all modules that went, or the error as text.

    Args:
        mod: name of the module.
        persist: no longer load it at boot either.
        comment: leave it in the list of those loaded at boot as a comment.

    CLI Example:

    .. code-block:: bash

        salt '*' kmod.remove kvm
    """
    before = set(mod_list())
    done = _tools.result(__salt__, ["rmmod", "--", mod])
    if done["retcode"]:
        return f"Error removing module {mod}: {done['stderr']}"
    return sorted((before - set(mod_list())) | (_not_at_boot(mod, comment) if persist else set()))


def _boot_list() -> str:
    """The file that names the modules to load at boot."""
    return "/etc/modules-load.d/salt_managed.conf" if _systemd.booted() else "/etc/modules"


def _load_at_boot(mod: str) -> Set[str]:
    """Names what was added to the list of modules that are loaded at boot."""
    words = mod.split()
    if not words or words[0] in mod_list(only_persist=True) or not check_available(words[0]):
        return set()
    lines = _lines(_boot_list())
    commented = next((i for i, line in enumerate(lines) if re.sub(r"^#[\t ]*", "", line).split() == words), None)
    if commented is None:
        lines.append(mod)
    else:
        lines[commented] = mod
    _write(lines)
    return {words[0]}


def _not_at_boot(mod: str, comment: bool) -> Set[str]:
    """Names what was taken out of the list of modules that are loaded at boot."""
    words = mod.split()
    if not words or words[0] not in mod_list(only_persist=True):
        return set()
    lines = []
    for line in _lines(_boot_list()):
        if line.split()[:1] != words[:1]:
            lines.append(line)
        elif comment:
            lines.append(f"#{line}")
    _write(lines)
    return {words[0]}


def _lines(path: str) -> List[str]:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except FileNotFoundError:
        return []


def _write(lines: List[str]) -> None:
    os.makedirs(os.path.dirname(_boot_list()), exist_ok=True)
    atomic.write(_boot_list(), "".join(f"{line}\n" for line in lines))
