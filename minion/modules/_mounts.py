"""What is mounted, and tables like /etc/fstab. Paths are plain here; in files, blanks in them are written as \\040."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

from minion import atomic
from minion.errors import CommandExecutionError

_ESCAPED = re.compile(r"\\([0-7]{3})")


class Mount(NamedTuple):
    """A mounted file system."""

    device: str
    path: str
    fstype: str
    opts: List[str]


def unescape(text: str) -> str:
    """A field of a mount table as people write it; `\\ ` for a blank is understood too."""
    plain = _ESCAPED.sub(lambda found: chr(int(found.group(1), 8)), text)
    return plain.replace("\\ ", " ")


def escape(text: str) -> str:
    """A field as it stands in a mount table."""
    escaped = unescape(text).replace("\\", "\\134")
    for blank in " \t\n":
        escaped = escaped.replace(blank, f"\\{ord(blank):03o}")
    return escaped


def mounted() -> List[Mount]:
    """The file systems that are mounted, as this process sees them."""
    found = []
    for line in _proc_lines("mounts"):
        device, path, fstype, opts = line.split(" ")[:4]
        found.append(Mount(unescape(device), unescape(path), fstype, unescape(opts).split(",")))
    return found


def mountinfo() -> Dict[str, Dict[str, Any]]:
    """Mount point -> all that the kernel tells of what is mounted there."""
    found = {}
    for line in _proc_lines("mountinfo"):
        before, _, after = line.partition(" - ")
        mountid, parentid, number, root, path, opts = before.split(" ")[:6]
        fstype, device, superopts = (after.split(" ") + ["", ""])[:3]
        major, _, minor = number.partition(":")
        found[unescape(path)] = {
            "mountid": mountid,
            "parentid": parentid,
            "major": major,
            "minor": minor,
            "root": unescape(root),
            "opts": unescape(opts).split(","),
            "fstype": fstype,
            "device": unescape(device),
            "alt_device": real_device(unescape(device), unescape(path)),
            "superopts": unescape(superopts).split(","),
        }
    return found


def _proc_lines(file: str) -> List[str]:
    with open(f"/proc/self/{file}", encoding="utf-8", errors="surrogateescape") as lines:
        return lines.read().splitlines()


def real_device(device: str, path: str) -> str:
    """The device behind /dev/root, which is the kernel's name for what it was started from."""
    if device != "/dev/root":
        return device
    number = os.stat(path).st_dev
    link = f"/sys/dev/block/{os.major(number)}:{os.minor(number)}"
    return f"/dev/{os.path.basename(os.path.realpath(link))}" if os.path.exists(link) else device


class Entry(NamedTuple):
    """A line of /etc/fstab; fields are plain, not escaped."""

    device: str
    name: str
    fstype: str
    opts: str
    dump: str
    pass_num: str

    def line(self) -> str:
        """The entry as it stands in the file."""
        device, name, fstype, opts = (escape(field) for field in self[:4])
        return f"{device}\t\t{name}\t{fstype}\t{opts}\t{self.dump} {self.pass_num}"

    def matches(self, wanted: Dict[str, str]) -> bool:
        """Whether these fields have these values; the order of options means nothing."""
        own = self._asdict()
        return all(_comparable(key, own[key]) == _comparable(key, value) for key, value in wanted.items())


def _comparable(key: str, value: str) -> object:
    return sorted(value.split(",")) if key == "opts" else value


def parse_fstab_line(line: str) -> Optional[Entry]:
    """The entry of a line; None for comments and lines that mean nothing."""
    fields = line.split()
    if line.lstrip().startswith("#") or len(fields) < 4:
        return None
    device, name, fstype, opts = (unescape(field) for field in fields[:4])
    dump, pass_num = (field if field.isdigit() else "0" for field in (fields[4:6] + ["0", "0"])[:2])
    return Entry(device, name, fstype, opts, dump, pass_num)


def read_lines(path: str) -> List[str]:
    """The lines of a table."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except OSError as exc:
        raise CommandExecutionError(f"Couldn't read from {path}: {exc.strerror}") from None


def write_lines(path: str, lines: List[str]) -> None:
    """Replaces a table."""
    try:
        atomic.write(path, "".join(f"{line}\n" for line in lines))
    except OSError as exc:
        raise CommandExecutionError(f"File not writable {path}: {exc.strerror}") from None
