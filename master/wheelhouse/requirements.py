"""Which wheels belong together: names, versions, and requirements with their conditions for another Python.

pip can fetch wheels for another Python, but takes the conditions in their requirements (`python_version < "3.11"`)
for those of the Python it runs on itself. So they are looked at here.
"""

from __future__ import annotations

import ast
import operator
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from importlib import metadata
from typing import Any

from master.errors import NoWheels
from master.wheelhouse.platform import Platform

PROJECT = "saltern"
NEEDLESS = frozenset({"pycparser"})  # parses C for cffi, which nobody has it do at run time
_FILE = re.compile(r"([A-Za-z0-9_.]+)-([A-Za-z0-9_.!+]+)(?:-([0-9][A-Za-z0-9_.]*))?-([^-]+)-([^-]+)-([^-]+)\.whl")
_WHAT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_MOST_METADATA = 1 << 20
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.In: lambda left, right: str(left) in str(right), ast.NotIn: lambda left, right: str(left) not in str(right),
}  # fmt: skip


def normal(name: str) -> str:
    """A project's name in the one spelling that is compared."""
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class WheelName:
    """What the name of a wheel's file says."""

    project: str
    version: str
    pythons: str
    abis: str
    systems: str

    @classmethod
    def parse(cls, name: str) -> WheelName | None:
        """None if it is no name of a wheel."""
        found = _FILE.fullmatch(name)
        return cls(normal(found[1]), found[2], found[4], found[5], found[6]) if found else None

    def runs_on(self, platform: Platform) -> bool:
        """Whether the wheel can be used there."""
        return platform.takes(self.pythons, self.abis, self.systems)

    @property
    def order(self) -> tuple[int, ...]:
        """Newer versions come after older ones."""
        return tuple(int(part) for part in re.findall(r"[0-9]+", self.version))


def of_project() -> list[str]:
    """What this project itself requires, as pip takes it.

    Raises:
        NoWheels: the project is not installed, so that nothing says it.
    """
    try:
        found = metadata.requires(PROJECT) or []
    except metadata.PackageNotFoundError:
        raise NoWheels(f"{PROJECT} is not installed here as a package: what it requires is not known") from None
    return [text for text in found if "extra" not in text.partition(";")[2]]


def of_wheel(path: str) -> list[str]:
    """What a wheel requires.

    Raises:
        NoWheels: it is damaged.
    """
    try:
        with zipfile.ZipFile(path) as wheel:
            name = next(name for name in wheel.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
            with wheel.open(name) as file:
                text = file.read(_MOST_METADATA).decode("utf-8", "replace")
    except (OSError, StopIteration, zipfile.BadZipFile) as exc:
        raise NoWheels(
            f"{path} is no usable wheel ({exc or 'it has no metadata'}): remove it and fetch again"
        ) from None
    return HeaderParser().parsestr(text).get_all("Requires-Dist") or []


def applying(requirements: Iterable[str], platform: Platform) -> dict[str, str]:
    """Those requirements that hold on a platform: project -> the requirement without its condition."""
    found = {}
    for text in requirements:
        what, _, condition = text.partition(";")
        name = _WHAT.match(what)
        if name and normal(name[1]) not in NEEDLESS and (not condition.strip() or holds(condition, platform)):
            found[normal(name[1])] = what.strip()
    return found


def holds(condition: str, platform: Platform) -> bool:
    """Whether the condition of a requirement holds on a platform; one that can't be read is taken to."""
    try:
        return bool(_value(ast.parse(condition.strip(), mode="eval").body, _environment(platform)))
    except (SyntaxError, KeyError, TypeError, ValueError):
        return True


def _environment(platform: Platform) -> dict[str, str]:
    return {
        "python_version": platform.python,
        "python_full_version": platform.python_release,
        "os_name": "posix",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": platform.machine,
        "platform_release": "",
        "platform_version": "",
        "platform_python_implementation": "CPython",
        "implementation_name": "cpython",
        "implementation_version": platform.python_release,
        "extra": "",
    }


def _value(node: ast.expr, known: Mapping[str, str]) -> object:
    if isinstance(node, ast.BoolOp):
        values = [bool(_value(item, known)) for item in node.values]
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        left, right = (_value(item, known) for item in (node.left, node.comparators[0]))
        sides = (node.left, node.comparators[0])
        if any(isinstance(item, ast.Name) and item.id.endswith("version") for item in sides):
            left, right = _version(left), _version(right)
        return _COMPARE[type(node.ops[0])](left, right)
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.Constant):
        return node.value
    raise ValueError("no condition of a requirement")


def _version(text: object) -> tuple[int, ...]:
    return tuple(int(part) for part in str(text).split(".") if part != "*")


def closure(wheels: Mapping[str, str], platform: Platform) -> tuple[list[str], dict[str, str]]:
    """Which of some wheels the project needs on a platform, and what is missing among them.

    Args:
        wheels: project -> path.
        platform: where they are to run.

    Returns:
        The paths of those that are needed; project -> requirement of those that are not there.

    Raises:
        NoWheels: one is damaged.
    """
    needed: dict[str, str] = {}
    missing: dict[str, str] = {}
    open_ends = applying(of_project(), platform)
    while open_ends:
        project, requirement = open_ends.popitem()
        if project in needed or project in missing:
            continue
        if project not in wheels:
            missing[project] = requirement
            continue
        needed[project] = wheels[project]
        open_ends.update(applying(of_wheel(wheels[project]), platform))
    return sorted(needed.values()), missing
