from __future__ import annotations

from tests.minion.states.calls import State


def test_modules_come(state: State) -> None:
    state.box.write(
        {"srv/_modules/own.py": "def f():\n    return 1\n", "srv/_grains/more.py": "def f():\n    return {}\n"}
    )
    predicted, first, second = (state("saltutil.sync_modules", "x", test=test) for test in (True, False, False))
    assert (predicted["result"], predicted["comment"]) == (None, "saltutil.sync_modules would have been run")
    assert (first["comment"], first["changes"]) == ("Updated modules.", {"modules": ["modules.own"]})
    assert (second["comment"], second["changes"]) == ("No updates to sync", {})
    first, second = (state("saltutil.sync_all", "x") for _ in range(2))
    assert (first["comment"], first["changes"]) == ("Sync performed", {"grains": ["grains.more"]})
    assert (second["comment"], second["changes"]) == ("No updates to sync", {})


def test_wrong_arguments(state: State) -> None:
    assert state.fails("saltutil.sync_all", "x", nosuch=1).startswith("Failed to run sync_all: ")
