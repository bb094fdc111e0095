"""Wheels for tests: small ones that say what is needed, and real ones made from what is installed here."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from master.wheelhouse import Platform, Wheelhouse, own
from master.wheelhouse.requirements import WheelName, closure
from minion.deploy import facts
from minion.deploy.releases import Wanted

NEEDED = ("pyzmq", "cryptography", "cffi", "msgpack", "PyYAML", "Jinja2", "MarkupSafe", "click", "setproctitle")
HERE = Platform.of(facts.platform())


def wheel(
    folder: Path,
    name: str,
    version: str = "1000.0",
    tag: str = "py3-none-any",
    requires: Iterable[str] = (),
    files: Mapping[str, bytes] | None = None,
    python: str = ">=3.8",
) -> Path:
    """A wheel with these files and requirements."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = name.replace("-", "_")
    path, info = folder / f"{stem}-{version}-{tag}.whl", f"{stem}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {python}"]
    lines += [f"Requires-Dist: {text}" for text in requires]
    with zipfile.ZipFile(path, "w") as archive:
        for inside, content in (files or {f"{stem}/__init__.py": b""}).items():
            archive.writestr(inside, content)
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def small_wheels(folder: Path, tag: str = "py3-none-any", but: Iterable[str] = ()) -> None:
    """A wheel for each project that a minion needs; cryptography needs cffi, which needs pycparser."""
    requires = {"cryptography": ["cffi>=1.0; platform_python_implementation != 'PyPy'"], "cffi": ["pycparser"],
                "Jinja2": ["MarkupSafe>=2.0"]}  # fmt: skip
    for name in (*NEEDED, "pycparser"):
        if name not in but:
            wheel(folder, name, tag=tag, requires=requires.get(name, ()))


def installed_wheel(folder: Path, name: str) -> Path:
    """The wheel of a package that is installed here."""
    found = metadata.distribution(name)
    tags = [line[5:].strip() for line in (found.read_text("WHEEL") or "").splitlines() if line.startswith("Tag: ")]
    parts = [tag.split("-") for tag in tags]
    tag = "-".join(".".join(dict.fromkeys(part[at] for part in parts)) for at in range(3))
    path = folder / f"{name.replace('-', '_')}-{found.version}-{tag}.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for file in found.files or ():
            if file.parts[0] != ".." and "__pycache__" not in file.parts and os.path.isfile(str(file.locate())):
                archive.write(str(file.locate()), str(file))
    return path


def real_house(folder: Path) -> Wheelhouse:
    """A wheelhouse for this host's own Python, with what is installed here."""
    place = folder / str(HERE)
    place.mkdir(parents=True)
    names = list(NEEDED)
    while names:
        for name in names:
            installed_wheel(place, name)
        found = {WheelName.parse(path.name): str(path) for path in place.iterdir()}
        names = list(closure({name.project: path for name, path in found.items() if name}, HERE)[1])
    return Wheelhouse(str(folder))


class Shop:
    """A master that offers a release of real wheels, with changes in our own.

    Args:
        house: the wheelhouse.
        version: of the release; "" for what it is.
        more: text that is appended to files of ours, by path.
    """

    def __init__(self, house: Wheelhouse, version: str = "", more: Mapping[str, str] | None = None) -> None:
        release = house.release(HERE)
        self._contents = {one.name: Path(one.path).read_bytes() for one in release.wheels}
        self.version = version or release.version
        if version or more:
            self._contents = {name: data for name, data in self._contents.items() if "bytecode" not in name}
            self._change({"transports/__init__.py": f"\n__version__ = {self.version!r}\n", **(more or {})})

    def _change(self, more: Mapping[str, str]) -> None:
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(self._contents[own.NAME])) as old, zipfile.ZipFile(made, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name) + more.get(name, "").encode())
        self._contents[own.NAME] = made.getvalue()

    @property
    def wanted(self) -> Wanted:
        """The description of the release."""
        wheels = [(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in sorted(self._contents.items())]
        lines = "".join(f"{name} {sha256}\n" for name, _, sha256 in wheels)
        return Wanted(self.version, hashlib.sha256(lines.encode()).hexdigest(), tuple(wheels))

    def request(self, cmd: str, sha256: str, offset: int, timeout: float) -> Any:
        """Serves wheels."""
        data = next(data for data in self._contents.values() if hashlib.sha256(data).hexdigest() == sha256)
        return {"data": data[offset : offset + (1 << 20)], "size": len(data)}
