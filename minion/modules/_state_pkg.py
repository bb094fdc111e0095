"""The archives that `state.pkg` applies."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tarfile
import tempfile
from typing import Any, ContextManager, Dict, Iterator, List, NamedTuple, Optional

from minion.files.answers import answers
from minion.files.client import FileClient
from minion.files.hashing import hash_of
from minion.files.roots import Roots
from minion.loaders import Loaders


class _PackedFiles:
    """Answers file requests from the archive's folders."""

    def __init__(self, roots: Dict[str, List[str]]) -> None:
        self._answers = answers(Roots(roots))

    def request(self, cmd: str, **load: Any) -> Any:
        """The answer to a file request."""
        return self._answers[cmd](load) if cmd in self._answers else {}


class Package(NamedTuple):
    """An archive, unpacked."""

    folder: str
    chunks: List[Any]
    pillar: Optional[Dict[str, Any]]

    def served(self, loaders: Loaders) -> ContextManager[None]:
        """Modules get their files from the archive, whose folders are the environments."""
        names = [name for name in os.listdir(self.folder) if os.path.isdir(os.path.join(self.folder, name))]
        files = _PackedFiles({name: [os.path.join(self.folder, name)] for name in names})
        return loaders.replaced(file_client=FileClient(loaders.dunders["__opts__"], files))


@contextlib.contextmanager
def unpacked(path: str, digest: str, kind: str) -> Iterator[Optional[Package]]:
    """The archive's content as long as the block lasts; None if it is not the one that was announced."""
    if not os.path.isfile(path) or hash_of(path, kind) != digest:
        yield None
        return
    folder = tempfile.mkdtemp(prefix="saltern-pkg-")
    try:
        with tarfile.open(path, "r:gz") as archive:
            members = archive.getmembers()
            if not all(map(_is_plain, members)):
                yield None
                return
            archive.extractall(folder, members)  # noqa: S202 - every member was looked at
        pillar = _read(folder, "pillar.json")
        yield Package(folder, _read(folder, "lowstate.json") or [], pillar)
    finally:
        shutil.rmtree(folder)


def _is_plain(member: tarfile.TarInfo) -> bool:
    """Is it a file or folder that stays below the folder it is put into?"""
    parts = member.name.split("/")
    return (member.isfile() or member.isdir()) and not member.name.startswith("/") and ".." not in parts


def _read(folder: str, name: str) -> Any:
    try:
        with open(os.path.join(folder, name), encoding="utf-8") as source:
            return json.load(source)
    except FileNotFoundError:
        return None
