"""These tests need a real Salt 3008 in an environment of its own; `bin/test` makes it."""

from __future__ import annotations

import pytest

from tests.processes import SALT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "interop" in str(item.path):
            item.add_marker(pytest.mark.interop)
            if SALT is None:
                item.add_marker(pytest.mark.skip(reason="no real Salt here: bin/test installs it into .venv-salt"))
