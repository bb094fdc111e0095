"""Runners: functions that run on the master, for `salt-run` and for scripts.

    from master.config import load
    from master.runner import RunnerClient

    runner = RunnerClient(load("/etc/salt/master").opts())
    runner.cmd("jobs.list_jobs", [])

A runner runs in the process that calls it. It is announced on the event bus, its result too, and both are kept in the
job store; a master that does not answer, or a store that can't be written, does not keep a runner from running.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgpack

from master import safety
from master.client import operator_name
from master.control_client import ControlClient
from master.errors import MasterError, StoreError
from master.jobstore import JobRecord, SQLiteJobStore
from minion.arguments import bind, condense, parse_args, signature
from minion.errors import MinionError, SaltInvocationError
from minion.loader import Loader
from transports import names
from transports.errors import CodecError, TransportError
from transports.messages import Job, Return

log = logging.getLogger(__name__)

_HERE = os.path.dirname(os.path.abspath(__file__))
# What only reads what the store holds is not kept in it once more.
_NOT_KEPT = ("cache.", "doc.", "jobs.")
Progress = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class Run:
    """What came of one run.

    Attributes:
        jid: its job id.
        value: what the function returned, or the sentence that says why it did not.
        retcode: 0 if all is fine.
        fun, fun_args, user: what was run, and for whom.
    """

    jid: str
    value: Any
    retcode: int
    fun: str
    fun_args: list[Any]
    user: str

    @property
    def success(self) -> bool:
        """Whether all is fine."""
        return self.retcode == 0

    def to_wire(self) -> dict[str, Any]:
        """As the event `salt/run/JID/ret` has it."""
        return {
            "fun": self.fun, "fun_args": self.fun_args, "jid": self.jid, "user": self.user, "return": self.value,
            "success": self.success, "retcode": self.retcode,
        }  # fmt: skip


class JobEvents:
    """`__jid_event__`: what a runner tells while it runs.

    Args:
        fire: puts an event on the bus.
        tag: what the tags begin with.
        show: shows progress to whoever started the runner.
    """

    def __init__(self, fire: Callable[[str, Mapping[str, Any]], None], tag: str, show: Progress) -> None:
        self._fire, self._tag, self._show = fire, tag, show

    def fire_event(self, data: Mapping[str, Any], suffix: str) -> None:
        """Fires `salt/run/JID/SUFFIX`, and shows it if it is about progress."""
        self._fire(f"{self._tag}/{suffix}", data)
        if suffix == "progress":
            self._show({"event": dict(data), "suffix": suffix})


class RunnerClient:
    """Runs runners.

    Args:
        opts: the master's options.
        context: `__context__` of the runners.
    """

    def __init__(self, opts: Mapping[str, Any], context: dict[str, Any] | None = None) -> None:
        self.opts = dict(opts)
        self.opts["id"] = self.opts.get("id") or f"{socket.gethostname()}_master"
        self.context: dict[str, Any] = {} if context is None else context
        self._control = ControlClient(str(self.opts["sock_dir"]))
        self._store = SQLiteJobStore(os.path.join(str(self.opts["cachedir"]), "jobs", "jobs.db"))
        self._functions: Loader | None = None

    def __repr__(self) -> str:
        return f"<RunnerClient of {self.opts['sock_dir']}>"

    def __enter__(self) -> RunnerClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.destroy()

    def destroy(self) -> None:
        """Closes what is open; twice is fine."""
        self._store.close()

    @property
    def functions(self) -> Loader:
        """All runners, by `module.function`."""
        if self._functions is None:
            dunders: dict[str, Any] = {"__opts__": self.opts, "__context__": self.context, "__grains__": {}}
            dunders["__utils__"] = Loader("utils", module_folders(self.opts, "utils")[:-1], dunders)
            self._functions = Loader("runners", module_folders(self.opts, "runners"), dunders)
            dunders["__salt__"] = self._functions
        return self._functions

    def cmd(
        self,
        fun: str,
        arg: Sequence[Any] | None = None,
        pub_data: Mapping[str, Any] | None = None,
        kwarg: Mapping[str, Any] | None = None,
        print_event: bool = True,
        full_return: bool = False,
    ) -> Any:
        """Runs one runner and returns its result, or a text that says why there is none.

        Args:
            fun: `module.function`.
            arg: positional arguments; texts of the form `name=value` are keyword arguments.
            pub_data: `jid` and `user`, if they are not to be made up.
            kwarg: keyword arguments.
            print_event: print what it tells of its progress.
            full_return: return a map with `return`, `success`, `retcode`, `jid`, ... instead.
        """
        args, kwargs = parse_args(arg or ())
        given = pub_data or {}
        show = _print_progress if print_event else _ignore_progress
        run = self.run(fun, args, {**kwargs, **(kwarg or {})}, given.get("jid"), given.get("user"), show)
        return run.to_wire() if full_return else run.value

    def cmd_sync(self, low: Mapping[str, Any], timeout: float | None = None, full_return: bool = False) -> Any:
        """Runs the runner that a map describes: `fun`, `arg`, `kwarg`; other keys are keyword arguments."""
        fun, args, kwargs = _from_low(low)
        return self.cmd(fun, args, kwarg=kwargs, print_event=False, full_return=full_return)

    def cmd_async(self, low: Mapping[str, Any]) -> dict[str, Any]:
        """Like `cmd_sync`, in a process of its own; returns its `jid` and the `tag` of its events at once."""
        fun, words, kwarg = _from_low(low)
        args, kwargs = parse_args(words)
        return self.start(fun, args, {**kwargs, **kwarg})

    def start(self, fun: str, args: Sequence[Any], kwargs: Mapping[str, Any], jid: str | None = None) -> dict[str, Any]:
        """Runs a runner in a process of its own, which nobody waits for; returns its `jid` and `tag`."""
        made = jid or self.new_jid()
        self.destroy()  # a connection to the store must not be shared with the new process
        _detached(lambda: self.run(fun, args, kwargs, made))
        return {"jid": made, "tag": _tag(made)}

    def new_jid(self) -> str:
        """A job id, even if there is no job store."""
        try:
            return self._store.new_jid()
        except StoreError as exc:
            log.warning("%s", exc)
            return time.strftime("%Y%m%d%H%M%S", time.gmtime()) + f"{time.time_ns() // 1000 % 1_000_000:06}"

    def run(
        self,
        fun: str,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        jid: str | None = None,
        user: str | None = None,
        show: Progress | None = None,
    ) -> Run:
        """Runs a runner. That it fails is no exception.

        Args:
            fun: `module.function`.
            args, kwargs: its arguments.
            jid: its job id; one is made if it is not given.
            user: for whom; by default the operator.
            show: shows what it tells of its progress.

        Raises:
            NameRefused: the job id is none.
        """
        made, who = names.jid(jid or self.new_jid()), user or operator_name()
        about: dict[str, Any] = {"fun": f"runner.{fun}", "jid": made, "user": who, "fun_args": condense(args, kwargs)}
        functions = self.functions
        self.context.pop("retcode", None)
        for name, value in {
            "__jid__": made,
            "__user__": who,
            "__tag__": _tag(made),
            "__jid_event__": JobEvents(self._fire, _tag(made), show or _ignore_progress),
        }.items():
            functions.inject(name, value)
        self._fire(f"{_tag(made)}/new", about)
        noted = self._note(about)
        try:
            value, retcode = self._call(fun, about["fun_args"])
        finally:
            _remove(noted)
        run = Run(made, value, retcode, about["fun"], about["fun_args"], who)
        self._fire(f"{_tag(made)}/ret", run.to_wire())
        self._keep(run)
        return run

    def get_docs(self, pattern: str = "") -> dict[str, str]:
        """Function -> documentation, of those whose names begin so."""
        from minion.modules import _listing

        functions = self.functions
        found = {name: functions[name].__doc__ or "" for name in functions if name.startswith(pattern)}
        return _listing.plain_text(found)

    # -------------------------------------------------------------- inside

    def _call(self, fun: str, arg: list[Any]) -> tuple[Any, int]:
        function = self.functions.get(fun)
        if function is None:
            return self.functions.why_missing(fun), 1
        try:
            args, kwargs = bind(function, arg)
            _check(function, args, kwargs)
            value = function(*args, **kwargs)
        except SaltInvocationError as exc:
            return f"\nPassed invalid arguments: {exc}\n\nUsage:\n{function.__doc__ or ''}", 1
        except (MasterError, MinionError, TransportError) as exc:
            log.debug("runner %s failed", fun, exc_info=True)
            return f"Exception occurred in runner {fun}: {exc}", 1
        except (Exception, SystemExit):  # noqa: BLE001 - a runner may fail in any way
            return f"Exception occurred in runner {fun}: {traceback.format_exc()}", 1
        retcode = self.context.get("retcode", 0)
        return value, retcode if isinstance(retcode, int) else 1

    def _fire(self, tag: str, data: Mapping[str, Any]) -> None:
        try:
            self._control.ask("fire", tag=tag, data=dict(data))
        except (MasterError, TransportError) as exc:
            log.debug("the event %s is not sent: %s", tag, exc)

    def _note(self, about: Mapping[str, Any]) -> str:
        """A file that says what is running, for `jobs.master`; "" if it can't be made."""
        path = os.path.join(str(self.opts["cachedir"]), "proc", str(about["jid"]))
        try:
            safety.private_folder(os.path.dirname(path))
            safety.write(path, msgpack.packb({**about, "pid": os.getpid()}, default=str), durable=False)
        except (OSError, MasterError) as exc:
            log.debug("the runner %s is not noted: %s", about["fun"], exc)
            return ""
        return path

    def _keep(self, run: Run) -> None:
        if run.fun.partition(".")[2].startswith(_NOT_KEPT):
            return
        host = str(self.opts["id"])
        try:
            job = Job(run.jid, (run.fun,), (tuple(run.fun_args),), (host,), "list", user=run.user)
            self._store.add_job(JobRecord(job, time.time(), (host,)))
            returned = Return(run.jid, host, run.fun, run.fun_args, run.to_wire(), run.retcode, run.success)
            self._store.add_returns([returned])
        except (StoreError, CodecError) as exc:
            log.warning("the result of the runner %s is not kept: %s", run.fun, exc)


