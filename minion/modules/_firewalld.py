"""Runs firewall-cmd."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.errors import CommandExecutionError
from minion.modules import _tools


def usable() -> Any:
    """What `__virtual__` of the modules says."""
    if _tools.which("firewall-cmd"):
        return True
    return False, "The firewalld execution module cannot be loaded: the firewall-cmd binary is not in the path."


def call(
    salt: Mapping[str, Callable[..., Any]], *words: str, zone: Optional[str] = None, permanent: bool = False
) -> str:
    """What firewall-cmd prints; an error if it fails."""
    argv = ["firewall-cmd", *([f"--zone={zone}"] if zone else []), *words, *(["--permanent"] if permanent else [])]
    done = _tools.result(salt, argv)
    if done["retcode"]:
        raise CommandExecutionError(f"firewall-cmd failed: {done['stderr'] or done['stdout']}")
    return str(done["stdout"])


def zones(text: str) -> Dict[str, Any]:
    """Zone -> attribute -> values, from what `--list-all` prints."""
    found: Dict[str, Any] = {}
    about: Dict[str, List[str]] = {}
    values: List[str] = []
    for line in filter(str.strip, text.splitlines()):
        if not line[0].isspace():
            about = found[line.rstrip()] = {}
        elif line.startswith("\t"):
            values.append(line.strip())
        else:
            key, _, value = line.partition(":")
            values = about[key.strip()] = [value.strip()]
    return found
