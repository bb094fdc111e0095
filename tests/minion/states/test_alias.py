from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.states.calls import State

FILE = "# who gets what\nroot: admin # day and night\nweb:root\n\nweb: old\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "aliases"
    path.write_text(FILE)
    return path


@pytest.fixture
def state(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setattr("minion.modules._tools._SEARCH", "")  # the real newaliases would read the real file
    monkeypatch.setenv("PATH", "/bin")
    return State(Box(tmp_path, {"aliases.file": str(file)}))


def test_an_alias_comes_changes_and_goes(state: State, file: Path) -> None:
    predicted, first, second = state.converge("alias.present", "new", target="me@example.com")
    assert predicted["comment"] == "Alias new -> me@example.com is set to be added"
    assert (first["comment"], first["changes"]) == ("Set email alias new -> me@example.com", {"alias": "new"})
    assert second["comment"] == "Alias new already present"
    state.converge("alias.present", "root", target=["me", "you"])
    assert file.read_text() == FILE.replace("admin", "me, you") + "new: me@example.com\n"
    predicted, first, second = state.converge("alias.absent", "new")
    assert predicted["comment"] == "Alias new is set to be removed" and first["comment"] == "Removed alias new"
    assert second["comment"] == "Alias new already absent"
    state.converge("alias.present", "web", target="one")
    assert file.read_text() == "# who gets what\nroot: me, you # day and night\nweb: one\n\n"


def test_what_is_refused(state: State, file: Path) -> None:
    comment = state.fails("alias.present", "x", target="")
    assert comment == "Failed to set alias x -> : target can not be an empty string"
    file.unlink()
    file.parent.chmod(0o755)
    assert state("alias.absent", "x")["result"] is True
    assert state("alias.present", "x", target="y")["result"] is True and file.read_text() == "x: y\n"
