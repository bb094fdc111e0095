"""Services that are init scripts, under OpenRC or System V init: which commands do what."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Sequence, Set

from minion.errors import CommandNotFoundError, SaltInvocationError
from minion.modules import _systemd, _tools


def openrc() -> bool:
    """Whether OpenRC runs the scripts."""
    return _tools.which("rc-service") is not None


def check_name(name: object) -> str:
    """The name of a service; an error if it would lead out of the folder of scripts."""
    text = str(name)
    if not text or "/" in text or text.startswith(("-", ".")):
        raise SaltInvocationError(f"'{name}' is not the name of a service")
    return text


def command(name: str, action: str) -> List[str]:
    """The command that starts, stops, ... a service."""
    script = check_name(name)
    if openrc():
        return ["rc-service", script, action]
    if _tools.which("service"):
        return ["service", script, action]
    return [f"/etc/init.d/{script}", action]


def boot_commands(name: str, wanted: bool, levels: Sequence[str]) -> List[List[str]]:
    """The commands after which a service is, or is not, started at boot."""
    script = check_name(name)
    if openrc():
        return [["rc-update", "add", script, *levels] if wanted else ["rc-update", "--all", "del", script]]
    if _tools.which("update-rc.d"):
        if wanted:  # without links, `enable` has nothing to enable
            return [["update-rc.d", script, "defaults"], ["update-rc.d", script, "enable"]]
        return [["update-rc.d", script, "disable"]]
    if _tools.which("chkconfig"):
        return [["chkconfig", "--add", script], ["chkconfig", script, "on" if wanted else "off"]]
    raise CommandNotFoundError("None of rc-update, update-rc.d and chkconfig is installed")


def started(salt: Mapping[str, Callable[..., Any]]) -> Set[str]:
    """Names of the services that are started at boot."""
    if openrc():
        return set(parse_run_levels(_tools.output(salt, ["rc-update", "show"])))
    return _systemd.started_scripts()


def parse_run_levels(output: str) -> Dict[str, List[str]]:
    """Service name -> the run levels it belongs to, from `rc-update show`."""
    rows = (line.partition("|") for line in output.splitlines())
    return {name.strip(): levels.split() for name, _, levels in rows if levels.split()}
