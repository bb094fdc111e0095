"""The thin bundle: all that a host needs to be a minion while somebody holds its SSH connection.

It is `minion/`, the part of `transports/` that it uses, and Jinja2, MarkupSafe, PyYAML and msgpack as pure Python. Its
digest is that of a manifest (hash of all content, size and path of each file, sorted), so the same files make the same
bundle whenever and wherever it is built. Building it takes a second or two, so it is kept, under a name that
tells the size and time of each file of the installation.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import io
import lzma
import os
import time
import tokenize
import zlib
from collections.abc import Callable, Iterator
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
_MANY_MODULES = ("minion/modules", "minion/states")
_DOCUMENTED = tuple(f"minion/{kind}/" for kind in ("modules", "states", "renderers", "returners", "executors"))
_UNUSED_AGE = 30 * 86400.0

Files = tuple[tuple[str, bytes], ...]


class Bundle:
    """The files of a bundle.

    Args:
        files: path in the bundle and content, sorted; None to find them when somebody asks.
        cache: folder where its compressed form is kept; "" for none.
        digest: its name, where it is known.
    """

    METHODS = ("xz", "zlib")

    def __init__(self, files: Files | None, cache: str = "", digest: str = "") -> None:
        self._given, self._cache = files, cache
        if digest:
            self.digest = digest

    @functools.cached_property
    def files(self) -> Files:
        """Path in the bundle and content, sorted."""
        return tuple(sorted(_contents())) if self._given is None else self._given

    @functools.cached_property
    def manifest(self) -> bytes:
        """The hash of all content, then a line for each file: size, path."""
        whole = hashlib.sha256(b"".join(data for _, data in self.files)).hexdigest()
        return "".join([f"{whole}\n", *(f"{len(data)} {path}\n" for path, data in self.files)]).encode("ascii")

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
            method: of `METHODS`: `xz`, or `zlib` for an interpreter without lzma.
        """
        return _kept(self._cache, f"{self.digest}.{method}", lambda: self._pack(method))

    def _pack(self, method: str) -> bytes:
        data = b"%08d" % len(self.manifest) + self.manifest + b"".join(data for _, data in self.files)
        return lzma.compress(data) if method == "xz" else zlib.compress(data, 9)


def _kept(folder: str, name: str, make: Callable[[], bytes]) -> bytes:
    """What was kept under a name, or else is made now, and kept if that can be."""
    path = os.path.join(folder, name)
    try:
        if folder:
            return safety.read(path, limit=LIMIT * 4)
    except (OSError, UnsafePath):
        pass
    data = make()
    try:
        if folder:
            safety.private_folder(folder)
            safety.write(path, data, durable=False)
            _forget_old(folder)
    except (OSError, UnsafePath):
        pass  # it is made anew the next time
    return data


def _forget_old(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.stat().st_mtime < time.time() - _UNUSED_AGE:
            os.unlink(entry.path)


def build(cache: str = "") -> Bundle:
    """The bundle of this installation.

    Args:
        cache: folder where bundles are kept.
    """
    made: list[Bundle] = []

    def look() -> bytes:
        made.append(Bundle(tuple(sorted(_contents())), cache))
        return made[0].digest.encode()

    digest = _kept(cache, f"of-{_installation()}", look)
    return made[0] if made else Bundle(None, cache, digest.decode("ascii"))


def _installation() -> str:
    """Names the files as they are: those of a bundle, and this one, which says what becomes of them."""
    paths = [*_paths().values(), __file__]
    seen = [(path, found.st_size, found.st_mtime_ns) for path, found in zip(paths, map(os.stat, paths), strict=True)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def _contents() -> Iterator[tuple[str, bytes]]:
    for path, source in _paths().items():
        with open(source, "rb") as file:
            yield path, lean(path, file.read())
    for folder in _MANY_MODULES:
        yield f"{folder}/{NAMES}", note_names(os.path.join(_folder("minion"), folder.partition("/")[2])).encode()


def lean(path: str, source: bytes) -> bytes:
    """A text without what nobody asks for on a host; all that is left stands on its line still.

    That is docstrings, but for those of public functions of modules (`sys.doc` shows them), and comments of packages
    that are not ours.
    """
    lines = source.split(b"\n")
    documented = path.startswith(_DOCUMENTED) and not os.path.basename(path).startswith("_")
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        public = documented and not getattr(node, "name", "").startswith("_")
        if not public and ast.get_docstring(node, clean=False) is not None:
            _blank(lines, node.body[0])
    if path.startswith(tuple(PACKAGES)):
        for token in tokenize.tokenize(io.BytesIO(b"\n".join(lines)).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1].decode()[:column].rstrip().encode()
    return b"\n".join(lines)


def _blank(lines: list[bytes], doc: ast.stmt) -> None:
    start, end = doc.lineno, doc.end_lineno or doc.lineno
    first, last = lines[start - 1][: doc.col_offset], lines[end - 1][doc.end_col_offset :]
    lines[start - 1 : end] = [first + b'""' + last] + [b""] * (end - start)


def _paths() -> dict[str, str]:
    """Where each file of the bundle comes from."""
    found = {path: source for path, source in _below("minion") if not path.startswith(_LEFT_OUT)}
    found.update((f"transports/{name}.py", os.path.join(_folder("transports"), f"{name}.py")) for name in _TRANSPORTS)
    for package in PACKAGES:
        found.update(_below(package))
    return found


def _below(package: str) -> Iterator[tuple[str, str]]:
    """The Python files of a package, as paths in the bundle and here."""
    top = _folder(package)
    for place, folders, files in os.walk(top):
        folders[:] = sorted(item for item in folders if item != "__pycache__")
        inside = os.path.normpath(os.path.join(package, os.path.relpath(place, top)))
        for item in sorted(files):
            if item.endswith(".py"):
                yield f"{inside}/{item}", os.path.join(place, item)


def _folder(package: str) -> str:
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return os.path.dirname(spec.origin)


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
