"""Has pip fetch the wheels that a platform needs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from master import safety
from master.errors import NoWheels
from master.wheelhouse.platform import Platform
from master.wheelhouse.requirements import WheelName, applying, closure, of_project

_PATIENCE = 900.0
_MOST_ROUNDS = 8
_COMMON = {"glibc": 28, "musl": 2}  # wheels for these run nearly everywhere, so that few sets of wheels serve a fleet


def fill(folder: str, platform: Platform, by_hand: str = "") -> Platform:
    """Makes the folder of a platform, or makes it anew; returns the platform that pip had wheels for.

    Args:
        folder: of all platforms.
        platform: of the target.
        by_hand: folder of wheels that somebody put there, which are taken rather than others; "" for none.

    Raises:
        NoWheels: there are none; says pip's reason.
    """
    common = min(platform.minor, _COMMON[platform.libc])
    tries = dict.fromkeys((platform.at(common), platform))
    reasons = []
    for wanted in tries:
        for source in (["--no-index", "--find-links", by_hand], []) if by_hand else ([],):
            try:
                _fill(os.path.join(folder, str(wanted)), wanted, source)
                return wanted
            except NoWheels as exc:
                reasons.append(str(exc))
    raise NoWheels(f"there are no wheels for {platform}: {reasons[-1]}")


def _fill(place: str, platform: Platform, source: list[str]) -> None:
    """Brings all wheels of one platform into a new folder, and puts it in place when it is whole."""
    scratch = safety.private_folder(os.path.join(os.path.dirname(place), f".new-{os.urandom(6).hex()}"))
    try:
        missing = applying(of_project(), platform)
        for _ in range(_MOST_ROUNDS):
            _pip(scratch, platform, [*source, *missing.values()])
            found = _found(scratch)
            needed, missing = closure(found, platform)
            if not missing:
                break
        else:
            raise NoWheels(f"pip brings no {', '.join(sorted(missing))}")
        for path in set(found.values()) - set(needed):
            os.unlink(path)
        old = f"{scratch}.old"
        if os.path.lexists(place):
            os.rename(place, old)
        os.rename(scratch, place)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _found(folder: str) -> dict[str, str]:
    named = ((WheelName.parse(item), os.path.join(folder, item)) for item in os.listdir(folder))
    return {name.project: path for name, path in named if name is not None}


def _pip(folder: str, platform: Platform, what: list[str]) -> None:
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += [
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        platform.python_release,
        "--dest",
        folder,
    ]
    for option, values in (("--abi", platform.abis), ("--platform", platform.systems)):
        for value in values:
            command += [option, value]
    try:
        done = subprocess.run(
            [*command, *what], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        raise NoWheels(f"pip did not end within {_PATIENCE:g} s") from None
    except OSError as exc:
        raise NoWheels(f"pip can't be run by {sys.executable}: {exc.strerror}") from None
    if done.returncode:
        raise NoWheels(_reason(done.stderr))


def _reason(said: str) -> str:
    if "No module named pip" in said:
        return f"{sys.executable} has no pip, which fetches them: install it, or fetch them on another machine"
    lines = [line[7:] for line in said.splitlines() if line.startswith("ERROR: ") and "Impossible" not in line]
    return f"pip says: {lines[-1]}" if lines else "pip failed and said nothing of why"
