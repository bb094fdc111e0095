"""A roster source over real files, with the real renderers and the real check of names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from master import config
from roster.source import Roster, Source
from ssh.hosts import renderer
from transports import names


@pytest.fixture
def source(tmp_path: Path) -> Callable[..., Source]:
    def make(path: str = "", target: str = "*", grains: Mapping[str, Any] | None = None, **options: Any) -> Source:
        opts = config.load(str(tmp_path / "master"), {"root_dir": str(tmp_path), "cachedir": str(tmp_path)}).opts()
        return Source(path, str(tmp_path), target, options, renderer(opts), names.minion_id, lambda: grains or {})

    return make


@pytest.fixture
def read(source: Callable[..., Source]) -> Callable[..., Roster]:
    from roster.registry import reader

    return lambda kind, *args, **options: reader(kind)(source(*args, **options))
