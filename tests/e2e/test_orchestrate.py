"""Orchestration of real minions: what the command prints, its exit code, the events, and what minions really did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.processes import Lab

TREE = {
    "change": "c: {file.managed: [name: '{{ opts.root_dir }}/made', contents: {{ pillar.get('color', 'none') }}]}\n",
    "chain": """
one: {salt.state: [{tgt: 'web*'}, {sls: maybe}]}
two: {salt.state: [{tgt: 'web*'}, {sls: change}, {require: [{salt: one}]}]}
three: {salt.function: [{name: test.echo}, {tgt: web1}, {arg: [went wrong]}, {onfail: [{salt: one}]}]}
""",
    "colors": """
paint: {salt.state: [{tgt: 'web*'}, {sls: change}, {pillar: {color: {{ pillar.get('color', 'no') }}}}]}
look: {salt.function: [{name: cmd.run}, {tgt: db1}, {arg: [exit 3]}]}
ask: {salt.runner: [{name: test.arg}, {arg: [1]}]}
keys: {salt.wheel: [{name: key.list_all}]}
wait: {salt.wait_for_event: [{name: salt/nothing}, {id_list: [web1]}, {timeout: 0.2}, {require: [{salt: paint}]}]}
both:
  salt.parallel_runners:
    - runners: {a: [{name: test.arg}, {kwarg: {n: 1}}], b: [{name: state.orchestrate}, {kwarg: {mods: small}}]}
""",
    "small": "s: {salt.state: [{tgt: db1}, {sls: change}]}\n",
}


@pytest.fixture(scope="module", autouse=True)
def tree(lab: Lab) -> None:
    folder = lab.root / "srv" / "salt"
    for name, text in TREE.items():
        (folder / f"{name}.sls").write_text(text)
    fails = "{{ 'fail_without_changes' if grains.id == 'web2' else 'succeed_with_changes' }}"
    (folder / "maybe.sls").write_text(f"m:\n  test.{fails}: []\n")


def orchestrate(lab: Lab, *words: str) -> tuple[dict[str, dict[str, Any]], int]:
    done = lab.command("salt-run", "--out=json", "state.orch", *words)
    (results,) = json.loads(done.stdout)["data"].values()
    return {result["__id__"]: result for result in results.values()}, done.returncode


def test_a_minion_that_fails_stops_what_requires_it(lab: Lab) -> None:
    done = lab.command("salt-run", "state.orch", "chain")
    assert done.returncode == 1
    lines = [line.strip() for line in done.stdout.splitlines()]
    for line in (
        "Comment: Run failed on minions: web2",
        "Comment: One or more requisite failed: chain.one",
        "Comment: Function ran successfully. Function test.echo ran on web1.",
        "Summary for web1",
        "Summary for web2",
        "Failed:    2",
    ):
        assert line in lines, done.stdout
    assert not (lab.root / "web1" / "made").exists()


def test_test_mode_reaches_the_minions(lab: Lab) -> None:
    found, code = orchestrate(lab, "colors", "test=True")
    assert code == 0 and {result["result"] for result in found.values()} == {None}
    (inner,) = found["paint"]["changes"]["ret"]["web1"].values()
    assert inner["result"] is None and not (lab.root / "web1" / "made").exists()


def test_everything_that_an_orchestration_does(lab: Lab) -> None:
    events = lab.listen("salt/run/*", "salt/job/*")
    found, code = orchestrate(lab, "colors", 'pillar={"color": "red"}')
    assert code == 1
    assert {name: result["result"] for name, result in found.items()} == {
        "paint": True, "look": False, "ask": True, "keys": True, "wait": False, "both": True,
    }  # fmt: skip
    assert [(lab.root / name / "made").read_text() for name in ("web1", "web2", "db1")] == ["red\n", "red\n", "none\n"]
    assert found["look"]["comment"].startswith("Running function cmd.run failed on minions: db1")
    assert found["both"]["comment"] == "All runner functions executed successfully."
    jid, seen = found["paint"]["__jid__"], []
    ended = False
    while not ended:
        event = events.receive(30)
        seen.append(event["tag"])
        is_end = event["tag"].startswith("salt/run/") and event["tag"].endswith("/ret")
        ended = is_end and event["data"]["fun_args"][0] == "colors"
    events.close()
    assert {f"salt/job/{jid}/new", f"salt/job/{jid}/ret/web1", f"salt/job/{jid}/ret/web2"} <= set(seen)


def test_what_is_no_orchestration(lab: Lab) -> None:
    done = lab.command("salt-run", "state.orch", "nosuch")
    assert done.returncode == 1 and "No matching sls found for 'nosuch' in env 'base'" in done.stdout
