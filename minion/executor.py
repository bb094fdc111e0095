"""Calls the functions of a job and turns whatever happens into a return: no job ends without one."""

from __future__ import annotations

import logging
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Mapping, MutableMapping, Optional, Sequence, Tuple

from minion.arguments import bind
from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError, format_traceback
from minion.loader import Loader
from transports.messages import Job, Return
from transports.records import Record

log = logging.getLogger(__name__)

Progress = Callable[[int, Any], None]
_FAILED = "nested"  # the outputter of failures: text, whatever the function prints when it works
_BLACKOUT = (
    "Minion in blackout mode. Set 'minion_blackout' to False in pillar or grains to resume operations. Only "
    "saltutil.refresh_pillar allowed in blackout mode."
)


class Outcome(Record):
    """What came of one call.

    Attributes:
        value: the result, or a text that says what went wrong.
        retcode: 0 for success.
        out: the outputter the function wishes for, if any.
        error: what the call raised, if it did.
    """

    value: Any
    retcode: int = 0
    out: str = ""
    error: Optional[BaseException] = None


class Executor:
    """Runs jobs in this process.

    Args:
        minion_id: in returns.
        functions: the execution modules.
        ways: the ways to call a function (`module_executors`): name -> `execute(opts, data, func, args, kwargs)`.
        opts: the minion's options.
        grains, pillar: for the blackout rule.
        context: `__context__` of the functions.
        progress: gets the number and the value of each item that a generator function yields.
    """

    def __init__(
        self,
        minion_id: str,
        functions: Loader,
        ways: Mapping[str, Callable[..., Any]],
        opts: Mapping[str, Any],
        grains: Mapping[str, Any],
        pillar: Mapping[str, Any],
        context: MutableMapping[str, Any],
        progress: Progress,
    ) -> None:
        self._id, self._functions, self._ways, self._opts = minion_id, functions, ways, opts
        self._grains, self._pillar, self._context, self._progress = grains, pillar, context, progress

    def execute(self, job: Job) -> Return:
        """Runs all functions of a job, one after the other."""
        return as_return(job, self._id, self.outcomes(job))

    def outcomes(self, job: Job, publication: Optional[Mapping[str, Any]] = None) -> List[Outcome]:
        """Runs all functions of a job, one after the other, and says for each what came of it.

        Args:
            job: what to run.
            publication: what functions get to know of it; all, if not given.
        """
        known = job.to_wire() if publication is None else publication
        return [self._run(fun, args, known, job) for fun, args in zip(job.fun, job.arg)]

    def _run(self, fun: str, args: Sequence[Any], publication: Mapping[str, Any], job: Job) -> Outcome:
        if fun not in self._functions:
            return self._unknown(fun)
        function = self._functions[fun]
        self._context["retcode"] = 0
        try:
            self._refuse_in_blackout(fun)
            positional, keywords = bind(function, args, publication)
            value = self._call(fun, function, positional, keywords, job)
            if isinstance(value, types.GeneratorType):
                value = self._collect(value)
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever a function does, the job has a return
            return _failure(fun, function, exc)
        return Outcome(value, self._retcode(value), _outputter(fun, function))

    def _unknown(self, fun: str) -> Outcome:
        text = self._functions.why_missing(fun)
        docs = self._functions["sys.doc"](f"{fun}*") if "sys.doc" in self._functions else None
        return Outcome({**docs, fun: text} if docs else text, 1, _FAILED)

    def _refuse_in_blackout(self, fun: str) -> None:
        for rules in (self._pillar, self._grains):
            allowed = ("saltutil.refresh_pillar", *(rules.get("minion_blackout_whitelist") or ()))
            if rules.get("minion_blackout") and fun not in allowed:
                raise SaltInvocationError(_BLACKOUT)

    def _call(self, fun: str, function: Any, args: List[Any], kwargs: Dict[str, Any], job: Job) -> Any:
        """Goes through the ways to call; the first that has a result ends it."""
        data = {**job.to_wire(), "fun": fun}
        for name in _ways_of(job, self._opts):
            way = self._ways.get(f"{name}.execute")
            if way is None:
                raise SaltInvocationError(f"Executor '{name}' is not available")
            value = way(self._opts, data, function, args, kwargs)
            if value is not None:
                return value
        return None

    def _collect(self, items: Iterator[Any]) -> Any:
        """All that a generator yields: one map if it yields maps, a list otherwise."""
        found: List[Any] = []
        for number, item in enumerate(items):
            self._progress(number, item)
            found.append(item)
        if all(isinstance(item, dict) for item in found):
            return {key: value for item in found for key, value in item.items()}
        return found

    def _retcode(self, value: Any) -> int:
        code = self._context.get("retcode", 0)
        if code:
            return code if isinstance(code, int) else 1
        failed = isinstance(value, dict) and not all(value.get(key, True) for key in ("result", "success"))
        return 1 if failed else 0


