from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Dict, Set

import pytest

from tests.minion.states.calls import State


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """Two old files and a new one; a folder; a link."""
    path = tmp_path / "top"
    (path / "sub").mkdir(parents=True)
    old = time.time() - 10 * 86400
    for name, size, when in (("big.log", 2000, old), ("small", 10, None), ("sub/c.log", 10, old)):
        (path / name).write_text("x" * size)
        if when:
            os.utime(path / name, (when, when))
    (path / "link").symlink_to("small")
    return path


@pytest.mark.parametrize(
    ("arguments", "removed"),
    [
        ({}, {"big.log", "small", "sub/c.log", "link"}),
        ({"rmlinks": False, "rmdirs": True}, {"big.log", "small", "sub/c.log", "sub"}),
        ({"matches": [r".*\.log$"], "exclude": ["c"]}, {"big.log"}),
        ({"matches": [".*/sub/"], "full_path_match": True}, {"sub/c.log"}),
        ({"age": 5, "age_size_only": "age"}, {"big.log", "sub/c.log"}),
        ({"size": "1kB", "age_size_only": "size"}, {"big.log"}),
        ({"age": 5, "size": 1000, "age_size_logical_operator": "and"}, {"big.log"}),
        ({"age": 5, "size": 1000, "time_comparison": "mtime"}, {"big.log", "sub/c.log"}),
    ],
)
def test_what_is_tidied(host: State, top: Path, arguments: Dict[str, Any], removed: Set[str]) -> None:
    predicted, first, second = host.converge("file.tidied", str(top), **arguments)
    assert {str(Path(path).relative_to(top)) for path in predicted["changes"]["removed"]} == removed
    assert predicted["comment"] == f"{top} is set for tidy"
    assert first["changes"] == predicted["changes"]
    assert first["comment"] == f"Removed {len(removed)} files or directories from directory {top}"
    assert second["comment"] == f"Nothing to remove from directory {top}"


def test_where_nothing_can_be_tidied(host: State) -> None:
    assert host.fails("file.tidied", "rel") == "Specified file rel is not an absolute path"
    assert host.fails("file.tidied", "/nosuch") == "/nosuch does not exist or is not a directory."
    assert host.fails("file.tidied", "/etc", age="x") == "The age 'x' is not a number of days"


def test_a_schedule_by_name(host: State, tmp_path: Path) -> None:
    for day in ("01", "02", "08", "09"):
        for hour in ("01", "13"):
            (tmp_path / f"db_202401{day}{hour}").write_text("")
    (tmp_path / "other").write_text("")
    options = {"strptime_format": "db_%Y%m%d%H", "retain": {"most_recent": 1, "first_of_day": 2, "first_of_month": 1}}
    predicted, first, second = host.converge("file.retention_schedule", str(tmp_path), **options)
    kept = ["db_2024010913", "db_2024010901", "db_2024010801", "db_2024010101"]
    assert predicted["changes"] == first["changes"]
    assert first["changes"]["retained"] == kept
    assert first["changes"]["ignored"] == ["other", "..", "."]
    assert predicted["comment"] == f"4 backups would have been removed from {tmp_path}.\n"
    assert first["comment"] == f"4 backups were removed from {tmp_path}.\n"
    assert second["comment"] == f"0 backups were removed from {tmp_path}.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*kept, "other"])


def test_a_schedule_by_time(host: State, tmp_path: Path) -> None:
    for day in range(4):
        path = tmp_path / str(day)
        path.write_text("")
        os.utime(path, (day * 86400, day * 86400))
    host.converge("file.retention_schedule", str(tmp_path), retain={"most_recent": 2, "first_of_year": "all"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "2", "3"]


def test_no_folder_of_backups(host: State) -> None:
    comment = host.fails("file.retention_schedule", "/etc/hostname", retain={"most_recent": 1})
    assert comment == "Name provided to file.retention must be a directory"
    assert host.fails("file.retention_schedule", "", retain={}) == "Must provide name to file.retention_schedule"
