"""Calls one chunk: its arguments, its conditions, the call itself, retries, and the form of the result."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
import random
import time
from types import MappingProxyType
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Set, Tuple

from minion import masking
from minion.arguments import Signature, signature
from minion.errors import SaltInvocationError, format_traceback
from minion.state.checks import Conditions
from minion.state.parallel import ParallelCalls
from minion.state.session import Session
from minion.state.slots import fill_slots
from minion.state.tags import INTERNAL_KEYWORDS, Chunks, Low, Result, Running, tag_of

log = logging.getLogger(__name__)

_RETRY = {"until": True, "attempts": 2, "splay": 0, "interval": 30}
_MASKED = "**********"


class Call(NamedTuple):
    """A state function and what it is called with."""

    name: str
    function: Callable[..., Any]
    args: List[Any]
    keywords: Dict[str, Any]


class Stopwatch:
    """When something started, and how long it took."""

    def __init__(self) -> None:
        self._started = datetime.datetime.now()
        self._clock = time.monotonic()

    def times(self) -> Result:
        """`start_time`, and `duration` in milliseconds."""
        duration = round((time.monotonic() - self._clock) * 1000, 3)
        return {"start_time": self._started.time().isoformat(), "duration": duration}


class Caller:
    """Calls chunks, numbering the results.

    Args:
        session: what the run works with.
        first_number: the `__run_num__` of the first result.
    """

    def __init__(self, session: Session, first_number: int = 0) -> None:
        self._session = session
        self._next_number = first_number
        self._signatures: Dict[Callable[..., Any], Signature] = {}
        self._conditions = Conditions(session.functions, session.context, session.grains.get("shell"))
        self.parallel = ParallelCalls(session.opts.get("state_max_parallel"))
        self._initialised: Set[str] = set()
        self._lowstate: Tuple[Optional[Chunks], Tuple[Low, ...]] = (None, ())

    def number(self) -> int:
        """The next `__run_num__`."""
        self._next_number += 1
        return self._next_number - 1

    def initialise(self, low: Low) -> None:
        """Calls the module's `mod_init` before its first state, until it says that it is done."""
        module, states = low["state"], self._session.states
        if module in self._initialised or f"{module}.{low['fun']}" not in states:
            return
        if f"{module}.mod_init" in states and states[f"{module}.mod_init"](low):
            self._initialised.add(module)

    def call(self, low: Low, chunks: Optional[Chunks] = None, running: Optional[Running] = None) -> Result:
        """Calls a chunk, again and again if it asks for that; the result of the last call."""
        result = self._call_once(low, chunks, running)
        if "retry" not in low or low.get("parallel") or "__run_num__" not in result:
            return result
        retry = retry_settings(low["retry"])
        if self._session.opts.get("test"):
            result["comment"] = "  ".join([str(result["comment"] or ""), _would_retry(retry)])
            return result
        return self._retry(low, chunks, running, result, retry)

    def _retry(
        self, low: Low, chunks: Optional[Chunks], running: Optional[Running], result: Result, retry: Dict[str, Any]
    ) -> Result:
        comments: List[str] = []
        first_start, duration = result.get("start_time"), result.get("duration", 0)
        for attempt in range(1, retry["attempts"]):
            if result["result"] == retry["until"]:
                break
            comments.append(_attempt(attempt, result))
            interval = retry["interval"] + random.randint(0, retry["splay"])  # noqa: S311 - no secret
            time.sleep(interval)
            result = self._call_once(low, chunks, running)
            duration += result.get("duration", 0) + interval * 1000
        if comments:
            result["comment"] = "\n".join([*comments, result["comment"] or ""])
            result.update(start_time=first_start, duration=duration)
        return result

    def _call_once(self, low: Low, chunks: Optional[Chunks], running: Optional[Running]) -> Result:
        watch = Stopwatch()
        tested = bool(low.get("__prereq__"))
        errors = self.verify(low)
        if errors:
            comment = "".join(f"{error}\n" for error in errors)
            failed: Result = {"result": False, "name": low.get("name"), "changes": {}, "comment": comment}
            if tested:
                low["__prereq__"] = False
            return failed if tested else self._noted(low, {**failed, "__run_num__": self.number()})
        seen = self._visible(low, chunks, running)
        with self._session.test_mode(tested), self._as_user(low), self._provided(low), seen:
            result = _unified(self._guarded(low, tested), low)
        if tested:
            low["__prereq__"] = False
            return result
        result.update(__sls__=low.get("__sls__"), __run_num__=self.number())
        if low.get("no_log"):
            result.update((key, masked(result.get(key))) for key in ("name", "comment", "changes"))
        self._noted(low, result)
        result.update(watch.times(), __id__=low["__id__"])
        return result

    def _noted(self, low: Low, result: Result) -> Result:
        log.log(logging.INFO if result.get("result") is not False else logging.ERROR, "%s", result.get("comment"))
        if isinstance(result.get("changes"), dict):
            self._session.refresh_after(low, result)
        return result

    # verifying and binding

    def verify(self, low: Low) -> List[str]:
        """What is wrong with a chunk. Its `umask` is read on this occasion."""
        errors = [f'Missing "{key}" data' for key in ("state", "fun", "name") if key not in low]
        name = low.get("name")
        if name and not isinstance(name, str):
            where = f"in SLS '{low['__sls__']}' " if "__sls__" in low else ""
            errors.append(f"ID '{name}' {where}is not formed as a string, but is a {type(name).__name__}")
        if "umask" in low:
            umask = low.pop("umask")
            try:
                low["__umask__"] = int(str(umask), 8)
            except ValueError:
                errors.append(f"Invalid umask: {umask}")
        return errors or self._verify_function(low)

    def _verify_function(self, low: Low) -> List[str]:
        full, states = f"{low['state']}.{low['fun']}", self._session.states
        if full not in states:
            if "__sls__" not in low:
                return [f"Specified state '{full}' was not found"]
            return [f"State '{full}' was not found in SLS '{low['__sls__']}'", f"Reason: {states.why_missing(full)}"]
        takes = self._signature(full)
        return [
            f"Missing parameter {name} for state {full}"
            for name in takes.args
            if name not in takes.defaults and name not in low
        ]

    def _signature(self, full: str) -> Signature:
        function = self._session.states[full]
        if function not in self._signatures:
            self._signatures[function] = signature(function)
        return self._signatures[function]

    def _bind(self, low: Low) -> Call:
        """The call that a chunk asks for.

        Raises:
            SaltInvocationError: the function does not take one of the arguments.
        """
        full = f"{low['state']}.{low['fun']}"
        takes = self._signature(full)
        args = [low[name] for name in takes.args if name not in takes.defaults]
        keywords = {name: low.get(name, default) for name, default in takes.defaults.items()}
        others = {key: value for key, value in low.items() if key not in takes.args and key not in INTERNAL_KEYWORDS}
        if takes.keywords is None:
            others.pop("provider", None)
        if others and takes.keywords is None:
            names = [f"'{name}'" for name in others]
            several = f"{', '.join(names[:-1])} and {names[-1]} are invalid keyword arguments"
            what = several if len(names) > 1 else f"{names[0]} is an invalid keyword argument"
            raise SaltInvocationError(f"{what} for '{full}'")
        return Call(full, self._session.states[full], args, {**keywords, **others})

    # what the function sees

    @contextlib.contextmanager
    def _as_user(self, low: Low) -> Iterator[None]:
        """Commands that the state runs, run as its `runas`."""
        context = self._session.context
        context["runas"] = low.get("runas")
        password = low["password"] if low["state"] == "cmd" and "password" in low else low.get("runas_password")
        context["runas_password"] = password
        try:
            yield
        finally:
            context.pop("runas", None)
            context.pop("runas_password", None)

    @contextlib.contextmanager
    def _provided(self, low: Low) -> Iterator[None]:
        """Execution modules from the files that the state names as their `provider`."""
        named = low.get("provider")
        if not named:
            yield
            return
        pairs = [{low["state"]: named}] if isinstance(named, str) else named if isinstance(named, list) else []
        with self._session.loaders.modules.providing({key: str(file) for pair in pairs for key, file in pair.items()}):
            yield

    @contextlib.contextmanager
    def _visible(self, low: Low, chunks: Optional[Chunks], running: Optional[Running]) -> Iterator[None]:
        """`__low__`, `__running__` and the like, for state modules to read."""
        opts = self._session.opts
        saltenv = low["saltenv"] if "saltenv" in low and not opts.get("lock_saltenv") else low.get("__env__", "base")
        names = {
            "__low__": MappingProxyType(low),
            "__running__": MappingProxyType(running or {}),
            "__lowstate__": self._frozen(chunks),
            "__instance_id__": self._session.instance_id,
            "__user__": opts.get("user", "UNKNOWN"),
            "__env__": str(saltenv),
            "__orchestration_jid__": low.get("__orchestration_jid__"),
        }
        with self._session.states_see(names):
            yield

    def _frozen(self, chunks: Optional[Chunks]) -> Tuple[Low, ...]:
        """The chunks as a tuple, which is made once for a run: it may have very many."""
        source, frozen = self._lowstate
        if source is not chunks or len(frozen) != len(chunks or ()):
            frozen = tuple(chunks or ())
            self._lowstate = (chunks, frozen)
        return frozen

    # the call

    def _guarded(self, low: Low, tested: bool) -> Any:
        """Calls the function if its conditions hold; whatever goes wrong becomes a failed result."""
        failed = {"result": False, "name": low["name"], "changes": {}}
        try:
            call = self._bind(low)
        except SaltInvocationError as exc:
            return {**failed, "comment": str(exc)}
        try:
            result = self._unless_checked(low, call, tested)
            if "check_cmd" in low and not self._checks_itself(low, call):
                result.update(self._conditions.after(low))
            return result
        except Exception:  # noqa: BLE001 - a state function may raise anything
            trace = format_traceback()
            log.debug("State %s failed: %s", tag_of(low), trace)
            return {**failed, "comment": f"An exception occurred in this state: {trace}"}

    def _unless_checked(self, low: Low, call: Call, tested: bool) -> Any:
        result: Result = {"result": False, "name": low["name"], "changes": {}}
        checks_itself = f"{low['state']}.mod_run_check" in self._session.states
        if any(key in low for key in ("unless", "onlyif", "creates")) and not checks_itself:
            result.update(self._conditions.before(low))
            if result["result"]:
                return result
        if self._session.mocked:
            return {**result, "result": True, "comment": "Not called, mocked"}
        if not self._session.may_run(low["state"], call.name):
            comment = "Failed to meet global state conditions. State not called."
            return {"name": low["name"], "comment": comment, "changes": {}, "result": None}
        if low.get("parallel") and not tested:
            return self.parallel.start(tag_of(low), low["name"], lambda: self._in_parallel(low, call))
        return self._run(low, call)

    def _checks_itself(self, low: Low, call: Call) -> bool:
        """Does the function use `check_cmd` itself?"""
        module_does = f"{low['state']}.mod_run_check_cmd" in self._session.states
        return module_does and "check_cmd" in self._signature(call.name).args

    def _run(self, low: Low, call: Call) -> Any:
        fill_slots(call.args, call.keywords, self._session.functions)
        umask = low.get("__umask__")
        before = os.umask(umask) if umask is not None else None
        # pillar values that a state module works with are no output; those that `module` returns are
        in_clear = contextlib.nullcontext() if low["state"] == "module" else masking.in_clear()
        try:
            with in_clear:
                return call.function(*call.args, **call.keywords)
        finally:
            if before is not None:
                os.umask(before)

    def _in_parallel(self, low: Low, call: Call) -> Result:
        """The call in a process of its own, with its retries."""
        retry = retry_settings(low["retry"]) if "retry" in low else {**_RETRY, "attempts": 1}
        total, result = 0.0, self._timed_run(low, call)
        comments: List[str] = []
        for attempt in range(1, retry["attempts"]):
            if result["result"] == retry["until"] or self._session.opts.get("test"):
                break
            comments.append(_attempt(attempt, result))
            time.sleep(retry["interval"] + random.randint(0, retry["splay"]))  # noqa: S311 - no secret
            total += result["duration"] + retry["interval"] * 1000
            result = self._timed_run(low, call)
        result["comment"] = "\n".join([*comments, result.get("comment") or ""])
        if "retry" in low and self._session.opts.get("test"):
            result["comment"] = "  ".join([result["comment"], _would_retry(retry)])
        result["duration"] += total
        return {**result, "__parallel__": True}

    def _timed_run(self, low: Low, call: Call) -> Result:
        watch = Stopwatch()
        try:
            result = self._run(low, call)
        except Exception:  # noqa: BLE001 - a state function may raise anything
            comment = f"An exception occurred in this state: {format_traceback()}"
            result = {"result": False, "name": low["name"], "changes": {}, "comment": comment}
        return {**_unified(result, low), **watch.times()}


