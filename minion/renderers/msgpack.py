"""Reads MessagePack."""

from __future__ import annotations

from typing import Any


def render(source: Any, saltenv: str = "base", sls: str = "", **options: Any) -> Any:
    """The data; `{}` if there is none."""
    import msgpack

    data = source if isinstance(source, (str, bytes)) else source.read()
    raw = data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")
    if raw.startswith(b"#!"):
        raw = raw.partition(b"\n")[2]
    return msgpack.unpackb(raw, raw=False, strict_map_key=False) if raw.strip() else {}
