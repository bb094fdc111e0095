"""One master with three minions for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes import Lab


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    made = Lab(auto_accept=True)
    try:
        made.start_master()
        starts = made.listen("salt/minion/*/start")
        for minion_id, role in (("web1", "web"), ("web2", "web"), ("db1", "db")):
            made.start_minion(minion_id, wait=False, grains={"role": role, "site": {"name": "lab", "racks": [1, 2]}})
        seen = {starts.receive(60)["tag"].split("/")[2] for _ in range(3)}
        starts.close()
        assert seen == {"web1", "web2", "db1"}
        yield made
    finally:
        made.close()
