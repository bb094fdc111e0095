"""Records: what `@dataclass(frozen=True)` does, without what it costs."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from transports.records import Record


class Point(Record):
    x: int
    y: int = 0
    notes: dict[str, int] = {}  # noqa: RUF012 - each value gets a copy


class Named(Point):
    name: str = ""


def test_fields_by_place_and_by_name() -> None:
    point = Point(1, notes={"a": 1})
    assert (point.x, point.y, point.notes) == (1, 0, {"a": 1})
    assert repr(Named(1, 2, name="n")) == "Named(x=1, y=2, notes={}, name='n')"


@pytest.mark.parametrize("make", [
    lambda: Point(), lambda: Point(1, 2, {}, 4), lambda: Point(1, x=1), lambda: Point(1, z=1), lambda: Point(y=1),
])  # fmt: skip
def test_wrong_fields_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(TypeError, match="Point has the fields x, y, notes, each once"):
        make()


def test_values_are_equal_by_kind_and_fields() -> None:
    assert Point(1) == Point(1, 0) != Point(2)
    assert Point(1) != Named(1)
    assert copy.deepcopy(Named(1, name="n")) == Named(1, name="n")


def test_values_do_not_change() -> None:
    point = Point(1)
    with pytest.raises(AttributeError):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError):
        del point.x
    assert point.but(x=2) == Point(2) and point == Point(1)


def test_maps_by_default_are_not_shared() -> None:
    first = Point(1)
    first.notes["a"] = 1
    assert Point(1).notes == {}


def test_hashes_by_fields() -> None:
    class Key(Record):
        id: str

    assert {Key("a"): 1}[Key("a")] == 1
    with pytest.raises(TypeError):
        hash(Point(1))


def test_costs_little() -> None:
    """What a host loads anew with each command by SSH must not bring `dataclasses` and `inspect` with it."""
    program = (
        "import sys, transports.stream, minion.thin.serve, minion.thin.job; "
        "print([name for name in ('dataclasses', 'inspect', 'ast') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-ISc", f"import sys; sys.path[:0] = {_paths()!r}; {program}"], capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stdout + done.stderr


def _paths() -> list[str]:
    import msgpack

    return [str(Path(__file__).parent.parent.parent), str(Path(msgpack.__file__).parent.parent)]
