"""Which wheels run where."""

from __future__ import annotations

from typing import Any

import pytest

from master.errors import NoWheels
from master.wheelhouse import Platform
from master.wheelhouse.requirements import WheelName

FACTS = {
    "python": "3.11", "implementation": "cpython", "abi": "cp311", "machine": "x86_64", "libc": "glibc",
    "libc_version": "2.36", "magic": "a70d0d0a",
}  # fmt: skip


def test_name_of_facts_and_back():
    platform = Platform.of(FACTS)
    assert str(platform) == "cp311-glibc_2_36-x86_64" and platform.python == "3.11" and platform.magic == "a70d0d0a"
    assert Platform.parse(str(platform)) == Platform("cp311", "glibc", 2, 36, "x86_64")
    assert str(Platform.of({**FACTS, "libc": "musl", "libc_version": "1.2.4"})) == "cp311-musl_1_2-x86_64"


@pytest.mark.parametrize(
    "change",
    [
        {"implementation": "pypy"}, {"libc": "unknown"}, {"abi": "cp37"}, {"abi": ""}, {"machine": "../../x"},
        {"libc_version": ""}, {"libc_version": "2"}, {"machine": None}, {"abi": "cp311\n"},
    ],
)  # fmt: skip
def test_where_no_minion_runs(change: dict[str, Any]):
    with pytest.raises(NoWheels):
        Platform.of({**FACTS, **change})


@pytest.mark.parametrize(
    "text", ["", "cp311", "cp27-glibc_2_28-x86_64", "cp311-glibc_2_28-x86_64/..", "cp39-bsd_1_2-x"]
)
def test_what_is_no_platform(text: str):
    with pytest.raises(ValueError, match="cp311-glibc_2_28-x86_64"):
        Platform.parse(text)


@pytest.mark.parametrize(
    ("wheel", "platform", "runs"),
    [
        ("a-1-py3-none-any.whl", "cp38-glibc_2_17-x86_64", True),
        ("a-1-py2.py3-none-any.whl", "cp38-glibc_2_17-x86_64", True),
        ("a-1-py2-none-any.whl", "cp38-glibc_2_17-x86_64", False),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "cp311-glibc_2_36-x86_64", True),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "cp311-glibc_2_27-x86_64", False),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "cp312-glibc_2_36-x86_64", False),
        ("a-1-cp311-cp311-manylinux2014_aarch64.manylinux_2_17_aarch64.whl", "cp311-glibc_2_17-aarch64", True),
        ("a-1-cp311-cp311-manylinux2014_aarch64.whl", "cp311-glibc_2_17-x86_64", False),
        ("a-1-cp38-abi3-manylinux1_x86_64.whl", "cp313-glibc_2_36-x86_64", True),
        ("a-1-cp312-abi3-manylinux1_x86_64.whl", "cp311-glibc_2_36-x86_64", False),
        ("a-1-cp38-abi3-manylinux1_x86_64.whl", "cp313t-glibc_2_36-x86_64", False),
        ("a-1-cp311-cp311-musllinux_1_1_x86_64.whl", "cp311-musl_1_2-x86_64", True),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "cp311-musl_1_1-x86_64", False),
        ("a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "cp311-glibc_2_36-x86_64", False),
        ("a-1-2-cp311-cp311-linux_x86_64.whl", "cp311-glibc_2_36-x86_64", True),
    ],
)
def test_tags_of_wheels(wheel: str, platform: str, runs: bool):
    name = WheelName.parse(wheel)
    assert name is not None and name.runs_on(Platform.parse(platform)) is runs


def test_wheels_for_an_older_libc_serve_newer_ones():
    older, newer = Platform.parse("cp311-glibc_2_28-x86_64"), Platform.of(FACTS)
    assert older.runs_on(newer) and not newer.runs_on(older)
    assert not older.runs_on(Platform.parse("cp312-glibc_2_36-x86_64"))
    assert not older.runs_on(Platform.parse("cp311-musl_1_28-x86_64"))
