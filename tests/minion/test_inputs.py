"""What a result was made of: files, checks, and what can't be known."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from minion import inputs


def settle(*paths: Path) -> None:
    """Lets the last change of files be long enough ago; times of change can't be set, so this waits for the clock."""
    newest = max(max(os.stat(path).st_mtime_ns, os.stat(path).st_ctime_ns) for path in paths)
    while time.time_ns() <= newest + inputs._TICKS:
        time.sleep(0.005)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_text("one")
    settle(path, tmp_path)
    return path


def test_holds_until_the_file_changes(file: Path) -> None:
    with inputs.watched() as made_of:
        inputs.depends_on(str(file))
    assert made_of.hold()
    assert made_of.settled()
    file.write_text("two")
    assert not made_of.hold()


def test_replacing_a_file_by_an_older_one_is_seen(file: Path, tmp_path: Path) -> None:
    with inputs.watched() as made_of:
        inputs.depends_on(str(file))
    other = tmp_path / "other"
    other.write_text("two")
    info = file.stat()
    os.utime(other, ns=(info.st_atime_ns, info.st_mtime_ns))
    os.replace(other, file)
    assert not made_of.hold()


def test_missing_file_that_comes_into_being(tmp_path: Path) -> None:
    with inputs.watched() as made_of:
        inputs.depends_on(str(tmp_path / "none"))
    assert made_of.hold()
    (tmp_path / "none").write_text("")
    assert not made_of.hold()


def test_a_change_just_before_is_not_settled(tmp_path: Path) -> None:
    (tmp_path / "fresh").write_text("one")
    with inputs.watched() as made_of:
        inputs.depends_on(str(tmp_path / "fresh"))
    assert not made_of.settled()


def test_what_changes_while_it_is_used_does_not_hold(file: Path) -> None:
    with inputs.watched() as made_of:
        inputs.depends_on(str(file))
        file.write_text("two")
        inputs.depends_on(str(file))
    assert not made_of.hold()


def test_checks(file: Path) -> None:
    answers = [True, False]
    with inputs.watched() as made_of:
        inputs.holds_while(lambda: answers.pop(0))
    assert (made_of.hold(), made_of.hold()) == (True, False)


def test_functions_that_are_not_steady_are_told() -> None:
    functions = inputs.WatchedFunctions({"a.b": len, "c.d": max}, ("a.b",))
    with inputs.watched() as made_of:
        assert functions["a.b"]("xyz") == 3
        assert "c.d" in functions
        assert list(functions) == ["a.b", "c.d"]
        assert made_of.unknown == set()
        assert functions["c.d"](1, 2) == 2
    assert made_of.unknown == {"c.d"}


def test_outside_nothing_is_noted_and_inner_ones_are_apart(file: Path) -> None:
    inputs.depends_on(str(file))
    inputs.volatile("x")
    with inputs.watched() as outer:
        with inputs.watched() as inner:
            inputs.volatile("inner")
        inputs.volatile("outer")
    assert (outer.unknown, inner.unknown) == ({"outer"}, {"inner"})
