from __future__ import annotations

import os
import shutil
import subprocess
from typing import Any, Iterator

import pytest

from tests.minion.states.calls import State

PACKAGE = "sltn-state"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("debconf-get-selections") is None, reason="needs root and debconf-utils"
)


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    subprocess.run(["debconf-communicate", PACKAGE], input=b"PURGE\n", check=True, stdout=subprocess.DEVNULL)


def question(kind: str, value: Any, name: str = "q") -> Any:
    return {f"{PACKAGE}/{name}": {"type": kind, "value": value}}


def test_answers(state: State) -> None:
    data = {**question("string", "some more"), **question("boolean", True, "flag")}
    predicted, first, second = state.converge("debconf.set", PACKAGE, data=data)
    assert predicted["changes"] == {f"{PACKAGE}/q": "New value: some more", f"{PACKAGE}/flag": "New value: true"}
    assert first["changes"] == {f"{PACKAGE}/q": "some more", f"{PACKAGE}/flag": "true"}
    assert second["comment"] == "All specified answers are already set"
    changed = state("debconf.set", PACKAGE, data={**data, **question("boolean", False, "flag")})
    assert (changed["comment"], changed["changes"]) == (
        f"Unchanged answers: {PACKAGE}/q ",
        {f"{PACKAGE}/flag": "false"},
    )


def test_passwords_are_never_shown(state: State) -> None:
    predicted = state("debconf.set", PACKAGE, test=True, data=question("password", "secret"))
    done = state("debconf.set", PACKAGE, data=question("password", "secret"))
    assert "secret" not in str([predicted, done])
    assert done["changes"] == {f"{PACKAGE}/q": "(password hidden)"}


def test_refused_answers_fail(state: State) -> None:
    result = state("debconf.set", PACKAGE, data=question("nosuchtype", "x"))
    assert (result["result"], result["comment"]) == (False, "Some settings failed to be applied.")
    assert result["changes"] == {f"{PACKAGE}/q": "Failed to set!"}


def test_files(state: State) -> None:
    state.box.write({"srv/answers": f"{PACKAGE} {PACKAGE}/q string {{{{ 1 + 1 }}}}\n"})
    predicted = state("debconf.set_file", "x", test=True, source="salt://answers")
    assert (predicted["result"], predicted["comment"]) == (None, "Debconf selections would have been set.")
    done = state("debconf.set_file", "x", source="salt://answers", template="jinja")
    assert (done["result"], done["comment"]) == (True, "Debconf selections were set.")
    assert state.box.call("debconf.show", PACKAGE) == [[f"{PACKAGE}/q", "string", "2"]]
    missing = state.fails("debconf.set_file", "x", source="salt://none")
    assert missing == "Unable to set debconf selections from file."
    assert (
        state.fails("debconf.set_file", "x", source="salt://answers", context=[]) == "Context must be formed as a dict"
    )