def _check(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """Whether a function can be called like this at all, before it is.

    Raises:
        SaltInvocationError: it can't.
    """
    import inspect

    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as exc:
        wanted = ", ".join(signature(function).args)
        raise SaltInvocationError(f"{exc}; its arguments are: {wanted or 'none'}") from None


def module_folders(opts: Mapping[str, Any], kind: str) -> list[str]:
    """Where modules of a kind lie: the user's configured folders, synced ones, our own."""
    configured = [str(folder) for folder in opts.get("runner_dirs") or ()] if kind == "runners" else []
    configured += [os.path.join(str(folder), kind) for folder in opts.get("module_dirs") or ()]
    return [*configured, os.path.join(str(opts["extension_modules"]), kind), os.path.join(_HERE, kind)]


def _from_low(low: Mapping[str, Any]) -> tuple[str, list[Any], dict[str, Any]]:
    rest = {name: value for name, value in low.items() if name not in ("fun", "arg", "kwarg", "client", "user")}
    return str(low["fun"]), list(low.get("arg") or ()), {**(low.get("kwarg") or {}), **rest}


def _tag(jid: str) -> str:
    return f"salt/run/{jid}"


def _remove(path: str) -> None:
    try:
        if path:
            os.unlink(path)
    except OSError as exc:
        log.debug("%s stays: %s", path, exc)


def _print_progress(told: Mapping[str, Any]) -> None:
    from minion import output

    text = output.render(dict(told), "nested", output.Settings())
    sys.stdout.write(f"{text}\n")


def _ignore_progress(told: Mapping[str, Any]) -> None:
    """Nobody wants to see it."""


def _detached(work: Callable[[], Any]) -> None:
    """Does something in a process that has no terminal, no parent and no open files of ours."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nothing, descriptor)
        work()
    except BaseException:
        log.exception("a runner in the background failed")
    finally:
        os._exit(0)
