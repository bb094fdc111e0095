"""Bytecode of what a minion imports when it starts, for targets whose Python is that of this master.

Without, each target compiles these files at its first start; on twenty machines at once that is the largest part of
the work. Which files they are is found by importing them in a process of its own. Python does not compare them with
their sources ("unchecked"): nobody changes a release.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable

from master import safety
from master.wheelhouse import own
from master.wheelhouse.archive import wheel_of
from master.wheelhouse.platform import Platform
from minion.daemon.zygote import PRELOADED
from transports import __version__

_UNCHECKED = (1).to_bytes(4, "little")  # "hash-based": valid as long as nobody changes a release, which nobody does
_FORM = (
    2  # of marshal: without references, which depend on what else is in memory, so that the same files make the same
)
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; import minion.cli.daemon, minion.cli.daemon_options, "
    "minion.daemon.supervisor, minion.daemon.agent, minion.daemon.keyring, minion.facts, minion.grains.core; "
    "print(*sys.modules)"
)
_FOLDERS = ("minion/grains/", "minion/executors/direct_call", *(f"minion/modules/{name}" for name in PRELOADED))


def fits(platform: Platform) -> bool:
    """Whether bytecode that is made here runs there."""
    here = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    return platform.abi == here and platform.magic == importlib.util.MAGIC_NUMBER.hex()


def make(folder: str, hashes: Iterable[str], wheels: list[str]) -> str:
    """Makes the wheel of bytecode below a folder, unless the same wheels made it before; returns its path.

    Args:
        folder: of the wheelhouse.
        hashes: of the wheels.
        wheels: their paths.
    """
    digest = hashlib.sha256("\n".join([importlib.util.MAGIC_NUMBER.hex(), *sorted(hashes)]).encode()).hexdigest()
    place = safety.private_folder(os.path.join(folder, "own", digest[:16]))
    path = os.path.join(place, f"saltern_bytecode-{__version__}-cp3{sys.version_info[1]}-none-any.whl")
    if not os.path.lexists(path):
        with tempfile.TemporaryDirectory(prefix=".new-", dir=folder) as scratch:
            found = _compiled(wheels, _imported(), scratch)
        safety.write(path, wheel_of("saltern_bytecode", __version__, found))
    return path


def _imported() -> set[str]:
    """The files of the modules that a starting minion imports, as paths in a wheel; few if it can't be found out."""
    command = [sys.executable, "-c", _PROGRAM, *filter(None, sys.path)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    stems = [name.replace(".", "/") for name in done.stdout.split()]
    return {f"{stem}{end}" for stem in stems for end in (".py", "/__init__.py")}


def _compiled(wheels: list[str], names: set[str], scratch: str) -> list[tuple[str, bytes]]:
    """The bytecode of the named files of some wheels, compiled below a folder of ours: path in a wheel, content."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            for path in archive.namelist():
                if path in names or (path.startswith(_FOLDERS) and path.endswith(".py")):
                    archive.extract(path, scratch)
    command = [sys.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", scratch]
    subprocess.run([*command, scratch], capture_output=True, stdin=subprocess.DEVNULL)
    found = own.sources(scratch, "", (".pyc",), cached=True)
    return sorted(found)
