"""Orchestration: states and functions of other minions, runners and wheel functions, as states of the master."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional

from minion.errors import CommandExecutionError
from minion.state.results import succeeded
from minion.states._result import Result, begun, failed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__master__: Any
__low__: Mapping[str, Any]
__env__: str
__virtualname__ = "salt"

Answers = Dict[str, Dict[str, Any]]  # minion -> `ret`, `retcode`, `jid`; or `failed`


def state(
    name: str,
    tgt: Any,
    ssh: bool = False,
    tgt_type: str = "glob",
    ret: str = "",
    ret_config: Optional[str] = None,
    ret_kwargs: Optional[Dict[str, Any]] = None,
    highstate: Optional[bool] = None,
    sls: Any = None,
    top: Optional[str] = None,
    saltenv: Optional[str] = None,
    test: Optional[bool] = None,
    pillar: Optional[Dict[str, Any]] = None,
    pillarenv: Optional[str] = None,
    expect_minions: bool = True,
    exclude: Any = None,
    fail_minions: Any = None,
    allow_fail: Any = 0,
    concurrent: bool = False,
    timeout: Optional[float] = None,
    batch: Any = None,
    queue: Any = False,
    subset: Optional[int] = None,
    orchestration_jid: Optional[str] = None,
    failhard: Optional[bool] = None,
    **kwargs: Any,
) -> Result:
    """Applies states on minions.

    Args:
        name: any text.
        tgt, tgt_type: the minions.
        ssh: reach them over SSH; `roster` says where they are found.
        highstate: all that the top files assign to them.
        sls: these SLS files.
        top: all that this top file assigns to them.
        saltenv, pillarenv, pillar, exclude, concurrent, queue: as for `state.sls`.
        test: only predict; if not given, as this run does.
        expect_minions: minions that do not answer have failed.
        fail_minions: minions that may fail: a list, or text with commas.
        allow_fail: how many may fail.
        timeout: seconds to wait for each minion.
        batch: how many at a time, as a number or percentage.
        subset: only so many of them, chosen at random.
        failhard: with `batch`: stop at the first failure.
        ret, ret_config, ret_kwargs: returners that the minions run.
        orchestration_jid: accepted for Salt's sake.
        kwargs: `roster`.
    """
    result = begun(name)
    problem = _wrong(allow_fail, highstate or top or sls, concurrent)
    if problem:
        return failed(result, problem)
    fun, arg = _state_function(highstate, top, sls)
    tested = test if test is not None else __opts__.get("test") or None
    keywords = {
        "test": tested,
        "pillar": pillar or None,
        "pillarenv": pillarenv,
        "saltenv": saltenv,
        "exclude": exclude,
    }
    kwarg = {key: value for key, value in keywords.items() if value is not None}
    kwarg.update(queue=queue, concurrent=concurrent)
    call = _call_options(tgt_type, ssh, ret, ret_config, ret_kwargs, timeout, batch, subset, failhard, kwargs)
    call.update(arg=arg, kwarg=kwarg, expect_minions=expect_minions)
    try:
        if __opts__.get("__role") == "minion" and __opts__.get("file_client") == "local" and not ssh:
            answers = {__opts__["id"]: {"ret": __salt__[fun](*arg, **{**kwarg, "concurrent": True})}}
        else:
            _tell_arguments({"type": "state", "tgt": tgt, "name": name, "args": call})
            answers = __salt__["saltutil.cmd"](tgt, fun, **call)
    except CommandExecutionError as exc:
        return failed(result, str(exc))
    if not answers and expect_minions:
        return failed(result, "No minions returned")
    _note_jid(result, answers)
    _judge_states(result, answers, _listed_minions(result, fail_minions), int(allow_fail))
    if tested and result["changes"] and result["result"]:
        result["result"] = None
    return result


def _wrong(allow_fail: Any, what: Any, concurrent: Any) -> str:
    """What is wrong with the arguments; "" if nothing is."""
    try:
        int(allow_fail)
    except (TypeError, ValueError):
        return "Passed invalid value for 'allow_fail', must be an int"
    if not what:
        return "No highstate or sls specified, no execution made"
    return "" if isinstance(concurrent, bool) else "Must pass in boolean for value of 'concurrent'"


def _state_function(highstate: Any, top: Any, sls: Any) -> Any:
    """The function that the minions call, and its arguments."""
    if highstate:
        return "state.highstate", []
    if top:
        return "state.top", [top]
    return "state.sls", [",".join(sls) if isinstance(sls, list) else sls]


def _call_options(
    tgt_type: str,
    ssh: bool,
    ret: str,
    ret_config: Any,
    ret_kwargs: Any,
    timeout: Any,
    batch: Any,
    subset: Any,
    failhard: Any,
    kwargs: Mapping[str, Any],
) -> Dict[str, Any]:
    """Arguments of `saltutil.cmd`."""
    optional = {
        "ret_config": ret_config or None,
        "ret_kwargs": ret_kwargs or None,
        "batch": None if batch is None else str(batch),
        "subset": subset,
        "roster": kwargs.get("roster"),
        "failhard": True if failhard is True or __opts__.get("failhard") else None,
    }
    found: Dict[str, Any] = {"tgt_type": tgt_type, "ssh": ssh, "ret": ret, "timeout": timeout}
    found.update((key, value) for key, value in optional.items() if value is not None)
    return found


def _tell_arguments(data: Dict[str, Any]) -> None:
    """Says on the master's event bus what is about to be called."""
    jid = __low__.get("__orchestration_jid__")
    if jid:
        __master__.request("_minion_event", tag=f"salt/run/{jid}/args", data=data, pretag=None)


