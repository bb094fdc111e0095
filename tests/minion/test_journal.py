"""No job runs twice, whatever is restarted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minion.journal import BEGUN, DONE, Journal, sync

Open = Callable[[int], Journal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens the journal, as often as wished."""
    with contextlib.ExitStack() as stack:
        yield lambda memory: stack.enter_context(contextlib.closing(Journal(str(tmp_path / "j"), memory)))


def test_life_of_a_job(opened: Open):
    made = opened(10)
    assert made.find("1") == ""
    made.begin("1", "m")
    assert made.find("1") == BEGUN and list(made.unfinished()) == ["1"]
    made.end("1")
    assert made.find("1") == DONE and not made.unfinished()


def test_outlives_a_restart(opened: Open):
    first = opened(10)
    first.begin("1", "m_4506")
    first.end("1")
    first.begin("2", "m_4506")
    again = opened(10)
    assert (again.find("1"), again.find("2"), again.find("3")) == (DONE, BEGUN, "")
    assert again.unfinished()["2"].master == "m_4506"


def test_outlives_a_crash_in_the_middle_of_a_line(opened: Open, tmp_path: Path):
    path = tmp_path / "j"
    path.write_text("begun 1 m\ndone 1 m\nbegun 2 m\nbeg")
    made = opened(10)
    assert (made.find("1"), made.find("2")) == (DONE, BEGUN)


def test_garbage_is_skipped(opened: Open, tmp_path: Path):
    path = tmp_path / "j"
    path.write_bytes(b"\xff\xfe\nbegun 1 m\nodd 2 m\n\n")
    assert list(opened(10).unfinished()) == ["1"]


def test_forgets_the_oldest_ended_but_never_what_runs(opened: Open):
    made = opened(3)
    made.begin("old", "m")
    for number in range(100):
        made.begin(str(number), "m")
        made.end(str(number))
    again = opened(3)
    assert again.find("old") == BEGUN
    assert [number for number in range(100) if again.find(str(number))] == [97, 98, 99]


def test_stays_small(opened: Open, tmp_path: Path):
    made = opened(5)
    for number in range(1000):
        made.begin(str(number), "m")
        made.end(str(number))
    assert (tmp_path / "j").stat().st_size < 2000


def test_end_of_what_never_began_is_not_noted(opened: Open):
    made = opened(5)
    made.end("1")
    assert made.find("1") == ""


def test_is_private_and_can_be_made_durable(opened: Open, tmp_path: Path):
    made = opened(5)
    made.begin("1", "m")
    sync(made.path)
    assert (tmp_path / "j").stat().st_mode & 0o777 == 0o600
