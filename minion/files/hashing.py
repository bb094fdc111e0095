"""Hash sums of files, each computed once while the file stays as it is."""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from typing import BinaryIO, Tuple, Union

_Key = Tuple[int, int, int, int, int, str]
_known: OrderedDict[_Key, str] = OrderedDict()
_MAX_KNOWN = 20_000
_SETTLED = 100_000_000  # nanoseconds: times of files are coarse, so that a file may change twice at one time


def hash_of(source: Union[str, BinaryIO], kind: str = "sha256") -> str:
    """The hash sum of a file, given by its path or open for reading, in hexadecimal digits."""
    if isinstance(source, str):
        with open(source, "rb") as stream:
            return hash_of(stream, kind)
    info = os.fstat(source.fileno())
    key = (info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_ctime_ns, kind)
    known = _known.get(key)
    if known is None:
        known = _compute(source, kind)
        if time.time_ns() - info.st_ctime_ns < _SETTLED:
            return known
        _known[key] = known
        if len(_known) > _MAX_KNOWN:
            _known.popitem(last=False)
    return known


def _compute(source: BinaryIO, kind: str) -> str:
    digest = hashlib.new(kind)
    source.seek(0)
    for chunk in iter(lambda: source.read(1 << 20), b""):
        digest.update(chunk)
    return digest.hexdigest()
