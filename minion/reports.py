"""Who is told about a job beside the one who asked for it: the master's event bus meanwhile, returners at its end."""

from __future__ import annotations

import logging
from typing import Any, List, Mapping

from minion.errors import MinionError
from minion.runtime import Runtime
from transports.messages import Job, Return

log = logging.getLogger(__name__)


class Reporter:
    """Tells the master about a job that goes on. What can't be told is not worth failing for."""

    def __init__(self, job: Job, runtime: Runtime) -> None:
        self._job, self._runtime = job, runtime

    def started(self) -> None:
        """The job begins."""
        data = {
            "id": self._id,
            "jid": self._job.jid,
            **{key: self._job.to_wire().get(key) for key in ("fun", "tgt", "tgt_type", "user")},
            **{key: self._job.options[key] for key in ("master_id", "metadata") if key in self._job.options},
        }
        self._fire(f"salt/job/{self._job.jid}/start/{self._id}", data)

    def progress(self, number: int, item: Any) -> None:
        """A generator function yielded something."""
        self._fire(f"salt/job/{self._job.jid}/prog/{self._id}/{number}", {"return": item})

    @property
    def _id(self) -> str:
        return str(self._runtime.opts["id"])

    def _fire(self, tag: str, data: Mapping[str, Any]) -> None:
        try:
            self._runtime.master.request("_minion_event", tag=tag, data=data, pretag=None)
        except MinionError as exc:
            log.warning("The event %s can't be sent: %s", tag, exc)


def call_returners(job: Job, result: Return, runtime: Runtime) -> None:
    """Hands the return to the returners that the job and the configuration (`return`) name."""
    load = {**result.to_wire(), **{key: job.options[key] for key in ("ret_config", "ret_kwargs") if key in job.options}}
    for name in returner_names(job.ret, runtime.opts.get("return")):
        try:
            returner = runtime.loaders.returners[f"{name}.returner"]
        except KeyError:
            why = runtime.loaders.returners.why_missing(f"{name}.returner")
            log.error("Returner %s could not be loaded: %s", name, why)
            continue
        try:
            returner(load)
        except Exception:
            log.exception("The returner %s failed for job %s", name, job.jid)


def returner_names(*lists: Any) -> List[str]:
    """The names in some comma separated texts or lists, each once."""
    words: List[str] = []
    for names in lists:
        words += names.split(",") if isinstance(names, str) else map(str, names or ())
    return list(dict.fromkeys(filter(None, map(str.strip, words))))
