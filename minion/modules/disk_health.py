"""How disks are doing: their load, and what they say of themselves."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Optional, Sequence, Union

from minion.errors import CommandExecutionError
from minion.modules import _tools

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "disk"

_SMARTCTL_FAILED = 0b11  # the other bits of its return code are about the disk


def iostat(interval: int = 1, count: int = 5, disks: Union[str, Sequence[str], None] = None) -> Dict[str, Any]:
    """The load of disks, and without `disks` of the CPUs (`sys`) too: means over the reports of iostat.

    Args:
        interval: seconds from report to report.
        count: how many reports; the first one is about the time since the system was booted.
        disks: only of these disks.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.iostat 1 5 sda
    """
    chosen = [disks] if isinstance(disks, str) else list(disks or [])
    command = ["iostat", "-xd" if chosen else "-x", *chosen, str(interval), str(count)]
    return _parse_iostat(_tools.output(__salt__, command, output_loglevel="quiet"))


def _parse_iostat(output: str) -> Dict[str, Dict[str, float]]:
    seen: Dict[str, List[Dict[str, float]]] = {}
    header: List[str] = []
    for line in output.splitlines():
        words = line.replace(",", ".").split()
        if not words:
            header = []
        elif words[0] == "avg-cpu:" or words[0].rstrip(":") == "Device":
            header = words
        elif header:
            name, values = ("sys", words) if header[0] == "avg-cpu:" else (words[0], words[1:])
            seen.setdefault(name, []).append(dict(zip(header[1:], map(float, values))))
    return {name: _means(reports) for name, reports in seen.items()}


def _means(reports: List[Dict[str, float]]) -> Dict[str, float]:
    return {key: round(sum(report[key] for report in reports) / len(reports), 2) for key in reports[0]}


def smart_attributes(
    dev: str, attributes: Optional[Sequence[int]] = None, values: Optional[Sequence[str]] = None
) -> Dict[int, Dict[str, Any]]:
    """Number -> what a disk says of itself (SMART).

    Args:
        dev: the disk.
        attributes: only these numbers.
        values: only these columns.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.smart_attributes /dev/sda
        salt '*' disk.smart_attributes /dev/sda attributes=(161,5,230)
    """
    path = dev if dev.startswith("/dev/") else f"/dev/{dev}"
    command = ["smartctl", "--attributes", path]
    done = _tools.result(__salt__, command, output_loglevel="quiet", ignore_retcode=True)
    if done["retcode"] & _SMARTCTL_FAILED:
        raise CommandExecutionError(_tools.failure(command, done))
    found = _parse_smart(done["stdout"])
    return {
        number: {key: value for key, value in entry.items() if values is None or key in values}
        for number, entry in found.items()
        if attributes is None or number in attributes
    }


def _parse_smart(output: str) -> Dict[int, Dict[str, Any]]:
    fields: List[str] = []
    found: Dict[int, Dict[str, Any]] = {}
    for line in output.splitlines():
        if line.startswith("ID#"):
            fields = [field.lower() for field in line.split()[1:]]
        elif fields and re.match(r"\s*\d", line):
            number, *columns = line.split(maxsplit=len(fields))
            found[int(number)] = {field: _numbers(column) for field, column in zip(fields, columns)}
        elif fields:
            break
    return found


def _numbers(text: str) -> Any:
    """A number, a list of numbers, or the text if it is neither."""
    words = text.split()
    if all(word.isdigit() for word in words):
        return int(words[0]) if len(words) == 1 else [int(word) for word in words]
    return text.strip()


def hdparms(
    disks: Union[str, Sequence[str]], args: Union[str, Sequence[str]] = "aAbBcCdgHiJkMmNnQrRuW"
) -> Dict[str, Any]:
    """Disk -> its settings, as hdparm reads them.

    Args:
        disks: one or several.
        args: which settings, as the letters of hdparm's options.

    CLI Example:

    .. code-block:: bash

        salt '*' disk.hdparms sda
    """
    found = {}
    for disk in [disks] if isinstance(disks, str) else disks:
        path = disk if disk.startswith("/dev") else f"/dev/{disk}"
        done = _tools.result(__salt__, ["hdparm", f"-{''.join(args)}", path], ignore_retcode=True)
        found[path] = _parse_hdparm(done["stdout"], path)
    return found


def _parse_hdparm(output: str, path: str) -> Dict[str, Any]:
    found = {}
    for line in output.splitlines():
        setting = re.match(r"\s*([^:=]+?)(?: is)?\s*[:=]\s*(\S.*)", line)
        if setting and line.strip() != f"{path}:":
            value = _hdparm_value(setting.group(2).strip())
            if value != []:
                found[setting.group(1).lower().replace(" ", "_")] = value
    return found


def _hdparm_value(text: str) -> Any:
    """`256 (on)` -> [256, "on"]; several values -> a list; NAME=value among them -> a dictionary at its end."""
    pair = re.fullmatch(r"(\d+) \((.*)\)", text)
    if pair:
        return [int(pair.group(1)), pair.group(2)]
    values: List[Any] = []
    named: Dict[str, str] = {}
    for part in filter(None, (part.strip() for part in re.split(r"[/,]", text))):
        key, separator, value = part.partition("=")
        if separator:
            named.update({key.strip(): value.strip()} if value.strip() else {})
        else:
            values.append(int(part) if part.isdigit() else part)
    values += [named] if named else []
    return values[0] if len(values) == 1 else values
