"""Repositories of APT, below a scratch /etc/apt."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Tuple

import pytest

from minion.modules import _apt_sources
from tests.minion.states.calls import State

LINE = "deb [signed-by=/k.gpg] http://example.org/debian stable main"


@pytest.fixture
def etc(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(_apt_sources, "ETC", str(tmp_path))
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("# nothing\n")
    return tmp_path


def options(etc: Path, **more: Any) -> Tuple[Path, Dict[str, Any]]:
    path = etc / "sources.list.d" / "one.list"
    return path, {"file": str(path), "refresh": False, **more}


def test_managed_and_absent(state: State, etc: Path) -> None:
    path, more = options(etc)
    predicted, first, second = state.converge("pkgrepo.managed", LINE, **more)
    assert predicted["comment"].startswith(f"Package repo '{LINE}' would be configured. This may cause pkg states")
    assert predicted["changes"] == first["changes"] == {"repo": LINE}
    assert first["comment"] == f"Configured package repo '{LINE}'"
    assert second["comment"] == f"Package repo '{LINE}' already configured"
    assert path.read_text() == f"{LINE}\n"
    predicted, first, second = state.converge("pkgrepo.absent", LINE, refresh=False)
    assert predicted["comment"].startswith(f"Package repo '{LINE}' will be removed.")
    assert (first["comment"], first["changes"]) == (f"Removed repo {LINE}", {"repo": LINE})
    assert second["comment"] == f"Package repo {LINE} is absent"
    assert not path.exists()


def test_components_change(state: State, etc: Path) -> None:
    path, more = options(etc)
    state("pkgrepo.managed", LINE, **more)
    _, first, _ = state.converge("pkgrepo.managed", f"{LINE} contrib", **more)
    assert first["changes"]["comps"] == {"old": ["main"], "new": ["main", "contrib"]}
    assert path.read_text() == f"{LINE} contrib\n"
    again = state("pkgrepo.managed", LINE.replace("main", "contrib main"), **more)
    assert again["comment"].endswith("already configured"), "the order of components does not matter"


def test_off_and_on_again(state: State, etc: Path) -> None:
    path, more = options(etc)
    _, first, _ = state.converge("pkgrepo.managed", LINE, disabled=True, **more)
    assert path.read_text() == f"# {LINE}\n"
    predicted, first, _ = state.converge("pkgrepo.managed", LINE, **more)
    assert predicted["changes"] == first["changes"]
    assert first["changes"]["disabled"] == {"old": True, "new": False}
    assert path.read_text() == f"{LINE}\n"


def test_a_file_of_its_own(state: State, etc: Path) -> None:
    path, more = options(etc, clean_file=True)
    path.write_text("deb http://example.org/other stable main\n")
    state.converge("pkgrepo.managed", LINE, **more)
    assert path.read_text() == f"{LINE}\n"
    with path.open("a") as file:
        file.write("deb http://example.org/other stable main\n")
    state.converge("pkgrepo.managed", LINE, **more)
    assert path.read_text() == f"{LINE}\n"


def test_what_was_in_the_file_survives_a_failure(state: State, etc: Path) -> None:
    path, more = options(etc, clean_file=True)
    path.write_text("deb http://example.org/other stable main\n")
    comment = state.fails("pkgrepo.managed", LINE, key_url="salt://none.gpg", aptkey=False, **more)
    assert comment == f"Failed to configure repo '{LINE}': Error: failed to add key from salt://none.gpg"
    assert path.read_text() == "deb http://example.org/other stable main\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"key_url": "https://x", "keyid": "1"}, 'both "keyid"/"keyserver" and "key_url"'),
        ({"key_text": "x", "keyserver": "1"}, 'both "keyid"/"keyserver" and "key_text"'),
        ({"key_text": "x", "key_url": "https://x"}, 'both "key_url" and "key_text"'),
        ({"repo": "x"}, "'repo' is not a supported argument"),
        ({"enabled": True, "disabled": True}, "Only one of enabled/disabled"),
        ({"key_url": "http://x", "allow_insecure_key": False}, "Cannot have 'key_url' using http"),
        ({"ppa": "a/b"}, "cannot parse"),
    ],
)
def test_contradictions(state: State, etc: Path, arguments: Dict[str, Any], why: str) -> None:
    _, more = options(etc)
    assert why in state.fails("pkgrepo.managed", LINE, **more, **arguments)
    assert list((etc / "sources.list.d").iterdir()) == []


def test_what_is_no_line_is_no_repository(state: State, etc: Path) -> None:
    assert "is not valid" in state.fails("pkgrepo.managed", "rubbish", refresh=False)
    assert state("pkgrepo.absent", "rubbish")["comment"] == "Package repo rubbish is absent"
