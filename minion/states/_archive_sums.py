"""The digests of archives when they were last looked at, by which `archive.extracted` sees that one has changed."""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Optional

from minion import atomic
from minion.modules._file_common import digest


def known_digest(opts: Mapping[str, Any], path: str) -> Optional[Dict[str, str]]:
    """The digest that an archive had, as `{"hash_type": ..., "hsum": ...}`; None if it is not known."""
    kind = opts["hash_type"]
    hsum = _read(_store(opts, path)).get(kind)
    return {"hash_type": kind, "hsum": hsum} if hsum else None


def remember_digest(opts: Mapping[str, Any], path: str) -> None:
    """Notes the digest that an archive has."""
    store = _store(opts, path)
    known = {**_read(store), opts["hash_type"]: digest(path, opts["hash_type"])}
    os.makedirs(os.path.dirname(store), exist_ok=True)
    atomic.write(store, "".join(f"{kind}:{hsum}\n" for kind, hsum in known.items()))


def _store(opts: Mapping[str, Any], path: str) -> str:
    relative = os.path.relpath(path, opts["cachedir"]) + ".hash"
    if relative.startswith("../"):
        relative = os.path.join("local", path.lstrip("/"))
    return os.path.join(opts["cachedir"], "archive_hash", relative)


def _read(store: str) -> Dict[str, str]:
    try:
        with open(store, encoding="utf-8") as lines:
            pairs = [line.rstrip("\n").split(":", 1) for line in lines]
    except OSError:
        return {}
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}
