"""The thin bundle: all that a host needs to be a minion while somebody holds its SSH connection.

It is `minion/`, the part of `transports/` that it uses, and Jinja2, MarkupSafe, PyYAML and msgpack as pure Python. Its
digest is that of a manifest (hash, size and path of each file, sorted), so the same files make the same bundle
whenever and wherever it is built. What a bundle is made of is looked at each time; its compressed form is kept.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import lzma
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

from master import safety
from master.errors import UnsafePath
from minion.loader import NAMES, note_names
from transports import __version__

PACKAGES = {"jinja2": "Jinja2", "markupsafe": "MarkupSafe", "yaml": "PyYAML", "msgpack": "msgpack"}
LIMIT = 600_000
# What only the daemon and its commands have a use for.
_LEFT_OUT = ("minion/cli/", "minion/daemon/", "minion/caller.py", "minion/client.py", "minion/thin/stage.py")
_TRANSPORTS = ("__init__", "codec", "errors", "frames", "link", "messages", "names", "records", "retry", "stream")


@dataclass(frozen=True)
class Bundle:
    """The files of a bundle.

    Attributes:
        files: path in the bundle and content, sorted.
        cache: folder where its compressed form is kept; "" for none.
    """

    files: tuple[tuple[str, bytes], ...]
    cache: str = ""

    @functools.cached_property
    def manifest(self) -> bytes:
        """A line for each file: hash, size, path."""
        lines = [f"{hashlib.sha256(data).hexdigest()} {len(data)} {path}\n" for path, data in self.files]
        return "".join(lines).encode("ascii")

    @functools.cached_property
    def digest(self) -> str:
        """The name of the bundle."""
        return hashlib.sha256(self.manifest).hexdigest()

    @functools.cached_property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(len(data) for _, data in self.files)

    def packed(self, method: str) -> bytes:
        """The compressed bundle, as `minion.thin.stage.unpack` reads it.

        Args:
            method: `xz`, or `zlib` for an interpreter without lzma.
        """
        path = os.path.join(self.cache, f"{self.digest}.{method}") if self.cache else ""
        if path:
            try:
                return safety.read(path, limit=LIMIT * 4)
            except (OSError, UnsafePath):
                pass
        data = b"%08d" % len(self.manifest) + self.manifest + b"".join(data for _, data in self.files)
        packed = lzma.compress(data, preset=9) if method == "xz" else zlib.compress(data, 9)
        if path:
            _keep(path, packed)
        return packed


def _keep(path: str, packed: bytes) -> None:
    try:
        safety.private_folder(os.path.dirname(path))
        safety.write(path, packed, durable=False)
    except (OSError, UnsafePath):
        return  # it is made anew the next time


def build(cache: str = "") -> Bundle:
    """The bundle of this installation.

    Args:
        cache: folder where compressed bundles are kept.
    """
    return Bundle(tuple(sorted(_files())), cache)


def _files() -> Iterator[tuple[str, bytes]]:
    minion, transports = _folder("minion"), _folder("transports")
    for path, data in _sources(minion, "minion"):
        if not path.startswith(_LEFT_OUT):
            yield path, data
    for kind in ("modules", "states"):  # the folders with many files
        yield f"minion/{kind}/{NAMES}", note_names(os.path.join(minion, kind)).encode()
    for name in _TRANSPORTS:
        with open(os.path.join(transports, f"{name}.py"), "rb") as file:
            yield f"transports/{name}.py", file.read()
    for package in PACKAGES:
        yield from _sources(_folder(package), package)


def _folder(package: str) -> str:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return os.path.dirname(spec.origin)


def _sources(folder: str, name: str) -> Iterator[tuple[str, bytes]]:
    """The Python files of a package, as paths in the bundle."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(item for item in folders if item != "__pycache__")
        below = os.path.relpath(place, folder)
        for item in sorted(files):
            if item.endswith(".py"):
                with open(os.path.join(place, item), "rb") as file:
                    yield os.path.normpath(os.path.join(name, below, item)), file.read()


def description(bundle: Bundle) -> dict[str, object]:
    """What is in a bundle, for `salt-ssh --thin-info`."""
    return {
        "version": __version__,
        "digest": bundle.digest,
        "files": len(bundle.files),
        "bytes": bundle.size,
        "compressed": len(bundle.packed("xz")),
        "packages": {name: metadata.version(name) for name in PACKAGES.values()},
    }
