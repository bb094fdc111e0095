"""States that run commands.

Results and comments of common declarations are compared with a real Salt in state/cases/functions.yaml.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.minion.box import Box
from tests.minion.states.calls import State


def test_a_command_is_not_run_again_when_its_result_is_there(state: State, tmp_path: Path) -> None:
    made = tmp_path / "made"
    predicted, first, second = state.converge("cmd.run", f"touch {made}", creates=str(made))
    assert predicted["comment"] == f'Command "touch {made}" would have been executed'
    assert first["changes"]["retcode"] == 0
    assert second["comment"] == f"{made} exists"


def test_nothing_runs_in_test_mode(state: State, tmp_path: Path) -> None:
    state("cmd.run", f"touch {tmp_path}/made", test=True)
    state("cmd.script", "salt://made.sh", test=True)
    assert not (tmp_path / "made").exists()


def test_timeouts(state: State) -> None:
    result = state("cmd.run", "sleep 60", timeout=0.2)
    assert result["result"] is False
    assert "Timed out after 0.2 seconds" in result["changes"]["stdout"]
    ignored = state("cmd.run", "sleep 60", timeout=0.2, ignore_timeout=True)
    assert ignored["result"] is True


def test_a_wait_runs_only_on_changes(box: Box) -> None:
    box.write(
        {
            "srv/s.sls": """
changes: {test.succeed_with_changes: []}
same: {test.succeed_without_changes: []}
one: {cmd.wait: [{name: echo one}, {watch: [{test: changes}]}]}
two: {cmd.wait: [{name: echo two}, {watch: [{test: same}]}]}
""",
        }
    )
    results = {result["__id__"]: result for result in box.call("state.apply", "s").values()}
    assert results["one"]["changes"]["stdout"] == "one"
    assert results["two"]["changes"] == {}


@pytest.mark.parametrize(
    ("said", "changed", "comment"),
    [
        ("changed=no comment='all is well'", False, "all is well"),
        ("changed=yes comment=done", True, "done"),
        ('{"changed": true, "comment": "as JSON"}', True, "as JSON"),
    ],
)
def test_what_a_stateful_command_says(state: State, said: str, changed: bool, comment: str) -> None:
    quoted = said.replace("'", "'\\''")
    result = state(
        "cmd.run", f"printf '%s\\n' noise '{quoted}'" if said[:1] != "{" else f"echo '{said}'", stateful=True
    )
    assert (bool(result["changes"]), result["result"]) == (changed, True)
    assert comment in result["comment"]


def test_a_stateful_command_that_says_nothing_fails(state: State) -> None:
    result = state("cmd.run", "echo noise", stateful=True)
    assert result["result"] is False
    assert result["comment"].startswith("Failed parsing script output!")


def test_a_test_command_predicts(state: State) -> None:
    options = {"stateful": [{"test_name": "echo 'changed=yes comment=predicted'"}]}
    predicted = state("cmd.run", "echo 'changed=yes comment=real'", test=True, **options)
    assert (predicted["result"], predicted["comment"]) == (None, "predicted")


@pytest.mark.skipif(os.geteuid() != 0, reason="runs commands as another user")
def test_other_users(state: State) -> None:
    assert state("cmd.run", "id -un", runas="nobody")["changes"]["stdout"] == "nobody"
    assert "nosuchuser" in state.fails("cmd.run", "id -un", runas="nosuchuser")


def test_scripts(box: Box, state: State) -> None:
    box.write({"srv/run.sh": '#!/bin/sh\necho "$1 {{ word }} $A"\n'})
    result = state(
        "cmd.script",
        "run.sh one",
        source="salt://run.sh",
        template="jinja",
        context={"word": "two"},
        env=[{"A": "three"}],
    )
    assert result["changes"]["stdout"] == "one two three"
    assert "salt://gone.sh" in state("cmd.script", "salt://gone.sh")["comment"]


def test_what_is_refused(state: State, tmp_path: Path) -> None:
    assert state.fails("cmd.run", "true", env="A=1") == "Invalidly-formatted 'env' parameter. See documentation."
    assert state.fails("cmd.run", "true", cwd=str(tmp_path / "none")) == (
        f'Desired working directory "{tmp_path}/none" is not available'
    )
