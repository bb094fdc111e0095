"""The wheel of this project for targets: `minion/` and `transports/`, from the files that are installed here.

It is written without a build tool and without network, and the same files make the same bytes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from collections.abc import Iterator

from master import safety
from master.wheelhouse.archive import wheel_of
from transports import __version__

NAME = f"saltern-{__version__}-py3-none-any.whl"
_LEFT_OUT = ("transports/testing.py",)
_KEPT = (".py", ".service")


def sources(
    folder: str, name: str, kept: tuple[str, ...] = (".py",), cached: bool = False
) -> Iterator[tuple[str, bytes]]:
    """The files of a package with these endings, as paths that begin with its name.

    Args:
        folder: where the package is.
        name: its name; "" for a folder of packages.
        kept: the endings.
        cached: also look into the folders of bytecode.
    """
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(item for item in folders if cached or item != "__pycache__")
        below = os.path.relpath(place, folder)
        for item in sorted(files):
            if item.endswith(kept):
                with open(os.path.join(place, item), "rb") as file:
                    yield os.path.normpath(os.path.join(name, below, item)), file.read()


def folder_of(package: str) -> str:
    """Where a package is installed."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return os.path.dirname(spec.origin)


def make(folder: str) -> str:
    """Makes the wheel below a folder, unless the same files made it before; returns its path.

    Raises:
        UnsafePath: somebody else could change it there.
    """
    files = sorted(
        item
        for package in ("minion", "transports")
        for item in sources(folder_of(package), package, _KEPT)
        if item[0] not in _LEFT_OUT
    )
    digest = hashlib.sha256()
    for path, data in files:
        digest.update(f"{path}\0{len(data)}\0".encode() + data)
    place = safety.private_folder(os.path.join(folder, "own", digest.hexdigest()[:16]))
    path = os.path.join(place, NAME)
    if not os.path.lexists(path):
        safety.write(path, wheel_of("saltern", __version__, files))
    return path
