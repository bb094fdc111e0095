"""One call of a function on this host, for salt-call: set up, run, report to the master if there is one."""

from __future__ import annotations

import datetime
import logging
import os
from typing import Any, Dict, List, Mapping, Optional, Sequence

from minion import running
from minion.config import MinionSettings, find_id
from minion.errors import MinionError
from minion.executor import Outcome, as_return
from minion.reports import Reporter, call_returners
from minion.runtime import Master, Runtime
from transports.messages import Job, Return

log = logging.getLogger(__name__)


def options_of(settings: MinionSettings, **further: Any) -> Dict[str, Any]:
    """The options as modules see them, with the minion id.

    Args:
        settings: the configuration.
        further: what is set for this run.

    Raises:
        ConfigError: the id is not acceptable.
    """
    return {**settings.opts(), "id": find_id(settings), **further}


def is_local(opts: Mapping[str, Any]) -> bool:
    """Whether files and pillar come from this host."""
    alone = opts["file_client"] == "local" or opts["master_type"] == "disable"
    return bool(opts["local"] or alone) and not opts["use_master_when_local"]


def new_jid(now: Optional[datetime.datetime] = None) -> str:
    """A job id for what nobody asked for."""
    moment = now or datetime.datetime.now(datetime.timezone.utc)
    return moment.strftime("%Y%m%d%H%M%S%f")


class Caller:
    """Calls functions in this process.

    Args:
        opts: the minion's options.
        grains: facts about the host.
        master: answers requests; its pillar is fetched at once.
    """

    def __init__(self, opts: Dict[str, Any], grains: Dict[str, Any], master: Master) -> None:
        pillar = master.request(
            "_pillar",
            grains=grains,
            saltenv=opts.get("saltenv"),
            pillarenv=opts.get("pillarenv"),
            pillar_override={},
            ver="2",
        )
        self.runtime = Runtime(opts, grains, pillar if isinstance(pillar, dict) else {}, master)
        self._folder = running.folder_of(str(opts["cachedir"]))

    def call(
        self, fun: str, arg: Sequence[Any], metadata: Any = None, options: Optional[Dict[str, Any]] = None
    ) -> Call:
        """Calls one function; whatever it does, there is an outcome.

        Args:
            fun: its name.
            arg: its arguments in the form of a job.
            metadata: kept with the result.
            options: further fields of the job (`module_executors`, ...).
        """
        given = {**(options or {}), **({"metadata": metadata} if metadata is not None else {})}
        job = Job(jid=new_jid(), fun=(fun,), arg=(tuple(arg),), tgt="salt-call", options=given)
        known = {"fun": fun, "jid": job.jid, "pid": os.getpid(), "tgt": "salt-call", **given}
        path = self._announce(job)
        try:
            (outcome,) = self.runtime.executor(Reporter(job, self.runtime).progress).outcomes(job, known)
        finally:
            running.leave(path)
        return Call(job, outcome, as_return(job, self.runtime.opts["id"], [outcome]))

    def _announce(self, job: Job) -> str:
        try:
            return running.enter(
                self._folder, {"jid": job.jid, "fun": job.fun[0], "arg": job.arg[0], "tgt": "salt-call"}
            )
        except OSError as exc:
            log.error(
                "Cannot write to process directory. Do you have permissions to write to %s ? (%s)", self._folder, exc
            )
            return os.devnull + "/none"

    def report(self, call: Call) -> None:
        """Sends the result to the master, as one of a job that the master did not publish."""
        load = {**call.result.to_wire(), "jid": "req"}
        try:
            self.runtime.master.request("_return", **load)
        except MinionError as exc:
            log.warning("The result can't be sent to the master: %s", exc)

    def hand_to_returners(self, call: Call, names: str) -> None:
        """Gives the result to returners, comma separated."""
        job = Job(**{**vars(call.job), "ret": names})
        call_returners(job, call.result, self.runtime)

    def documentation(self, prefix: str) -> Dict[str, str]:
        """The documentation of the functions whose names begin so."""
        functions = self.runtime.loaders.modules
        return {name: functions[name].__doc__ or "" for name in functions if name.startswith(prefix)}


class Call:
    """A call that was made: the job, what came of it, and the return."""

    def __init__(self, job: Job, outcome: Outcome, result: Return) -> None:
        self.job, self.outcome, self.result = job, outcome, result


__all__: List[str] = ["Call", "Caller", "is_local", "new_jid", "options_of"]
