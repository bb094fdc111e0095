"""Run functions on minions from Python, on the master's host.

    from master.client import LocalClient

    local = LocalClient()
    local.cmd("*", "cmd.run", ["whoami"])              # {"web1": "root", "web2": "root"}
    for answer in local.cmd_iter("G@os:Debian", "test.ping", tgt_type="compound"):
        print(answer)                                  # {"web1": {"ret": True, "retcode": 0, "jid": "..."}}

Names, arguments and results are those of Salt's client of this name. Whoever may use the `salt` command may use it.
"""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from master.control_client import ControlClient, Following, Verdict
from master.errors import MasterDown, MasterError, MasterGone, Refused, StoreError, TargetError
from minion.arguments import condense
from transports.messages import Return

__all__ = [
    "ControlClient", "LocalClient", "MasterDown", "MasterError", "MasterGone", "Refused", "StoreError", "TargetError",
    "answer_of", "operator_name",
]  # fmt: skip

Answer = dict[str, Any]
_OPTIONS = ("metadata", "ret_config", "ret_kwargs", "module_executors", "executor_opts", "start_event", "master_id")


class LocalClient:
    """Publishes jobs and brings their results.

    Args:
        c_path: the master's configuration file.
        mopts: its options, if they are known already; then no file is read.
        skip_perm_errors, io_loop, keep_loop, auto_reconnect, listen: accepted for Salt's sake.
    """

    def __init__(
        self,
        c_path: str = "/etc/salt/master",
        mopts: Mapping[str, Any] | None = None,
        skip_perm_errors: bool = False,
        io_loop: Any = None,
        keep_loop: bool = False,
        auto_reconnect: bool = False,
        listen: bool = False,
    ) -> None:
        if mopts is None:
            from master.config import load

            mopts = load(c_path).opts()
        self.opts: dict[str, Any] = dict(mopts)
        self.control = ControlClient(str(self.opts["sock_dir"]))
        self._event: Any = None

    def __repr__(self) -> str:
        return f"<LocalClient of {self.opts['sock_dir']}>"

    def __enter__(self) -> LocalClient:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.destroy()

    def destroy(self) -> None:
        """Ends what is open; twice is fine."""
        if self._event is not None:
            self._event.destroy()

    @property
    def event(self) -> Any:
        """The event bus, see `master.events.EventClient`."""
        if self._event is None:
            from master.events import EventClient

            self._event = EventClient(self.control)
        return self._event

    # ------------------------------------------------- publish, don't wait

    def pub(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        timeout: float | None = None,
        listen: bool = False,
        **kwargs: Any,
    ) -> Answer:
        """Publishes a job whose arguments are in the form that travels; returns its `jid` and `minions`.

        Raises:
            MasterDown, Refused, TargetError: it was not published.
        """
        fields = self._fields(tgt, fun, arg, tgt_type, ret, jid, timeout, kwargs)
        head = self.control.ask("run", **fields)
        return {"jid": head["jid"], "minions": head["minions"]}

    def run_job(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        timeout: float | None = None,
        jid: str = "",
        kwarg: Mapping[str, Any] | None = None,
        listen: bool = False,
        **kwargs: Any,
    ) -> Answer:
        """Publishes a job; returns its `jid` and the `minions` expected to answer, `{}` if the target means nobody."""
        published = self.pub(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, jid, timeout, **kwargs)
        return published if published["jid"] else {}

    def cmd_async(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        kwarg: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Any:
        """Publishes a job; returns its id, 0 if the target means nobody."""
        return self.run_job(tgt, fun, arg, tgt_type, ret, jid=jid, kwarg=kwarg, **kwargs).get("jid", 0)

    def gather_job_info(self, jid: str, tgt: Any, tgt_type: str, listen: bool = True, **kwargs: Any) -> Answer:
        """Asks minions whether they still work on a job; returns what `run_job` returns, of the job that asks."""
        return self.run_job(tgt, "saltutil.find_job", [jid], tgt_type, **kwargs)

    def gather_minions(self, tgt: Any, expr_form: str, delimiter: str = ":") -> list[str]:
        """Whom a target means, sorted; nothing is sent to them."""
        asked = {"tgt": tgt if isinstance(tgt, str) else list(tgt), "tgt_type": expr_form, "delimiter": delimiter}
        return list(self.control.ask("resolve", **asked)["minions"])

    # ------------------------------------------------------ publish and wait

    def start(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        timeout: float | None = None,
        jid: str = "",
        **kwargs: Any,
    ) -> Following:
        """Publishes a job whose arguments are in the form that travels, and follows it.

        Raises:
            MasterDown, Refused, TargetError: it was not published.
        """
        return self.control.run(**self._fields(tgt, fun, arg, tgt_type, ret, jid, timeout, kwargs))

    def cmd(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        jid: str = "",
        full_return: bool = False,
        kwarg: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Runs a function on minions and returns all results at once.

        Args:
            tgt: whom it is for, read as `tgt_type` says (glob, pcre, list, grain, grain_pcre, pillar, pillar_pcre,
                nodegroup, compound, ipcidr).
            fun: `module.function`, or a list of them.
            arg: its arguments; for several functions a list of lists.
            timeout: seconds after which silent minions are asked whether they still work on it.
            tgt_type: see `tgt`.
            ret: returners that the minions run, comma separated.
            jid: the job's id; one is made if it is not given.
            full_return: return `{"ret", "retcode", "jid", ...}` of each minion instead of the result alone.
            kwarg: keyword arguments of the function.
            kwargs: `metadata`, `gather_job_timeout`, `delimiter`, `module_executors`, ...

        Returns:
            minion id -> result; False for minions that did not return.
        """
        results: Answer = {}
        with self.start(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, timeout, jid, **kwargs) as following:
            for item in following:
                if isinstance(item, Return):
                    results[item.id] = answer_of(item) if full_return else item.value
            return {**results, **{name: False for name in following.minions if name not in results}}

    def cmd_full_return(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        verbose: bool = False,
        kwarg: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Answer:
        """Like `cmd`, but returns `{"ret", "retcode", "jid", "success", ...}` of each minion that returned."""
        results: Answer = {}
        with self.start(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, timeout, **kwargs) as following:
            for item in following:
                if isinstance(item, Return):
                    results[item.id] = {**answer_of(item), "success": item.success}
        return results

    def cmd_cli(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        verbose: bool = False,
        kwarg: Mapping[str, Any] | None = None,
        progress: bool = False,
        **kwargs: Any,
    ) -> Iterator[Answer]:
        """Yields the answer of each minion as it comes, and what became of those that did not return."""
        with self.start(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, timeout, **kwargs) as following:
            if not following.jid:
                yield {}
            for item in following:
                yield {item.id: answer_of(item)}

    def cmd_iter(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> Iterator[Answer]:
        """Yields `{id: {"ret": ..., "retcode": ..., "jid": ...}}` of each minion as it comes.

        Args:
            kwargs: those of `cmd`; with `expect_minions=True` also `{id: {"failed": True}}` for minions that did not
                return, with `yield_pub_data=True` first of all what `run_job` returns, with `raw=True` events instead.
        """
        with self.start(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, timeout, **kwargs) as following:
            if not following.jid:
                yield {}
            elif kwargs.get("yield_pub_data"):
                yield {"jid": following.jid, "minions": list(following.minions)}
            yield from self._watched(following, kwargs)

    def cmd_iter_no_block(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        timeout: float | None = None,
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: Mapping[str, Any] | None = None,
        show_jid: bool = False,
        verbose: bool = False,
        **kwargs: Any,
    ) -> Iterator[Answer | None]:
        """Like `cmd_iter`, but yields None whenever nothing came for a while, so that other things can be done."""
        with self.start(tgt, fun, condense(arg, kwarg or {}), tgt_type, ret, timeout, **kwargs) as following:
            if not following.jid:
                yield {}
            yield from self._polled(following, kwargs)

    def cmd_batch(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: Mapping[str, Any] | None = None,
        batch: str | int = "10%",
        **kwargs: Any,
    ) -> Iterator[Answer]:
        """Runs a function on some of the minions at a time; yields `{id: result}` of each, `{id: {}}` for no answer.

        Args:
            batch: how many at a time, a number or a percentage.
            kwargs: those of `cmd`, `batch_wait` (seconds) and `failhard`; with `raw=True` events are yielded.
        """
        from master.batch import Batch, Begun, size_of

        up, _ = self.responsive(tgt, tgt_type, **kwargs)
        args = condense(arg, kwarg or {})
        running = Batch(
            up,
            size_of(batch, len(up)),
            lambda chosen: self.start(chosen, fun, args, "list", ret, **kwargs),
            float(kwargs.get("batch_wait") or 0),
            bool(kwargs.get("failhard", self.opts.get("failhard", False))),
        )
        for item in running:
            if isinstance(item, Begun):
                continue
            if kwargs.get("raw") and isinstance(item, Return):
                yield _event(item)
            else:
                yield {item.id: item.value if isinstance(item, Return) else {}}

    def cmd_subset(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any] = (),
        tgt_type: str = "glob",
        ret: str = "",
        kwarg: Mapping[str, Any] | None = None,
        subset: int = 3,
        cli: bool = False,
        progress: bool = False,
        full_return: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Runs a function on some minions of the target, chosen at random among those that have it.

        Args:
            subset: how many.
            cli: return what `cmd_cli` does instead of what `cmd` does.
        """
        chosen = self.choose(tgt, fun, tgt_type, int(kwargs.pop("sub", subset)), **kwargs)
        if cli:
            return self.cmd_cli(chosen, fun, arg, tgt_type="list", ret=ret, kwarg=kwarg, **kwargs)
        return self.cmd(chosen, fun, arg, tgt_type="list", ret=ret, kwarg=kwarg, full_return=full_return, **kwargs)

    def choose(self, tgt: Any, fun: str | Sequence[str], tgt_type: str, count: int, **kwargs: Any) -> list[str]:
        """Minions of a target, at random, that answer and have a function (or all of several)."""
        wanted = {fun} if isinstance(fun, str) else set(fun)
        functions = self.cmd(tgt, "sys.list_functions", tgt_type=tgt_type, **kwargs)
        able = [name for name, known in functions.items() if isinstance(known, list) and wanted <= set(known)]
        return random.sample(able, min(count, len(able)))

    def responsive(self, tgt: Any, tgt_type: str = "glob", **kwargs: Any) -> tuple[list[str], list[Verdict]]:
        """Who of a target answers to `test.ping`, in the order of the answers; and what became of the others."""
        up, down = [], []
        asked = {
            name: value for name, value in kwargs.items() if name in ("timeout", "gather_job_timeout", "delimiter")
        }
        with self.start(tgt, "test.ping", (), tgt_type, **asked) as following:
            for item in following:
                if isinstance(item, Return):
                    up.append(item.id)
                else:
                    down.append(item)
        return up, down

    # ------------------------------------------- results of a published job

    def get_cache_returns(self, jid: str) -> Answer:
        """What has been returned so far: minion id -> `{"ret": ..., "out": ...}`, from the job store."""
        from master.jobstore import SQLiteJobStore

        store = SQLiteJobStore(os.path.join(self.opts["cachedir"], "jobs", "jobs.db"))
        try:
            return {returned.id: _plain(returned) for returned in store.returns(jid)}
        finally:
            store.close()

    def get_full_returns(self, jid: str, minions: Collection[str], timeout: float | None = None) -> Answer:
        """Waits for these minions; minion id -> `{"ret": ..., "out": ...}` of all that returned."""
        return {item.id: _plain(item) for item in self._awaited(jid, minions, timeout)}

    def get_returns(self, jid: str, minions: Collection[str], timeout: float | None = None) -> Answer:
        """Waits for these minions; minion id -> result of all that returned."""
        return {item.id: item.value for item in self._awaited(jid, minions, timeout)}

    def get_cli_returns(
        self,
        jid: str,
        minions: Collection[str],
        timeout: float | None = None,
        tgt: str = "*",
        tgt_type: str = "glob",
        verbose: bool = False,
        show_jid: bool = False,
        **kwargs: Any,
    ) -> Iterator[Answer]:
        """Yields `{id: {"ret": ..., "out": ...}}` of these minions, those first that have returned already."""
        return self.get_event_iter_returns(jid, minions, timeout)

    def get_event_iter_returns(
        self, jid: str, minions: Collection[str], timeout: float | None = None
    ) -> Iterator[Answer]:
        """Yields `{id: {"ret": ..., "out": ...}}` of these minions as they return."""
        for item in self._awaited(jid, minions, timeout):
            yield {item.id: _plain(item)}

    def get_iter_returns(
        self,
        jid: str,
        minions: Collection[str],
        timeout: float | None = None,
        tgt: str = "*",
        tgt_type: str = "glob",
        expect_minions: bool = False,
        block: bool = True,
        **kwargs: Any,
    ) -> Iterator[Answer | None]:
        """Yields what `cmd_iter` yields (with `block=False`: what `cmd_iter_no_block` yields) of a published job."""
        gather = kwargs.get("gather_job_timeout")
        with self.control.follow(jid, self._timeout(timeout), gather) as following:
            wanted = {**kwargs, "expect_minions": expect_minions, "only": set(_listed(minions))}
            yield from self._watched(following, wanted) if block else self._polled(following, wanted)

    # -------------------------------------------------------------- inside

    def _fields(
        self,
        tgt: str | Sequence[str],
        fun: str | Sequence[str],
        arg: Sequence[Any],
        tgt_type: str,
        ret: str,
        jid: str,
        timeout: Any,
        kwargs: Mapping[str, Any],
    ) -> Answer:
        gather = kwargs.get("gather_job_timeout")
        return {
            "tgt": tgt if isinstance(tgt, str) else list(tgt),
            "tgt_type": kwargs.get("expr_form", tgt_type),
            "fun": fun if isinstance(fun, str) else list(fun),
            "arg": list(arg),
            "ret": ret,
            "jid": jid,
            "user": operator_name(),
            "delimiter": kwargs.get("delimiter"),
            "timeout": self._timeout(timeout),
            "gather_job_timeout": float(gather if gather is not None else self.opts.get("gather_job_timeout", 10)),
            "options": {name: kwargs[name] for name in _OPTIONS if kwargs.get(name) is not None},
        }

    def _timeout(self, timeout: Any) -> float:
        try:
            return float(timeout)
        except (TypeError, ValueError):
            return float(self.opts.get("timeout", 5))

    def _watched(self, following: Following, wanted: Mapping[str, Any]) -> Iterator[Answer]:
        for item in following:
            yield from _yielded(item, wanted)

    def _polled(self, following: Following, wanted: Mapping[str, Any]) -> Iterator[Answer | None]:
        while True:
            try:
                item = following.next(0.05)
            except TimeoutError:
                yield None
                continue
            if item is None:
                return
            yield from _yielded(item, wanted)

    def _awaited(self, jid: str, minions: Collection[str], timeout: float | None) -> Iterator[Return]:
        missing = set(_listed(minions))
        with self.control.follow(jid, self._timeout(timeout)) as following:
            for item in following:
                if item.id in missing and isinstance(item, Return):
                    yield item
                missing.discard(item.id)
                if not missing:
                    return


def answer_of(item: Return | Verdict) -> Answer:
    """What clients yield for one minion; without a return it says what became of it."""
    if isinstance(item, Verdict):
        return {"out": "no_return", "ret": item.text, "retcode": 1, "state": item.state}
    made = {"ret": item.value, "retcode": item.retcode, "jid": item.jid}
    return {**made, "out": item.out} if item.out else made


def operator_name() -> str:
    """The user who asks; for root by way of sudo, who that is."""
    sudo = os.environ.get("SUDO_USER", "")
    if os.geteuid() == 0:
        return f"sudo_{sudo}" if sudo and sudo != "root" else "root"
    import pwd

    return pwd.getpwuid(os.geteuid()).pw_name


def _plain(item: Return) -> Answer:
    return {"ret": item.value, "out": item.out} if item.out else {"ret": item.value}


def _event(item: Return) -> Answer:
    return {"tag": f"salt/job/{item.jid}/ret/{item.id}", "data": item.to_wire()}


def _yielded(item: Return | Verdict, wanted: Mapping[str, Any]) -> Iterator[Answer]:
    if "only" in wanted and item.id not in wanted["only"]:
        return
    if isinstance(item, Return):
        yield _event(item) if wanted.get("raw") else {item.id: answer_of(item)}
    elif wanted.get("expect_minions"):
        yield {item.id: {"failed": True}}


def _listed(minions: Collection[str] | str) -> list[str]:
    return [minions] if isinstance(minions, str) else list(minions)
