"""Several runners at the same time, each in a process of its own."""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from minion.data import repack_dictlist
from minion.output.nested import output
from minion.output.settings import Settings
from minion.state.parallel import ParallelCalls
from minion.state.tags import Running
from minion.states._result import Result

Run = Callable[..., Dict[str, Any]]


def settings(runners: Dict[str, Any]) -> Dict[str, Dict[str, Any]]:
    """What runs under each name: `name` of the function, and `kwarg`."""
    found = {}
    for runner_id, given in runners.items():
        about = dict(given) if isinstance(given, dict) else repack_dictlist(given) if given else {}
        found[str(runner_id)] = {"name": runner_id, **about}
    return found


def judge(ret: Result, wanted: Dict[str, Dict[str, Any]], run: Run) -> Result:
    """Runs all of them; the result that they amount to."""
    calls = ParallelCalls(len(wanted))

    def work(about: Dict[str, Any]) -> Callable[[], Dict[str, Any]]:
        return lambda: {"done": run(about["name"], kwarg=about.get("kwarg") or {})}

    running: Running = {
        runner_id: calls.start(runner_id, about["name"], work(about)) for runner_id, about in wanted.items()
    }
    calls.wait(running)
    done = {runner_id: result.get("done", {"return": "", "success": False}) for runner_id, result in running.items()}
    outputs = {runner_id: outcome.get("return") for runner_id, outcome in done.items()}
    wrong = [runner_id for runner_id, outcome in done.items() if not outcome.get("success", True)]
    are_runs = all(isinstance(one, dict) and one.get("outputter") == "highstate" for one in outputs.values())
    changes = _changes_of_runs(outputs) if are_runs else {"ret": outputs}
    return {**ret, "result": not wrong, "changes": changes, "comment": _comment(wrong, outputs, are_runs)}


def _changes_of_runs(outputs: Dict[str, Any]) -> Dict[str, Any]:
    found = {runner_id: _changes(value["data"]) for runner_id, value in outputs.items()}
    return {runner_id: changes for runner_id, changes in found.items() if changes}


def _changes(value: Any) -> Any:
    """The changes in results, at any depth; those of nested runs without their wrapping."""
    if not isinstance(value, dict):
        return {}
    if "changes" in value:
        changes = value["changes"]
        nested = isinstance(changes, dict) and changes.get("out") == "highstate" and "ret" in changes
        return changes["ret"] if nested else changes
    found = {key: _changes(item) for key, item in value.items()}
    return {key: changes for key, changes in found.items() if changes}


def _comment(wrong: List[str], outputs: Dict[str, Any], are_runs: bool) -> str:
    if not wrong:
        return "All runner functions executed successfully."
    if are_runs:
        shown = [output(outputs[runner_id], Settings()) for runner_id in wrong]
        return "\n".join(f"Runner {name} failed with return value:\n{text}" for name, text in zip(wrong, shown))
    return f"Runner {wrong[0]} failed." if len(wrong) == 1 else f"Runners {', '.join(wrong)} failed."