def _note_jid(result: Result, answers: Answers) -> None:
    jid = next(iter(answers.values()), {}).get("jid")
    if jid:
        result["__jid__"] = jid


def _listed_minions(result: Result, minions: Any) -> List[str]:
    if minions is None or isinstance(minions, list):
        return minions or []
    if isinstance(minions, str):
        return [minion.strip() for minion in minions.split(",")]
    result.setdefault("warnings", []).append("'fail_minions' needs to be a list or a comma separated string. Ignored.")
    return []


def _judge_states(result: Result, answers: Answers, may_fail: List[str], allowed: int) -> None:
    changes: Dict[str, Any] = {}
    unchanged: List[str] = []
    why: Dict[str, str] = {}
    for minion, answer in answers.items():
        run = answer.get("ret", False)
        if answer.get("failed") or not succeeded(run):
            changes[minion] = run
            if minion not in may_fail:
                why[minion] = _why(minion, answer)
        elif any(isinstance(part, dict) and part.get("changes") for part in run.values()):
            changes[minion] = run
        else:
            unchanged.append(minion)
    if changes:
        result["changes"] = {"out": "highstate", "ret": changes}
    if len(why) > allowed:
        failed(result, "\n".join([f"Run failed on minions: {', '.join(why)}", *filter(None, why.values())]))
        return
    updated = [f"Updating {', '.join(changes)}."] if changes else []
    others = [f"No changes made to {', '.join(unchanged)}."] if unchanged else []
    result["comment"] = " ".join(["States ran successfully.", *updated, *others])


def _why(minion: str, answer: Mapping[str, Any]) -> str:
    """Why a minion has failed, if the results of its states do not tell."""
    if "ret" not in answer:
        return f"Minion {minion} did not return a state result."
    value = answer["ret"]
    if isinstance(value, (list, tuple)):
        errors = [str(item) for item in value if item]
        if not errors:
            return f"Minion {minion} returned an empty error list."
        return f"Minion {minion} returned errors: {'; '.join(errors)}"
    return "" if isinstance(value, dict) else f"Minion {minion} returned {value!r} instead of a state result."


def function(
    name: str,
    tgt: Any,
    ssh: bool = False,
    tgt_type: str = "glob",
    ret: str = "",
    ret_config: Optional[str] = None,
    ret_kwargs: Optional[Dict[str, Any]] = None,
    expect_minions: bool = False,
    fail_minions: Any = None,
    fail_function: Optional[str] = None,
    arg: Any = None,
    kwarg: Optional[Dict[str, Any]] = None,
    timeout: Optional[float] = None,
    batch: Any = None,
    subset: Optional[int] = None,
    failhard: Optional[bool] = None,
    **kwargs: Any,
) -> Result:
    """Calls an execution function on minions.

    Args:
        name: the function.
        tgt, tgt_type: the minions.
        arg, kwarg: its arguments.
        ssh: reach them over SSH; `roster` says where they are found.
        expect_minions: minions that do not answer have failed.
        fail_minions: minions that may fail: a list, or text with commas.
        fail_function: an execution function that tells of a result whether it is a success.
        timeout: seconds to wait for each minion.
        batch: how many at a time, as a number or percentage.
        subset: only so many of them, chosen at random.
        failhard: with `batch`: stop at the first failure.
        ret, ret_config, ret_kwargs: returners that the minions run.
        kwargs: `roster`.
    """
    result = begun(name)
    if isinstance(arg, str):
        result["warnings"] = ["Please specify 'arg' as a list of arguments."]
        arg = arg.split()
    if __opts__.get("test"):
        return {**result, "result": None, "comment": f"Function {name} would be executed on target {tgt}"}
    call = _call_options(tgt_type, ssh, ret, ret_config, ret_kwargs, timeout, batch, subset, failhard, kwargs)
    call.update(arg=arg or [], kwarg=kwarg or {}, expect_minions=expect_minions)
    try:
        _tell_arguments({"type": "function", "tgt": tgt, "name": name, "args": call})
        answers: Answers = __salt__["saltutil.cmd"](tgt, name, **call)
    except CommandExecutionError as exc:
        return failed(result, str(exc))
    if not answers:
        return failed(result, "No minions responded")
    _note_jid(result, answers)
    may_fail = _listed_minions(result, fail_minions)
    wrong = [minion for minion, answer in answers.items() if not _is_fine(answer, fail_function)]
    unexpected = [minion for minion in wrong if minion not in may_fail]
    said = f"Function {name} ran on {', '.join(answers)}."
    result["changes"] = {"ret": {minion: answer.get("ret", False) for minion, answer in answers.items()}}
    if unexpected:
        return failed(result, f"Running function {name} failed on minions: {', '.join(unexpected)} {said}")
    return {**result, "comment": f"Function ran successfully. {said}"}


