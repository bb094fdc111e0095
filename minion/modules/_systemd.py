"""What systemd's programs print, taken apart; which units and init scripts lie on disk; whether systemd runs at all."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from minion.modules import _tools

UNIT_TYPES = ("service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer")
_ALL_TYPES = (*UNIT_TYPES, "slice", "scope")
_UNIT_FOLDERS = ("/lib/systemd/system", "/usr/lib/systemd/system", "/etc/systemd/system")
_SCRIPTS = "/etc/init.d"
_LISTS = ("Before", "After", "Wants")


def booted() -> bool:
    """Whether systemd is this system's init (as sd_booted(3) finds out)."""
    return os.path.isdir("/run/systemd/system")


def offline() -> bool:
    """Whether systemd is installed but does not run, so that only unit files can be changed."""
    return not booted() and _tools.which("systemctl") is not None


def fits() -> Any:
    """What `__virtual__` of the modules for systemd answers. Without a running systemd, init scripts come first."""
    if booted() or (offline() and not scripts_are_used()):
        return True
    return False, "systemd has not booted this system"


def scripts_are_used() -> bool:
    """Whether init scripts are how services run here: systemd is not booted, and there are such scripts."""
    return not booted() and os.path.isdir(_SCRIPTS)


def unit(name: object) -> str:
    """The full name of a unit: without a type it is a service."""
    text = str(name)
    return text if text.rpartition(".")[2] in _ALL_TYPES and "." in text else f"{text}.service"


def short(name: str) -> Optional[str]:
    """The name users know a unit by: services without their type. None for units that are not listed."""
    stem, _, kind = name.rpartition(".")
    if not stem or kind not in UNIT_TYPES:
        return None
    return stem if kind == "service" else name


def is_template(name: object) -> bool:
    """Whether a unit is a template (`getty@`), of which only instances can run."""
    return unit(name).rpartition(".")[0].endswith("@")


def parse_units(output: str, state: str) -> Set[str]:
    """Names of the units in a sub state (`running`), from `systemctl list-units --plain`."""
    rows = (line.split() for line in output.splitlines())
    return _names(row[0] for row in rows if len(row) > 3 and row[3] == state)


def parse_unit_files(output: str, state: str) -> Set[str]:
    """Names of the unit files in a state (`enabled`), from `systemctl list-unit-files`."""
    rows = (line.split() for line in output.splitlines())
    return _names(row[0] for row in rows if len(row) > 1 and row[1] == state)


def _names(units: Iterable[str]) -> Set[str]:
    return {name for name in map(short, units) if name}


def parse_show(output: str) -> Dict[str, Any]:
    """Properties of one unit, from `systemctl show`; structures (`{ path=... ; ... }`) become dictionaries."""
    found: Dict[str, Any] = {}
    for line in output.splitlines():
        name, separator, value = line.partition("=")
        if not separator:
            continue
        if value.startswith("{"):
            pairs = (item.partition("=") for item in value.strip("{} ").split(" ; "))
            found[name] = {key.strip(): text.strip() for key, _, text in pairs}
        else:
            found[name] = value.split() if name in _LISTS else value
    return found


def parse_show_many(output: str) -> Iterator[Dict[str, Any]]:
    """Properties of several units, from `systemctl show` with several names."""
    for block in re.split(r"\n\s*\n", output):
        if block.strip():
            yield parse_show(block)


def below(root: Optional[str], path: str) -> str:
    """A path of the system, as it lies below another root."""
    return os.path.join(root, path.lstrip("/")) if root else path


def unit_files(root: Optional[str] = None) -> Set[str]:
    """Names of the unit files on disk."""
    found: Set[str] = set()
    for folder in (below(root, path) for path in _UNIT_FOLDERS):
        if not os.path.islink(folder) and os.path.isdir(folder):
            found |= _names(os.listdir(folder))
    return found


def services(root: Optional[str] = None) -> Set[str]:
    """Names of all services (and other units) that are installed."""
    return unit_files(root) | scripts(root)


def alias_target(name: str, root: Optional[str] = None) -> Optional[str]:
    """The unit that an alias stands for."""
    for folder in reversed(_UNIT_FOLDERS):
        path = os.path.join(below(root, folder), unit(name))
        if os.path.islink(path):
            return os.path.basename(os.readlink(path))
    return None


def scripts(root: Optional[str] = None) -> Set[str]:
    """Names of the init scripts."""
    folder = below(root, _SCRIPTS)
    try:
        entries = os.listdir(folder)
    except OSError:
        return set()
    paths = ((entry, os.path.join(folder, entry)) for entry in entries if not entry.startswith("."))
    return {entry for entry, path in paths if os.path.isfile(path) and os.access(path, os.X_OK)}


def started_scripts(root: Optional[str] = None, levels: str = "2345S") -> Set[str]:
    """Names of the init scripts that are started at boot, in any of the run levels."""
    links = glob.glob(below(root, f"/etc/rc[{levels}].d/S*")) + glob.glob(below(root, f"/etc/rc.d/rc[{levels}].d/S*"))
    return {re.sub(r"^S\d*", "", os.path.basename(link)) for link in links}


def scripts_without_unit(root: Optional[str] = None) -> Tuple[Set[str], Set[str]]:
    """Init scripts that no unit file replaces: those started at boot, and the others."""
    left = scripts(root) - unit_files(root)
    started = started_scripts(root)
    return left & started, left - started


def is_glob(name: str) -> bool:
    """Whether a service name is a pattern."""
    return bool(re.search(r"\*|\?|\[.+\]", name))


def without_templates(names: Iterable[str]) -> List[str]:
    """The names, sorted, without those of templates."""
    return sorted(name for name in names if not is_template(name))


def systemctl(
    salt: Mapping[str, Callable[..., Any]],
    action: str,
    name: Optional[str] = None,
    options: Sequence[str] = (),
    root: Optional[str] = None,
    ignore_retcode: bool = False,
) -> Dict[str, Any]:
    """Runs systemctl; whether it succeeded is the caller's to see."""
    units = [] if name is None else ["--", unit(name)]
    command = ["systemctl", "--no-pager", *root_option(root), *options, action, *units]
    return _tools.result(salt, command, ignore_retcode=ignore_retcode)


def root_option(root: Optional[str]) -> List[str]:
    """How systemctl is told to work below another root."""
    return [f"--root={root}"] if root else []


def reason(done: Mapping[str, Any]) -> str:
    """Why a run of systemctl failed."""
    return str(done["stderr"] or done["stdout"] or f"it ended with {done['retcode']}")
