"""Execution functions as states. More is compared with a real Salt in state/cases/functions.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.states.calls import State


@pytest.fixture
def functions(box: Box) -> None:
    box.write(
        {
            "host/var/cache/salt/minion/extmods/modules/mine.py": """
def takes(name, fun="f", *args, **kwargs):
    return {"name": name, "fun": fun, "args": list(args), "kwargs": sorted(kwargs.items())}
def fails():
    return {"result": False, "comment": "told why"}
def deep():
    return {"host": {"retcode": 3}}
def raises():
    raise ValueError("oh")
""",
        }
    )


@pytest.mark.usefixtures("functions")
def test_new_style(state: State) -> None:
    result = state("module.run", "x", **{"mine.takes": ["one", {"fun": "two"}, {"k": "v"}]})
    value = {"name": "one", "fun": "two", "args": [], "kwargs": [("k", "v")]}
    assert (result["changes"], result["result"]) == ({"mine.takes": value}, True)
    assert state("module.run", "x", **{"mine.fails": []})["comment"] == "'mine.fails' failed: told why"
    assert state("module.run", "x", **{"mine.takes": []})["comment"] == ("'mine.takes' failed: Missing arguments: name")
    assert state("module.run", "x", **{"nosuch.fn": []}, test=True)["result"] is False


@pytest.mark.usefixtures("functions")
def test_old_style(state: State) -> None:
    result = state("module.run", "mine.takes", m_name="n", m_fun="f2", args=["x"], kwargs={"k": 1})
    assert result["changes"]["ret"] == {"name": "n", "fun": "f2", "args": ["x"], "kwargs": [("k", 1)]}
    assert state("module.run", "mine.takes")["comment"] == "The following arguments are missing: m_name"
    assert state("module.run", "mine.takes", m_name="n", args="x")["comment"] == "'args' must be a list."
    assert state("module.run", "mine.deep")["result"] is False
    assert "threw an exception. Exception: oh" in state("module.run", "mine.raises")["comment"]


def test_a_returner_gets_the_result(box: Box, state: State, tmp_path: Path) -> None:
    box.write(
        {
            "host/var/cache/salt/minion/extmods/returners/note.py": f"""
def returner(ret):
    with open({str(tmp_path / "noted")!r}, "w") as note:
        note.write(repr((ret["id"], ret["fun"], ret["ret"])))
""",
        }
    )
    state("module.run", "test.ping", returner="note")
    assert (tmp_path / "noted").read_text() == "('box-one', 'test.ping', True)"