def retry_settings(given: Any) -> Dict[str, Any]:
    """`until`, `attempts`, `interval` and `splay`, with defaults for what is missing or of the wrong type."""
    if given is False:
        return {**_RETRY, "attempts": 0}
    if not isinstance(given, dict):
        return dict(_RETRY)
    return {
        key: given[key] if isinstance(given.get(key), type(default)) else default for key, default in _RETRY.items()
    }


def _attempt(number: int, result: Mapping[str, Any]) -> str:
    return (
        f'Attempt {number}: Returned a result of "{result["result"]}", '
        f'with the following comment: "{result["comment"]}"'
    )


def _would_retry(retry: Mapping[str, Any]) -> str:
    return (
        f"The state would be retried every {retry['interval']} seconds "
        f"(with a splay of up to {retry['splay']} seconds) "
        f"a maximum of {retry['attempts']} times or until a result of {retry['until']} is returned"
    )


def masked(value: Any) -> Any:
    """The value with all text and numbers in it hidden."""
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [masked(item) for item in value]
    return _MASKED if value else value


def _unified(result: Any, low: Low) -> Result:
    """The result in its proper form; one that has none is a failure."""
    problem = _malformed(result)
    if problem:
        comment = f"An exception occurred in this state: {problem}"
        return {"result": False, "name": low.get("name"), "changes": {}, "comment": comment}
    for one in (result, *result.get("sub_state_run", ())):
        if isinstance(one.get("comment"), list):
            one["comment"] = "\n".join(map(str, one["comment"]))
        if one.get("result") is not None:
            one["result"] = bool(one["result"])
    unified: Result = result
    return unified


def _malformed(result: Any) -> str:
    if not isinstance(result, dict):
        return "Malformed state return. Data must be a dictionary type."
    if not isinstance(result.get("changes"), dict):
        return "'Changes' should be a dictionary."
    missing = [key for key in ("name", "result", "changes", "comment") if key not in result]
    if missing:
        return f"The following keys were not present in the state return: {', '.join(missing)}."
    return next(filter(None, map(_malformed, result.get("sub_state_run", ()))), "")
