"""Masters for tests of clients and commands."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.master.lab import Lab, obedient

MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab() -> Iterator[MakeLab]:
    """`make_lab("web1", "web2", db1=behaviour, absent=[...])` starts a master with such minions."""
    labs: list[Lab] = []
    with tempfile.TemporaryDirectory(prefix="lab") as folder:  # paths of Unix sockets must be short

        def make(*names: str, absent: Any = (), pending: Any = (), options: str = "", **behaviours: Any) -> Lab:
            minions = {**dict.fromkeys([*names, *absent], obedient), **behaviours}
            labs.append(Lab(Path(folder) / str(len(labs)), minions, absent, pending, options))
            return labs[-1]

        yield make
        for lab in labs:
            lab.stop()
            lab.store.close()
