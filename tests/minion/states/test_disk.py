from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import pytest

from tests.minion.states.calls import State


@pytest.mark.parametrize("limits", [{}, {"maximum": "100%", "minimum": 0}, {"minimum": "1 KB", "absolute": True}])
def test_within_limits(host: State, tmp_path: Path, limits: Dict[str, Any]) -> None:
    for place in ("/", str(tmp_path)):
        for test in (True, False):
            result = host("disk.status", place, test=test, **limits)
            assert (result["result"], result["comment"], result["changes"]) == (
                True,
                "Disk used space in acceptable range",
                {},
            )
            assert result["data"]


@pytest.mark.parametrize(
    ("limits", "comment"),
    [
        ({"maximum": 1, "absolute": True}, "Disk used space is above maximum of 1 KB at "),
        ({"minimum": 10**12, "absolute": True}, "Disk used space is below minimum of 1000000000000 KB at "),
        ({"minimum": 10**12, "absolute": True, "free": True}, "Disk available space is below minimum of "),
        ({"maximum": "101%"}, "maximum must be in the range [0, 100] "),
        ({"minimum": "much"}, "minimum must be an integer "),
        ({"minimum": 5, "maximum": 5}, "minimum must be less than maximum "),
    ],
)
def test_failures(host: State, tmp_path: Path, limits: Dict[str, Any], comment: str) -> None:
    assert host.fails("disk.status", str(tmp_path), **limits).startswith(comment)


def test_no_disk(host: State) -> None:
    assert host.fails("disk.status", "/nosuch") == (
        "Disk mount /nosuch not present. Directory /nosuch does not exist or is not a directory"
    )
