"""Orchestration without a master: states of this host."""

from __future__ import annotations

from typing import Any

from minion.errors import CommandExecutionError
from tests.minion.box import Box
from tests.minion.states.calls import State


def orchestrate(box: Box, sls: str, **kwargs: Any) -> Any:
    box.write({"srv/it.sls": sls, "srv/change.sls": "c: {test.succeed_with_changes: []}"})
    value = box.call("state.orchestrate", "it", **kwargs)
    assert value["outputter"] == "highstate"
    return value["retcode"], {result["__id__"]: result for result in value["data"]["box-one"].values()}


def test_states_run_within_states(box: Box) -> None:
    code, found = orchestrate(
        box,
        "a: {salt.state: [{tgt: x}, {sls: change}]}\n"
        "b: {salt.state: [{tgt: x}, {sls: [nosuch]}, {require: [{salt: a}]}]}\n"
        "c: {salt.state: [{tgt: x}, {highstate: true}]}\n",
    )
    assert code == 1
    assert found["a"]["comment"] == "States ran successfully. Updating box-one."
    assert "test_|-c_|-c_|-succeed_with_changes" in found["a"]["changes"]["ret"]["box-one"]
    assert found["b"]["comment"].endswith("returned errors: No matching sls found for 'nosuch' in env 'base'")
    assert found["c"]["result"] is False


def test_test_mode_reaches_inner_states(box: Box) -> None:
    code, found = orchestrate(box, "a: {salt.state: [{tgt: x}, {sls: change}]}", test=True)
    assert (code, found["a"]["result"]) == (0, None)
    (inner,) = found["a"]["changes"]["ret"]["box-one"].values()
    assert inner["result"] is None


def test_what_needs_a_master_fails_clearly(state: State) -> None:
    assert "master" in state.fails("salt.wheel", "key.list_all")
    assert "master" in state.fails("salt.wait_for_event", "x", id_list=["a"])
    assert state.fails("salt.parallel_runners", "x", runners=5) == "The runners parameter must be a string or dict."


def test_pillar_must_be_a_mapping(box: Box) -> None:
    try:
        box.call("state.orchestrate", "it", pillar=[1])
    except CommandExecutionError as exc:
        assert "formatted as a dictionary" in str(exc)
    else:
        raise AssertionError("a list was taken for a pillar")
