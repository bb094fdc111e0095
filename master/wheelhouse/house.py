"""Keeps the wheels of all platforms, and serves them by their content.

Below the folder is one for each platform (`cp311-glibc_2_28-x86_64`) with all the wheels it needs but our own; wheels
for an older libc serve newer ones as well. Wheels that lie in the folder itself were put there by hand: pip takes
them before it looks elsewhere.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from master import safety
from master.config import MasterSettings
from master.errors import NoWheels, UnsafePath
from master.limits import RateLimitedLog
from master.wheelhouse import bytecode, download, own
from master.wheelhouse.platform import Platform
from master.wheelhouse.requirements import WheelName, closure
from transports import __version__

log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_LARGEST = 256 << 20
_FRESH = 10.0  # seconds for which nobody looks again at what was found
_SEARCH_PAUSE = 1.0


@dataclass(frozen=True)
class Wheel:
    """One wheel: the name of its file, and what is in it."""

    name: str
    size: int
    sha256: str
    path: str


@dataclass(frozen=True)
class Release:
    """All that a minion is made of, for one platform.

    Attributes:
        version: of this project.
        wheels: its own one and those it needs, by name.
        digest: of their names and contents.
    """

    version: str
    wheels: tuple[Wheel, ...]
    digest: str

    @classmethod
    def of(cls, wheels: list[Wheel]) -> Release:
        """The release of these wheels."""
        ordered = tuple(sorted(wheels, key=lambda wheel: wheel.name))
        lines = "".join(f"{wheel.name} {wheel.sha256}\n" for wheel in ordered)
        return cls(__version__, ordered, hashlib.sha256(lines.encode()).hexdigest())

    @property
    def size(self) -> int:
        """Bytes of all wheels."""
        return sum(wheel.size for wheel in self.wheels)

    def to_wire(self) -> dict[str, Any]:
        """What a target is told."""
        wheels = [{"name": wheel.name, "size": wheel.size, "sha256": wheel.sha256} for wheel in self.wheels]
        return {"version": self.version, "digest": self.digest, "wheels": wheels}


class Wheelhouse:
    """The wheels of this master.

    Args:
        folder: where they are.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._hashes: dict[str, tuple[safety.Signature, Wheel]] = {}
        self._by_hash: dict[str, str] = {}
        self._releases: dict[tuple[Platform, bool], tuple[float, Release]] = {}
        self._searched = -_SEARCH_PAUSE
        self._log = RateLimitedLog(log)

    def __repr__(self) -> str:
        return f"<Wheelhouse {self._folder}>"

    @classmethod
    def of(cls, settings: MasterSettings) -> Wheelhouse:
        """The one that a master's configuration names."""
        return cls(settings.wheel_dir or os.path.join(settings.cachedir, "wheels"))

    # ------------------------------------------------------------- releases

    def release(self, platform: Platform) -> Release:
        """What a minion on this platform is made of, from what is here.

        Raises:
            NoWheels: something is missing; says the command that fetches it.
        """
        missing = {"everything": ""}
        for known in self._fitting(platform):
            made = self._made(known, bytecode.fits(platform))
            if isinstance(made, Release):
                return made
            missing = made
        raise NoWheels(
            f"there are no wheels for {platform} (missing: {', '.join(sorted(missing))}): "
            f"run salt-deploy --fetch-wheels {platform}"
        )

    def answer(self, minion_id: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """What a minion that asks should be made of, or under `missing` why that can't be said.

        Args:
            minion_id: who asks.
            facts: about its platform, as `deploy.probe` finds them.
        """
        try:
            platform = Platform.of(facts)
        except NoWheels as exc:
            return {"missing": str(exc)}
        try:
            return self.release(platform).to_wire()
        except NoWheels as exc:
            self._log.warning(minion_id, "Minion %s asks for a release: %s", minion_id, exc)
            return {"missing": f"run salt-deploy --fetch-wheels {platform} on the master"}

    def fetch(self, platform: Platform) -> Release:
        """Has pip bring the wheels for a platform, and returns their release; of several that ask, one goes.

        Raises:
            NoWheels: there are none, or pip can't reach them.
        """
        safety.private_folder(self._folder)
        begun = time.time()
        with open(os.path.join(self._folder, ".lock"), "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not any(self._filled_since(begun, known) for known in self._fitting(platform)):
                by_hand = any(WheelName.parse(name) for name in os.listdir(self._folder))
                download.fill(self._folder, platform, self._folder if by_hand else "")
        self._releases.clear()
        return self.release(platform)

    def _filled_since(self, moment: float, platform: Platform) -> bool:
        return os.stat(os.path.join(self._folder, str(platform))).st_mtime > moment

    def _made(self, platform: Platform, with_bytecode: bool) -> Release | dict[str, str]:
        """The release of a platform that there is a folder for, or what is missing there; looked at now and then."""
        now, key = time.monotonic(), (platform, with_bytecode)
        known = self._releases.get(key)
        if known is not None and now <= known[0] + _FRESH:
            return known[1]
        paths, missing = closure(self._wheels(os.path.join(self._folder, str(platform)), platform), platform)
        if missing:
            return missing
        made = [self._wheel(path) for path in (own.make(self._folder), *paths)]
        if with_bytecode:
            path = bytecode.make(self._folder, [one.sha256 for one in made], [one.path for one in made])
            made.append(self._wheel(path))
        release = Release.of(made)
        self._releases[key] = (now, release)
        return release

    def _fitting(self, platform: Platform) -> list[Platform]:
        """The platforms that there are folders for whose wheels run on this one, the closest first."""
        found = []
        for name in os.listdir(self._folder) if os.path.isdir(self._folder) else ():
            try:
                known = Platform.parse(name)
            except ValueError:
                continue
            if known.runs_on(platform):
                found.append(known)
        return sorted(found, key=lambda known: -known.minor)

    def _wheels(self, folder: str, platform: Platform) -> dict[str, str]:
        """The newest wheel of each project that runs on a platform: project -> path."""
        safety.check_folder(folder)
        newest: dict[str, tuple[WheelName, str]] = {}
        for item in os.listdir(folder):
            name = WheelName.parse(item)
            if name is None or not name.runs_on(platform):
                continue
            other = newest.get(name.project)
            if other is None or other[0].order < name.order:
                newest[name.project] = (name, os.path.join(folder, item))
        return {project: path for project, (_, path) in newest.items()}

    def _wheel(self, path: str) -> Wheel:
        """What is known of a wheel; it is looked at anew when its file has changed.

        Raises:
            UnsafePath: it is no regular file, or too large.
        """
        signature = safety.signature(path)
        known = self._hashes.get(path)
        if known is None or known[0] != signature:
            data, signature = safety.read_with_signature(path, _LARGEST)
            wheel = Wheel(os.path.basename(path), len(data), hashlib.sha256(data).hexdigest(), path)
            known = self._hashes[path] = (signature, wheel)
            self._by_hash[wheel.sha256] = path
        return known[1]

    # -------------------------------------------------------------- serving

    def chunk(self, minion_id: str, sha256: str, offset: int) -> dict[str, Any]:
        """A part of a wheel, named by its hash: `data`, and the `size` of the whole; -1 if there is none such.

        Args:
            minion_id: who asks.
            sha256: of the wheel.
            offset: where the part begins.
        """
        path = self._by_hash.get(sha256)
        if path is None:
            self._search()
            path = self._by_hash.get(sha256)
        try:
            wheel = self._wheel(path) if path is not None else None
        except (OSError, UnsafePath):
            wheel = None
        if wheel is None or wheel.sha256 != sha256:
            return {"data": "", "size": -1}
        return {"data": _part(wheel.path, offset), "size": wheel.size}

    def _search(self) -> None:
        """Looks at all wheels: another process of this master may have brought some."""
        if time.monotonic() < self._searched + _SEARCH_PAUSE:
            return
        self._searched = time.monotonic()
        for path in self._all():
            with contextlib.suppress(OSError, UnsafePath):
                self._wheel(path)

    def _all(self) -> Iterator[str]:
        for folder, folders, files in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                path = os.path.join(folder, name)
                if WheelName.parse(name) and folder != self._folder and stat.S_ISREG(os.lstat(path).st_mode):
                    yield path


def _part(path: str, offset: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return os.pread(handle, _CHUNK, offset)
    finally:
        os.close(handle)
