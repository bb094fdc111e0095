"""state.orchestrate: states of the master that act on minions, run runners and wheel functions, wait for events."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from master.config import load
from master.keys import KeyStore, State
from master.runner import Run, RunnerClient
from tests.master.conftest import MakeLab, call
from tests.master.lab import SILENCE, Failed, Lab, obedient
from transports import crypto
from transports.messages import Job

Orchestrate = Callable[..., dict[str, Any]]


def state_result(result: bool | None = True, **changes: Any) -> dict[str, Any]:
    return {"test_|-x_|-x_|-nop": {"result": result, "changes": changes, "comment": "", "name": "x", "__run_num__": 0}}


def apply_states(job: Job, minion_id: str) -> Any:
    """A minion on which the SLS file `change` changes something, `fail` fails, `broken` does not compile."""
    if not job.fun[0].startswith("state."):
        return obedient(job, minion_id)
    sls = next((arg for arg in job.arg[0] if isinstance(arg, str)), "")
    outcomes = {
        "change": state_result(file="new"),
        "fail": Failed(state_result(False), 2),
        "broken": Failed(["No matching sls found for 'broken'"], 1),
        "silent": SILENCE,
    }
    return outcomes.get(sls, state_result())


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    made = make_lab(web1=apply_states, web2=apply_states)
    store = KeyStore(str(made.root / "pki"))
    store.prepare()
    store.store("new1", crypto.public_pem(crypto.generate_key(2048).public_key()), State.PENDING)
    return made


@pytest.fixture
def client(lab: Lab) -> Iterator[RunnerClient]:
    with RunnerClient({**load(str(lab.conf_dir / "master")).opts(), "id": "boss"}) as made:
        yield made


@pytest.fixture
def run(lab: Lab, client: RunnerClient) -> Orchestrate:
    """Orchestrates one SLS file; the results by ID."""

    def orchestrate(sls: str, **kwargs: Any) -> dict[str, Any]:
        (lab.root / "srv" / "it.sls").write_text(sls)
        done: Run = client.run("state.orchestrate", ["it"], kwargs)
        assert isinstance(done.value, dict), done.value
        assert done.retcode == done.value["retcode"]
        results = done.value["data"]["boss"]
        assert isinstance(results, dict), results
        return {result["__id__"]: result for result in results.values()}

    return orchestrate


def test_states_of_minions(run: Orchestrate, lab: Lab) -> None:
    found = run(
        "a: {salt.state: [{tgt: 'web*'}, {sls: [change, other]}, {pillar: {x: y}}, {queue: true}]}\n"
        "b: {salt.state: [{tgt: web1}, {tgt_type: list}, {sls: change}]}\n"
        "c: {salt.state: [{tgt: web2}, {highstate: true}, {test: true}]}\n"
    )
    assert found["a"]["result"] is True
    assert found["a"]["comment"] == "States ran successfully. No changes made to web1, web2."
    assert found["b"]["comment"] == "States ran successfully. Updating web1."
    assert found["b"]["changes"] == {"out": "highstate", "ret": {"web1": state_result(file="new")}}
    first, second, third = lab.published
    keywords = {"__kwarg__": True, "pillar": {"x": "y"}, "queue": True, "concurrent": False}
    assert (first.fun, list(first.arg[0])) == (("state.sls",), ["change,other", keywords])
    assert (second.tgt, second.tgt_type) == (("web1",), "list")
    assert third.fun == ("state.highstate",) and third.arg[0][0]["test"] is True
    assert found["a"]["__jid__"] == first.jid


@pytest.mark.parametrize(
    ("arguments", "comment"),
    [
        ("{sls: fail}", "Run failed on minions: web1"),
        (
            "{sls: broken}",
            "Run failed on minions: web1\nMinion web1 returned errors: No matching sls found for 'broken'",
        ),
        ("{sls: silent}", "Run failed on minions: web1\nMinion web1 did not return a state result."),
        ("{sls: x}, {concurrent: maybe}", "Must pass in boolean for value of 'concurrent'"),
        ("{sls: x}, {allow_fail: some}", "Passed invalid value for 'allow_fail', must be an int"),
        ("{timeout: 1}", "No highstate or sls specified, no execution made"),
    ],
)
def test_failures_of_minions(run: Orchestrate, arguments: str, comment: str) -> None:
    result = run(f"a: {{salt.state: [{{tgt: web1}}, {arguments}]}}")["a"]
    assert (result["result"], result["comment"]) == (False, comment)


def test_failures_that_are_allowed(run: Orchestrate) -> None:
    found = run(
        "a: {salt.state: [{tgt: 'web*'}, {sls: fail}, {fail_minions: 'web1, web2'}]}\n"
        "b: {salt.state: [{tgt: 'web*'}, {sls: fail}, {allow_fail: 2}]}\n"
        "c: {salt.state: [{tgt: nobody}, {sls: x}]}\n"
        "d: {salt.state: [{tgt: nobody}, {sls: x}, {expect_minions: false}]}\n"
    )
    assert [found[name]["result"] for name in "abcd"] == [True, True, False, True]
    assert found["c"]["comment"] == "No minions returned"


def test_test_mode_predicts(run: Orchestrate, lab: Lab) -> None:
    found = run(
        "a: {salt.state: [{tgt: web1}, {sls: change}]}\n"
        "b: {salt.function: [{name: test.ping}, {tgt: web1}]}\n"
        "c: {salt.runner: [{name: test.arg}]}\n"
        "d: {salt.wheel: [{name: key.delete}, {match: '*'}]}\n"
        "e: {salt.wait_for_event: [{name: x}, {id_list: [a]}]}\n",
        test=True,
    )
    assert [result["result"] for result in found.values()] == [None] * 5
    assert [job.fun[0] for job in lab.published] == ["state.sls"]
    assert lab.published[0].arg[0][1]["test"] is True
    assert found["b"]["comment"] == "Function test.ping would be executed on target web1"


def test_functions(run: Orchestrate) -> None:
    found = run(
        "a: {salt.function: [{name: test.arg}, {tgt: 'web*'}, {arg: [1]}, {kwarg: {x: y}}]}\n"
        "b: {salt.function: [{name: test.fail}, {tgt: 'web*'}, {arg: [3]}]}\n"
        "c: {salt.function: [{name: test.fail}, {tgt: web1}, {arg: [3]}, {fail_minions: web1}]}\n"
        "d: {salt.function: [{name: test.ping}, {tgt: nobody}]}\n"
        "e: {salt.function: [{name: test.ping}, {tgt: 'web*'}, {subset: 1}, {fail_function: test.false}]}\n"
    )
    assert found["a"]["changes"]["ret"]["web1"]["args"] == [1]
    assert found["a"]["changes"]["ret"]["web1"]["kwargs"]["x"] == "y"
    assert found["a"]["comment"] == "Function ran successfully. Function test.arg ran on web1, web2."
    assert found["b"]["comment"] == (
        "Running function test.fail failed on minions: web1, web2 Function test.fail ran on web1, web2."
    )
    assert [found[name]["result"] for name in "abcde"] == [True, False, True, False, False]
    assert found["d"]["comment"] == "No minions responded"


def test_runners_and_orchestrations_in_orchestrations(run: Orchestrate, lab: Lab) -> None:
    (lab.root / "srv" / "inner.sls").write_text(
        "i: {test.succeed_without_changes: [{comment: \"{{ pillar['colour'] }}\"}]}"
    )
    found = run(
        "a: {salt.runner: [{name: test.arg}, {arg: [1]}, {kwarg: {b: c}}]}\n"
        "b: {salt.runner: [{name: state.orchestrate}, {mods: inner}, {pillar: {colour: red}}]}\n"
        "c: {salt.runner: [{name: state.orchestrate}, {mods: nosuch}]}\n"
        "d: {salt.runner: [{name: test.nosuch}]}\n"
    )
    assert found["a"]["changes"] == {"return": {"args": [1], "kwargs": {"b": "c"}}}
    assert found["a"]["comment"] == "Runner function 'test.arg' executed."
    (inner,) = found["b"]["changes"]["return"]["data"]["boss"].values()
    assert inner["comment"] == "red"
    assert [found[name]["result"] for name in "abcd"] == [True, True, False, False]
    assert sum(tag.endswith("/args") for tag in lab.events) == 4


def test_runners_at_the_same_time(run: Orchestrate, lab: Lab) -> None:
    (lab.root / "srv" / "inner.sls").write_text("i: {test.succeed_with_changes: []}")
    (lab.root / "srv" / "bad.sls").write_text("i: {test.fail_without_changes: []}")
    found = run(
        "a: {salt.parallel_runners: [{runners: {x: [{name: test.arg}, {kwarg: {n: 1}}], y: {name: test.nosuch}}}]}\n"
        "b: {salt.parallel_runners: [{runners: {x: [{name: state.orchestrate}, {kwarg: {mods: inner}}]}}]}\n"
        "c: {salt.parallel_runners: [{runners: {x: [{name: state.orchestrate}, {kwarg: {mods: bad}}]}}]}\n"
    )
    assert found["a"]["comment"] == "Runner y failed."
    assert found["a"]["changes"]["ret"]["x"] == {"args": [], "kwargs": {"n": 1}}
    assert found["b"]["comment"] == "All runner functions executed successfully."
    assert found["b"]["changes"]["x"]["boss"]["test_|-i_|-i_|-succeed_with_changes"]["testing"]["old"] == "Unchanged"
    assert found["c"]["comment"].startswith("Runner x failed with return value:\n")


def test_wheel_functions(run: Orchestrate, lab: Lab) -> None:
    found = run(
        "a: {salt.wheel: [{name: key.list_all}]}\n"
        "b: {salt.wheel: [{name: key.accept}, {match: 'new*'}]}\n"
        "c: {salt.wheel: [{name: key.nosuch}]}\n"
    )
    assert found["a"]["changes"]["return"]["minions_pre"] == ["new1"]
    assert found["b"]["changes"]["return"] == {"minions": ["new1"]}
    assert found["b"]["comment"] == "Wheel function 'key.accept' executed."
    assert found["c"]["result"] is False
    assert KeyStore(str(lab.root / "pki")).ids(State.ACCEPTED) == ["new1"]


def test_waiting_for_events(run: Orchestrate, client: RunnerClient, lab: Lab) -> None:
    over = threading.Event()

    def fire() -> None:
        while not over.wait(0.02):  # nobody knows when the orchestration begins to listen
            for name in ("web1", "web3", "web2"):
                client._fire(f"salt/minion/{name}/start", {"id": name})

    thread = threading.Thread(target=fire)
    thread.start()
    try:
        found = run(
            "a: {salt.wait_for_event: [{name: 'salt/minion/*/start'}, {id_list: [web1, web2]}, {timeout: 20}]}\n"
            "b: {salt.wait_for_event: [{name: 'salt/minion/*/start'}, {id_list: [db1]}, {timeout: 0.1}]}\n"
        )
    finally:
        over.set()
        thread.join()
    assert found["a"]["result"] is True and sorted(found["a"]["changes"]["minions_seen"]) == ["web1", "web2"]
    assert (found["b"]["result"], found["b"]["comment"]) == (False, "Timeout value reached.")


def test_the_command_prints_results_as_states_and_exits_so(lab: Lab) -> None:
    (lab.root / "srv" / "fine.sls").write_text("i: {test.nop: []}")
    (lab.root / "srv" / "bad.sls").write_text("i: {test.fail_without_changes: []}")
    fine = call(lab, "run", "state.orch", "fine")
    assert fine.returncode == 0
    assert "    Function: test.nop\n      Result: True\n" in fine.stdout and "Succeeded: 1" in fine.stdout
    bad = call(lab, "run", "state.orchestrate", "bad", "--out=json")
    assert bad.returncode == 1
    told = json.loads(bad.stdout)
    assert (told["outputter"], told["retcode"]) == ("highstate", 1)
    assert call(lab, "run", "state.orch", "bad", "test=True").returncode == 1
    missing = call(lab, "run", "state.orch", "nosuch")
    assert missing.returncode == 1 and "No matching sls found for 'nosuch' in env 'base'" in missing.stdout
    wrong = call(lab, "run", "state.orch", "fine", "pillar=5")
    assert wrong.returncode == 1
    assert "Passed invalid arguments: Pillar data must be formatted as a dictionary" in wrong.stdout


def test_single_high_and_show(client: RunnerClient, lab: Lab) -> None:
    single = client.run("state.orchestrate_single", ["test.fail_without_changes", "x"], {})
    assert single.retcode == 1 and single.value["boss"]["test_|-x_|-x_|-fail_without_changes"]["comment"] == "Failure!"
    high = client.run("state.orchestrate_high", [{"a": {"test": ["nop"]}}], {})
    assert high.retcode == 0 and "test_|-a_|-a_|-nop" in high.value["boss"]
    (lab.root / "srv" / "fine.sls").write_text("i: {test.nop: []}")
    assert "test" in client.run("state.orchestrate_show_sls", ["fine"], {}).value["boss"]["i"]
