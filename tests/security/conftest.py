"""One master for each file of tests; `OPTIONS` of the file go into its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.security.peer import Peer, close_all
from tests.security.running import Master


@pytest.fixture(scope="module")
def master(request: pytest.FixtureRequest) -> Iterator[Master]:
    """The master that this file attacks."""
    made = Master(getattr(request.module, "OPTIONS", {}))
    prepare: Any = getattr(request.module, "prepare", None)
    if prepare is not None:
        prepare(made)
    try:
        yield made.start()
    finally:
        close_all()
        made.stop()


@pytest.fixture(scope="module")
def evil(master: Master) -> Peer:
    """An accepted minion that turned against its master."""
    return master.minion("evil")


@pytest.fixture(scope="module")
def good(master: Master) -> Peer:
    """An accepted minion that wants its work done."""
    return master.minion("good")
