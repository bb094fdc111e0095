from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator

import pytest

from minion.loader import Loader

NAME = "sltn-alternative"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("update-alternatives") is None, reason="needs root and update-alternatives"
)


@pytest.fixture
def paths(salt: Loader, tmp_path: Path) -> Iterator[list[str]]:
    found = [str(tmp_path / name) for name in ("tool", "tool.big")]
    for path in found:
        Path(path).touch()
    yield found
    for path in found:
        salt["alternatives.remove"](NAME, path)


def test_a_whole_life(salt: Loader, tmp_path: Path, paths: list[str]) -> None:
    link = str(tmp_path / "link")
    assert salt["alternatives.show_current"](NAME) is False
    assert salt["alternatives.show_link"](NAME) is False
    assert salt["alternatives.check_installed"](NAME, paths[0]) is False
    assert "no alternatives" in salt["alternatives.display"](NAME)

    assert "auto mode" in salt["alternatives.install"](NAME, link, paths[1], 10)
    assert salt["alternatives.show_link"](NAME) == link
    assert salt["alternatives.show_current"](NAME) == paths[1]
    assert salt["alternatives.check_exists"](NAME, paths[1]) is True
    assert salt["alternatives.check_exists"](NAME, paths[0]) is False  # only the beginning of one that exists

    salt["alternatives.install"](NAME, link, paths[0], 5)
    assert "manual mode" in salt["alternatives.set"](NAME, paths[0])
    assert salt["alternatives.check_installed"](NAME, paths[0]) is True
    assert "auto mode" in salt["alternatives.auto"](NAME)
    assert salt["alternatives.show_current"](NAME) == paths[1]
    assert "not registered" in salt["alternatives.set"](NAME, "/nowhere")
    assert salt.dunders["__context__"]["retcode"] != 0
    salt["alternatives.remove"](NAME, paths[1])
    assert salt["alternatives.show_current"](NAME) == paths[0]
