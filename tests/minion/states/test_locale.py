from __future__ import annotations

from pathlib import Path

import pytest

from minion.modules import _systemd
from tests.minion.states.calls import State


@pytest.fixture(autouse=True)
def etc(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = state.names("locale.get_locale")
    for name in ("_DEBIANS", "_WANTED", "_SUPPORTED"):
        monkeypatch.setitem(names, name, str(tmp_path / name))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    (tmp_path / "_SUPPORTED").write_text("de_DE.UTF-8 UTF-8\n")
    (tmp_path / "_WANTED").write_text("C\n")
    (tmp_path / "bin").mkdir()
    for program, script in {"locale": f"cat {tmp_path}/_WANTED", "locale-gen": "true"}.items():
        (tmp_path / "bin" / program).write_text(f"#!/bin/sh\n{script} | cut -d ' ' -f 1\n")
        (tmp_path / "bin" / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path


def test_the_systems_locale(state: State, etc: Path) -> None:
    predicted, first, second = state.converge("locale.system", "de_DE.UTF-8")
    assert predicted["comment"] == "System locale de_DE.UTF-8 needs to be set"
    assert (first["comment"], first["changes"]) == ("Set system locale de_DE.UTF-8", {"locale": "de_DE.UTF-8"})
    assert second["comment"] == "System locale de_DE.UTF-8 already set"
    assert (etc / "_DEBIANS").read_text() == "LANG=de_DE.UTF-8\n"
    assert "is not the name of a locale" in state.fails("locale.system", "C; rm")


def test_usable_locales(state: State) -> None:
    predicted, first, second = state.converge("locale.present", "de_DE.UTF-8")
    assert predicted["comment"] == "Locale de_DE.UTF-8 needs to be generated"
    assert (first["comment"], first["changes"]) == ("Generated locale de_DE.UTF-8", {"locale": "de_DE.UTF-8"})
    assert second["comment"] == "Locale de_DE.UTF-8 is already present"
    assert state.fails("locale.present", "xx_XX.UTF-8") == "Failed to generate locale xx_XX.UTF-8"
