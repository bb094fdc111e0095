from __future__ import annotations

from pathlib import Path

import pytest

from minion.errors import CommandExecutionError
from minion.loader import Loader
from minion.modules import _systemd

SUPPORTED = "de_DE ISO-8859-1\nde_DE.UTF-8 UTF-8\nde_DE@euro ISO-8859-15\nen_IE.UTF-8 UTF-8\n"


@pytest.fixture
def etc(salt: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = salt["locale.get_locale"].__globals__
    for name in ("_DEBIANS", "_OTHERS", "_WANTED", "_SUPPORTED", "_SOURCES"):
        monkeypatch.setitem(names, name, str(tmp_path / name))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    (tmp_path / "_SUPPORTED").write_text(SUPPORTED)
    (tmp_path / "bin").mkdir()
    for program in ("locale-gen", "localedef"):
        path = tmp_path / "bin" / program
        path.write_text(f'#!/bin/sh\necho {program} "$@"\n')
        path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path


def test_which_there_are(salt: Loader) -> None:
    assert "C" in salt["locale.list_avail"]()
    assert salt["locale.avail"]("C") is True
    assert salt["locale.avail"]("xx_XX.UTF-8") is False
    assert salt["locale.avail"]("not a locale!") is False


@pytest.mark.parametrize("spelling", ["en_US.UTF-8", "en_US.utf8", "en_us.utf-8", "en_US.UTF-8 UTF-8"])
def test_spellings(salt: Loader, monkeypatch: pytest.MonkeyPatch, spelling: str) -> None:
    monkeypatch.setitem(salt["locale.avail"].__globals__, "list_avail", lambda: ["C", "en_US.utf8"])
    assert salt["locale.avail"](spelling) is True


def test_get_and_set(salt: Loader, etc: Path) -> None:
    assert salt["locale.get_locale"]() == ""
    assert salt["locale.set_locale"]("de_DE.UTF-8") is True
    assert salt["locale.get_locale"]() == "de_DE.UTF-8"
    (etc / "_DEBIANS").write_text('# File generated\nLC_TIME=C\n LANG="en_US.UTF-8"\n')
    assert salt["locale.get_locale"]() == "en_US.UTF-8"
    assert salt["locale.set_locale"]("C.UTF-8") is True
    assert (etc / "_DEBIANS").read_text() == "LANG=C.UTF-8\n# File generated\nLC_TIME=C\n"
    with pytest.raises(CommandExecutionError, match="not the name of a locale"):
        salt["locale.set_locale"]("C\nPATH=/evil")


def test_generate(salt: Loader, etc: Path) -> None:
    wanted = etc / "_WANTED"
    wanted.write_text("# comment\n# de_DE.UTF-8 UTF-8\nen_IE.UTF-8 UTF-8\n")
    done = salt["locale.gen_locale"]("de_DE.UTF-8", verbose=True)
    assert done["stdout"] == "locale-gen --keep-existing"
    assert wanted.read_text() == "# comment\nde_DE.UTF-8 UTF-8\nen_IE.UTF-8 UTF-8\n"
    assert salt["locale.gen_locale"]("de_DE@euro") is True
    assert salt["locale.gen_locale"]("de_DE ISO-8859-1") is True
    assert salt["locale.gen_locale"]("en_IE.UTF-8 UTF-8") is True
    expected = "# comment\nde_DE.UTF-8 UTF-8\nen_IE.UTF-8 UTF-8\nde_DE@euro ISO-8859-15\nde_DE ISO-8859-1\n"
    assert wanted.read_text() == expected
    assert salt["locale.gen_locale"]("xx_XX.UTF-8") is False
    assert salt["locale.gen_locale"]("; rm -rf /") is False
    assert wanted.read_text() == expected


def test_generate_without_a_list_of_wanted_ones(salt: Loader, etc: Path) -> None:
    (etc / "_SOURCES").mkdir()
    (etc / "_SOURCES/de_DE").touch()
    done = salt["locale.gen_locale"]("de_DE.UTF-8", verbose=True)
    assert done["stdout"] == "localedef --force -i de_DE -f UTF-8 de_DE.UTF-8"
    assert salt["locale.gen_locale"]("fr_FR.UTF-8") is False
