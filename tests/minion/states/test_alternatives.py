from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator, List

import pytest

from tests.minion.states.calls import State

NAME = "sltn-choice"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("update-alternatives") is None, reason="needs root and update-alternatives"
)


@pytest.fixture
def paths(host: State, tmp_path: Path) -> Iterator[List[str]]:
    found = [str(tmp_path / name) for name in ("small", "big")]
    for path in found:
        Path(path).touch()
    yield found
    for path in found:
        host.functions["alternatives.remove"](NAME, path)


def test_a_whole_life(host: State, tmp_path: Path, paths: List[str]) -> None:
    small, big = paths
    link = str(tmp_path / "link")
    predicted, first, second = host.converge("alternatives.install", NAME, link=link, path=big, priority=10)
    assert predicted["comment"] == f"Alternative will be set for {NAME} to {big} with priority 10"
    assert first["comment"] == f"Alternative for {NAME} set to path {big} with priority 10"
    assert first["changes"] == {"name": NAME, "link": link, "path": big, "priority": 10}
    assert second["comment"] == f"Alternative {big} for {NAME} is already registered"
    first = host("alternatives.install", NAME, link=link, path=small, priority=5)
    assert first["comment"] == f"Alternative {small} for {NAME} registered with priority 5 and not set to default"

    predicted, first, second = host.converge("alternatives.set", NAME, path=small)
    assert predicted["comment"] == f"Alternative for {NAME} will be set to path {small}"
    assert (first["comment"], first["changes"]) == (f"Alternative for {NAME} set to path {small}", {"path": small})
    assert second["comment"] == f"Alternative for {NAME} already set to {small}"
    assert host.fails("alternatives.set", NAME, path="/nosuch") == f"Alternative /nosuch for {NAME} doesn't exist"

    predicted, _, second = host.converge("alternatives.auto", NAME)
    assert (predicted["comment"], second["comment"]) == (
        f"{NAME} will be put in auto mode",
        f"{NAME} already in auto mode",
    )
    predicted, first, second = host.converge("alternatives.remove", NAME, path=big)
    assert predicted["comment"] == f"Alternative for {NAME} will be removed"
    assert first["comment"] == f"Alternative for {NAME} removed. Falling back to path {small}"
    assert second["comment"] == f"Alternative for {NAME} is set to it's default path {small}"


def test_what_does_not_exist(host: State) -> None:
    assert host.fails("alternatives.remove", "sltn-nosuch", path="/x") == "Alternative for sltn-nosuch doesn't exist"
    comment = host.fails("alternatives.install", NAME, link="/x", path="/nosuch", priority=1)
    assert comment.startswith(f"Alternative for {NAME} not installed: ")
