"""States that run at the same time."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Dict

from minion.state.parallel import ParallelCalls
from tests.minion.box import Box


def test_as_many_as_allowed_run_at_once(tmp_path: Path) -> None:
    counter = tmp_path / "now"
    counter.mkdir()

    def work(name: str) -> Dict[str, Any]:
        (counter / name).touch()
        most = 0
        end = time.monotonic() + 0.03
        while time.monotonic() < end:
            most = max(most, len(os.listdir(counter)))
        (counter / name).unlink()
        return {"result": True, "changes": {"most": most}, "comment": "", "name": name}

    calls = ParallelCalls(2)
    running: Dict[str, Any] = {}
    for name in "abcde":
        running[name] = calls.start(name, name, lambda name=name: work(name))  # type: ignore[misc]
    assert running["a"]["comment"] == "Started in a separate process"
    assert running["e"]["comment"] == "Waiting to be started in a separate process, max_parallel hit"
    assert bool(calls)
    calls.wait(running)
    assert not calls
    assert all(result["result"] for result in running.values())
    assert max(result["changes"]["most"] for result in running.values()) == 2


def test_a_call_that_dies_is_a_failure() -> None:
    calls = ParallelCalls()
    running = {"a": calls.start("a", "a", lambda: os._exit(3))}
    calls.wait(running)
    assert running["a"]["result"] is False
    assert running["a"]["comment"] == "Parallel process failed to return"


def test_large_results_come_through() -> None:
    calls = ParallelCalls()
    text = "x" * 5_000_000
    running = {"a": calls.start("a", "a", lambda: {"result": True, "changes": {"t": text}, "comment": "", "name": "a"})}
    calls.wait(running, ["a"])
    assert running["a"]["changes"]["t"] == text


def test_calls_are_ended_on_request() -> None:
    calls = ParallelCalls(1)
    for name in "ab":
        calls.start(name, name, lambda: time.sleep(60) or {})  # type: ignore[func-returns-value]
    began = time.monotonic()
    calls.kill()
    assert time.monotonic() - began < 10
    assert not calls


def test_they_overlap_and_others_wait_for_them(tmp_path: Path) -> None:
    box = Box(tmp_path, {"state_max_parallel": 3})
    # each waits for the file of the other: alone neither would end
    box.write(
        {
            "srv/s.sls": f"""
{{% for one, other in (("a", "b"), ("b", "a")) %}}
{{{{ one }}}}:
  cmd.run:
    - name: 'touch {tmp_path}/{{{{ one }}}}; until [ -e {tmp_path}/{{{{ other }}}} ]; do :; done'
    - timeout: 20
    - parallel: true
{{% endfor %}}
after:
  cmd.run:
    - name: 'test -e {tmp_path}/a -a -e {tmp_path}/b'
    - require: [{{cmd: a}}, {{cmd: b}}]
fails:
  test.fail_without_changes:
    - parallel: true
needs:
  test.nop:
    - parallel: true
    - require: [{{test: fails}}]
"""
        }
    )
    results = {result["__id__"]: result for result in box.call("state.apply", "s").values()}
    assert {name: result["result"] for name, result in results.items()} == {
        "a": True,
        "b": True,
        "after": True,
        "fails": False,
        "needs": False,
    }
    assert results["needs"]["comment"] == "One or more requisite failed: s.fails"
