"""A scratch host and its state functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.states.calls import State


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """The host: files of the master and the minion's own below a scratch folder."""
    return Box(tmp_path)


@pytest.fixture
def state(box: Box) -> State:
    """Calls state functions."""
    return State(box)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Calls state functions on one host for all tests of a file, whose modules are loaded but once."""
    return State(Box(tmp_path_factory.mktemp("host")))
