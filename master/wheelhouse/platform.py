"""A Python on a kind of machine: which wheels run there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from master.errors import NoWheels

_NAME = re.compile(r"(cp3[0-9]{1,2}t?)-(glibc|musl)_([0-9]{1,2})_([0-9]{1,3})-([a-z0-9_]{1,20})", re.ASCII)
_OLDEST_PYTHON = 8
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}  # of manylinux wheels for that machine; 2.17 for all others
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
FORM = "cp3MINOR-glibc_2_MINOR-MACHINE or cp3MINOR-musl_1_MINOR-MACHINE, such as cp311-glibc_2_28-x86_64"


@dataclass(frozen=True)
class Platform:
    """What decides which wheels a target can use.

    Attributes:
        abi: of its Python: `cp311`, `cp313t`.
        libc: `glibc` or `musl`.
        major, minor: version of the libc.
        machine: `x86_64`, `aarch64`, ...
        magic: of its bytecode; "" if that is not known.
    """

    abi: str
    libc: str
    major: int
    minor: int
    machine: str
    magic: str = ""

    def __str__(self) -> str:
        return f"{self.abi}-{self.libc}_{self.major}_{self.minor}-{self.machine}"

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Reads what `str` writes.

        Raises:
            ValueError: it is no name of a platform.
        """
        found = _NAME.fullmatch(text)
        if not found or int(found[1][3:].rstrip("t")) < _OLDEST_PYTHON:
            raise ValueError(f"{text[:80]!r} names no platform: {FORM}")
        return cls(found[1], found[2], int(found[3]), int(found[4]), found[5])

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Platform:
        """The platform of the facts that `deploy.probe` found.

        Raises:
            NoWheels: minions can't run there.
        """
        python, libc = str(facts.get("python", "")), str(facts.get("libc", ""))
        if facts.get("implementation") != "cpython":
            raise NoWheels(f"the Python there is {str(facts.get('implementation'))[:20]!r}: a minion needs CPython")
        if libc not in ("glibc", "musl"):
            raise NoWheels("the system's C library is neither glibc nor musl: there are no wheels for it")
        version = str(facts.get("libc_version", "")).replace(".", "_")
        version = "_".join(version.split("_")[:2])
        try:
            known = cls.parse(f"{facts.get('abi')}-{libc}_{version}-{facts.get('machine')}")
        except ValueError as exc:
            raise NoWheels(f"a minion can't run on Python {python[:10]!r} there: {exc}") from None
        return replace(known, magic=str(facts.get("magic", ""))[:16])

    @property
    def python(self) -> str:
        """Version of Python, `3.11`."""
        return f"3.{self.abi[3:].rstrip('t')}"

    @property
    def python_release(self) -> str:
        """Some release of that version, later than those that projects exclude (`!=3.9.1`)."""
        return f"{self.python}.99"

    def at(self, minor: int) -> Platform:
        """The same with another version of the libc."""
        return replace(self, minor=minor, magic="")

    def runs_on(self, other: Platform) -> bool:
        """Whether wheels for this platform run on the other one, which may have a newer libc."""
        return self.at(other.minor) == other.at(other.minor) and self.minor <= other.minor

    @property
    def systems(self) -> Iterator[str]:
        """The platform tags of wheels that run here, the closest first."""
        if self.libc == "musl":
            yield from (f"musllinux_{self.major}_{minor}_{self.machine}" for minor in range(self.minor, -1, -1))
        else:
            for minor in range(self.minor, _OLDEST_GLIBC.get(self.machine, 17) - 1, -1):
                yield f"manylinux_2_{minor}_{self.machine}"
                if minor in _OLD_NAMES:
                    yield f"{_OLD_NAMES[minor]}_{self.machine}"
        yield f"linux_{self.machine}"

    @property
    def abis(self) -> tuple[str, ...]:
        """The ABI tags of wheels that run here; free-threaded Pythons have no stable ABI."""
        return (self.abi, "none") if self.abi.endswith("t") else (self.abi, "abi3", "none")

    def takes(self, pythons: str, abis: str, systems: str) -> bool:
        """Whether a wheel with these tags (each several, joined by dots) runs here."""
        if not set(systems.split(".")) & {*self.systems, "any"} or not set(abis.split(".")) & set(self.abis):
            return False
        return any(self._takes_python(tag, "abi3" in abis.split(".")) for tag in pythons.split("."))

    def _takes_python(self, tag: str, stable: bool) -> bool:
        number = int(self.abi[3:].rstrip("t"))
        if tag in ("py3", f"py3{number}", f"cp3{number}"):
            return True
        older = re.fullmatch(r"cp3([0-9]{1,2})" if stable else r"py3([0-9]{1,2})", tag)
        return older is not None and int(older[1]) <= number
