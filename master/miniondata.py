"""What the master keeps of each minion: its grains and pillar, for targets, and its mine.

Each kind is one file, `ROOT/ID/KIND`, readable by the master's user alone. All of it can be made again, so nothing
waits for the disk, and a file that can't be read counts as missing.
"""

from __future__ import annotations

import datetime
import logging
import os
import shutil
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

import msgpack

from master import safety
from master.errors import UnsafePath
from transports import names

log = logging.getLogger(__name__)

KINDS = ("grains", "pillar", "mine")
MAX_GRAINS = 1024 * 1024  # each process that looks for targets keeps what they unpack to
MAX_MINE = 1024 * 1024
MAX_MINE_FUNCTIONS = 64
_EXT_DATETIME = 78


class MinionData:
    """Files below one folder.

    Args:
        root: the folder, usually `by_minion` below cachedir.
        cached: how many files are kept unpacked in memory. Another process's changes are noticed.
    """

    def __init__(self, root: str, cached: int = 500) -> None:
        self.root, self._most = root, cached
        self._cache: OrderedDict[tuple[str, str], tuple[safety.Signature, dict[str, Any]]] = OrderedDict()

    def __repr__(self) -> str:
        return f"<MinionData {self.root}: {len(self._cache)} in memory>"

    def grains(self, minion_id: str) -> dict[str, Any] | None:
        """A minion's grains; None if it never sent any. Not to be changed by the caller, like all of these."""
        return self._load(minion_id, "grains")

    def pillar(self, minion_id: str) -> dict[str, Any] | None:
        """The pillar that was last compiled for a minion; None if there is none."""
        return self._load(minion_id, "pillar")

    def mine(self, minion_id: str) -> dict[str, Any]:
        """Function -> value, as the minion last sent it."""
        return self._load(minion_id, "mine") or {}

    def has(self, minion_id: str, kind: str) -> bool:
        """Whether one of `KINDS` is kept of a minion."""
        return os.path.exists(self._path(minion_id, kind))

    def store_grains(self, minion_id: str, grains: Mapping[str, Any]) -> bool:
        """Keeps a minion's grains; whether that was done. What is too large is not kept, and what was there stays."""
        return self._store(minion_id, "grains", grains, MAX_GRAINS)

    def store_pillar(self, minion_id: str, pillar: Mapping[str, Any]) -> bool:
        """Keeps the pillar of a minion; whether that was done."""
        return self._store(minion_id, "pillar", pillar, safety.MAX_FILE)

    def store_mine(self, minion_id: str, values: Mapping[str, Any], replace: bool = False) -> bool:
        """Keeps values of a minion's mine; whether that was done.

        Args:
            minion_id: whose.
            values: function -> value.
            replace: forget the functions that are not among them.
        """
        together = {**({} if replace else self.mine(minion_id)), **values}
        if len(together) > MAX_MINE_FUNCTIONS:
            log.warning("the mine of minion %s is not kept: more than %d functions", minion_id, MAX_MINE_FUNCTIONS)
            return False
        return self._store(minion_id, "mine", together, MAX_MINE)

    def delete_mine(self, minion_id: str, fun: str) -> bool:
        """Takes one function out of a minion's mine; whether it was there."""
        left = {name: value for name, value in self.mine(minion_id).items() if name != fun}
        return len(left) < len(self.mine(minion_id)) and self._store(minion_id, "mine", left, MAX_MINE)

    def clear(self, minion_id: str, kind: str) -> bool:
        """Drops one of `KINDS` of a minion; whether it was there."""
        path = self._path(minion_id, kind)
        self._cache.pop((minion_id, kind), None)
        try:
            os.unlink(path)
        except FileNotFoundError:
            return False
        return True

    def forget(self, minion_id: str) -> None:
        """Drops everything about a minion, so that a later machine of this name inherits nothing."""
        for kind in KINDS:
            self._cache.pop((minion_id, kind), None)
        try:
            shutil.rmtree(self.folder(minion_id))  # follows no links
        except FileNotFoundError:
            pass

    def ids(self) -> Iterator[str]:
        """The minions that something is kept about, sorted."""
        try:
            found = sorted(os.listdir(self.root))
        except FileNotFoundError:
            return
        yield from filter(names.is_minion_id, found)

    def folder(self, minion_id: str) -> str:
        """Where the files of one minion are.

        Raises:
            NameRefused: it is no minion id.
        """
        return os.path.join(self.root, names.minion_id(minion_id))

    def _path(self, minion_id: str, kind: str) -> str:
        return os.path.join(self.folder(minion_id), kind)

    def _load(self, minion_id: str, kind: str) -> dict[str, Any] | None:
        key, path = (minion_id, kind), self._path(minion_id, kind)
        now = safety.signature(path)
        known = self._cache.get(key)
        if now is not None and known is not None and known[0] == now:
            self._cache.move_to_end(key)
            return known[1]
        self._cache.pop(key, None)
        read = _read(path) if now is not None else None
        if read is None:
            return None
        self._cache[key] = read
        while len(self._cache) > self._most:
            self._cache.popitem(last=False)
        return read[1]

    def _store(self, minion_id: str, kind: str, value: Mapping[str, Any], limit: int) -> bool:
        path = self._path(minion_id, kind)
        packed: bytes = msgpack.packb(value, use_bin_type=True, default=_portable)
        if len(packed) > limit:
            log.warning("the %s of minion %s is not kept: %d of %d bytes", kind, minion_id, len(packed), limit)
            return False
        safety.private_folder(os.path.dirname(path))
        safety.write(path, packed, durable=False)
        return True


def _read(path: str) -> tuple[safety.Signature, dict[str, Any]] | None:
    try:
        packed, signature = safety.read_with_signature(path)
        value = msgpack.unpackb(packed, raw=False, strict_map_key=False, ext_hook=_extension)
        if not isinstance(value, dict):
            raise ValueError("not a map")
    except FileNotFoundError:
        return None
    except (OSError, UnsafePath, ValueError, msgpack.UnpackException) as exc:
        log.warning("%s is not used: %s", path, exc)
        return None
    return signature, value


def _portable(value: Any) -> Any:
    if isinstance(value, datetime.datetime):
        return msgpack.ExtType(_EXT_DATETIME, value.isoformat().encode())
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    return str(value)


def _extension(code: int, data: bytes) -> Any:
    return datetime.datetime.fromisoformat(data.decode()) if code == _EXT_DATETIME else data