def _is_fine(answer: Mapping[str, Any], fail_function: Optional[str]) -> bool:
    if answer.get("failed") or answer.get("retcode") or answer["ret"] is False:
        return False
    return not fail_function or bool(__salt__[fail_function](answer["ret"]))


def wait_for_event(
    name: str, id_list: List[Any], event_id: str = "id", timeout: float = 300, node: str = "master"
) -> Result:
    """Waits until events have told of all of certain things.

    Args:
        name: a glob of event tags.
        id_list: the values to wait for, ids of minions for example.
        event_id: the key of the event's data that holds such a value, or a list of them.
        timeout: seconds to wait.
        node: accepted for Salt's sake: events are the master's.
    """
    from minion.states._events import wait

    if __opts__.get("test"):
        return {**begun(name, None), "comment": f"Orchestration would wait for event '{name}'"}
    try:
        return wait(__master__, begun(name), list(id_list), event_id, timeout)
    except CommandExecutionError as exc:
        return failed(begun(name), str(exc))


def runner(name: str, **kwargs: Any) -> Result:
    """Runs a runner.

    Args:
        name: the runner's function.
        kwargs: `arg` and `kwarg`, its arguments; further arguments by name.
    """
    if __opts__.get("test"):
        return {**begun(name, None), "comment": f"Runner function '{name}' would be executed."}
    return _told(name, "Runner", _run_runner(name, **kwargs))


def _run_runner(name: str, **kwargs: Any) -> Dict[str, Any]:
    done: Dict[str, Any] = __salt__["saltutil.runner"](name, full_return=True, **{**kwargs, **_about()})
    return done


def _about() -> Dict[str, Any]:
    """What functions of the master are told of this orchestration."""
    user, jid = __opts__.get("user"), __low__.get("__orchestration_jid__")
    return {"__orchestration_jid__": jid, "__env__": __env__, "__pub_user": user}


def wheel(name: str, **kwargs: Any) -> Result:
    """Calls a wheel function, which manages the master.

    Args:
        name: the function.
        kwargs: its arguments.
    """
    if __opts__.get("test"):
        return {**begun(name, None), "comment": f"Wheel function '{name}' would be executed."}
    try:
        done = __salt__["saltutil.wheel"](name, **{**kwargs, **_about()})
    except CommandExecutionError as exc:
        return failed(begun(name), str(exc))
    return _told(name, "Wheel", done)


def _told(name: str, what: str, done: Mapping[str, Any]) -> Result:
    """The result of a function of the master."""
    value = done.get("return")
    success = bool(done.get("success", True)) and not (isinstance(value, dict) and "Error" in value)
    ret = begun(name, success)
    ret.update(changes={"return": value}, comment=f"{what} function '{name}' {'executed' if success else 'failed'}.")
    if "jid" in done:
        ret["__jid__"] = done["jid"]
    return ret


def parallel_runners(name: str, runners: Any, **kwargs: Any) -> Result:
    """Runs several runners at the same time.

    Args:
        name: any text.
        runners: name -> `name` of the runner's function (if it is another one) and `kwarg`, its arguments.
        kwargs: ignored.
    """
    from minion.states._parallel_runners import judge, settings

    if isinstance(runners, str):
        runners = {runners: None}
    if not isinstance(runners, dict):
        return failed(begun(name), "The runners parameter must be a string or dict.")
    wanted = settings(runners)
    if __opts__.get("test"):
        shown = ", ".join(runner_id for runner_id in wanted)
        return {**begun(name, None), "comment": f"Runner functions would be executed: {shown}"}
    return judge(begun(name), wanted, _run_runner)