def _ways_of(job: Job, opts: Mapping[str, Any]) -> List[str]:
    named = job.options.get("module_executors") or opts.get("module_executors") or ["direct_call"]
    names = [named] if isinstance(named, str) else named
    if not isinstance(names, list):
        raise SaltInvocationError(f"Wrong executors specification: {named}. String or non-empty list expected")
    return [*names[:-1], "sudo"] if opts.get("sudo_user") and names[-1] != "sudo" else names


def _failure(fun: str, function: Any, exc: BaseException) -> Outcome:
    """The texts by which Salt's users know the kinds of failure."""
    if isinstance(exc, CommandNotFoundError):
        text = f"Command required for '{fun}' not found: {exc}"
    elif isinstance(exc, SaltInvocationError):
        text = f"ERROR executing '{fun}': {exc}"
    elif isinstance(exc, CommandExecutionError):
        text = f"ERROR: {exc}"
    elif isinstance(exc, TypeError):
        text = f"Passed invalid arguments to {fun}: {exc}\n{_help(function, exc)}"
    else:
        text = f"The minion function caused an exception: {format_traceback()}"
        log.warning("%s failed: %s: %s", fun, type(exc).__name__, exc)
    log.debug("%s failed", fun, exc_info=True)
    return Outcome(text, 1, _FAILED, exc)


def _help(function: Any, exc: TypeError) -> str:
    """The documentation for one who called wrongly; the traceback if the mistake lies within the function."""
    import inspect

    return format_traceback() if raised_within(function, exc) else inspect.getdoc(function) or ""


def raised_within(function: Any, exc: BaseException) -> bool:
    """Whether an exception comes from the function's own code and not from the attempt to call it."""
    import inspect

    code = getattr(inspect.unwrap(function), "__code__", None)
    trace = exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            return True
        trace = trace.tb_next
    return False


def _outputter(fun: str, function: Any) -> str:
    """What the function's module says in `__outputter__`, function name -> outputter."""
    module = sys.modules.get(getattr(function, "__module__", ""))
    wished = getattr(module, "__outputter__", {}).get(fun.rpartition(".")[2], "")
    return wished if isinstance(wished, str) else ""


def as_return(job: Job, minion_id: str, outcomes: Sequence[Outcome], **options: Any) -> Return:
    """The return for what came of a job's calls."""
    given = {**_passed_back(job), **options}
    if not job.several:
        (only,) = outcomes
        return Return(
            jid=job.jid,
            id=minion_id,
            fun=job.fun[0],
            fun_args=list(job.arg[0]),
            value=only.value,
            retcode=only.retcode,
            success=not only.retcode,
            out=only.out,
            options=given,
        )
    codes = _worst(job.fun, outcomes)
    return Return(
        jid=job.jid,
        id=minion_id,
        fun=job.fun,
        fun_args=[list(args) for args in job.arg],
        value={fun: outcome.value for fun, outcome in zip(job.fun, outcomes)},
        retcode=codes,
        success={fun: not code for fun, code in codes.items()},
        options=given,
    )


def _passed_back(job: Job) -> Dict[str, Any]:
    """What a return repeats of its job."""
    options = {name: job.options[name] for name in ("master_id", "metadata") if name in job.options}
    if not isinstance(options.get("metadata", {}), dict):
        log.warning("The metadata of job %s is no map and is left out", job.jid)
        del options["metadata"]
    if job.user:
        options["user"] = job.user
    return options


def _worst(functions: Tuple[str, ...], outcomes: Sequence[Outcome]) -> Dict[str, int]:
    """By function; one that is called twice and failed once has failed."""
    codes: Dict[str, int] = {}
    for fun, outcome in zip(functions, outcomes):
        codes[fun] = codes.get(fun) or outcome.retcode
    return codes


def lost(job: Job, minion_id: str, why: str) -> Return:
    """The return of a job that ended without one."""
    return as_return(job, minion_id, [Outcome(why, 1, _FAILED) for _ in job.fun], lost=True)
