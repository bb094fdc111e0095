from __future__ import annotations

import os
from pathlib import Path

import pytest

from minion.modules import _systemd
from tests.minion.states.calls import State

pytestmark = pytest.mark.skipif(
    not os.path.exists("/usr/share/zoneinfo/Europe/Paris"), reason="there are no zones here"
)


@pytest.fixture(autouse=True)
def etc(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    names = state.names("timezone.get_zone")
    for name in ("_LOCALTIME", "_TIMEZONE", "_ADJTIME"):
        monkeypatch.setitem(names, name, str(tmp_path / name))
    monkeypatch.setattr(_systemd, "booted", lambda: False)
    return tmp_path


def test_zone(state: State, etc: Path) -> None:
    predicted, first, second = state.converge("timezone.system", "Europe/Paris")
    assert predicted["comment"] == "Timezone Europe/Paris needs to be set"
    assert (first["comment"], first["changes"]) == ("Set timezone Europe/Paris", {"timezone": "Europe/Paris"})
    assert second["comment"] == "Timezone Europe/Paris already set, UTC already set to Europe/Paris"
    assert os.readlink(etc / "_LOCALTIME") == "/usr/share/zoneinfo/Europe/Paris"
    assert state("timezone.system", "Europe/Paris", utc=False)["comment"] == "Timezone Europe/Paris already set"


def test_a_clock_in_local_time(state: State, etc: Path) -> None:
    (etc / "_ADJTIME").write_text("0.0 0 0.0\n0\nLOCAL\n")
    state("timezone.system", "Europe/Paris", utc=False)
    predicted = state("timezone.system", "Europe/Paris", test=True)
    assert (predicted["result"], predicted["comment"]) == (None, "UTC needs to be set to True")


def test_unknown_zones(state: State, etc: Path) -> None:
    comment = state.fails("timezone.system", "Nowhere/Land")
    assert comment.startswith(
        "Unable to compare desired timezone 'Nowhere/Land' to system timezone: Can't find a local timezone"
    )
    assert not (etc / "_LOCALTIME").exists()
