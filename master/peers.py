"""Peer publishing: jobs and runners that minions start, as far as `peer` and `peer_run` allow it.

Where a master runs, a peer's job goes through the control socket like any operator's, so that there is one way in which
jobs are made; salt-ssh makes it itself.
"""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Protocol

from master.control_client import ControlClient
from master.errors import MasterError
from master.jobstore import JobStore
from master.targets import asks_for_pillar
from transports import names
from transports.errors import NameRefused

log = logging.getLogger(__name__)

_TARGETS = {"glob", "list", "grain", "pillar_exact", "pcre", "compound", "grain_pcre", "ipcidr", "nodegroup"}
_NEVER = ("publish.", "saltutil.runner", "saltutil.wheel")
_MAX_WAIT = 60.0


class Jobs(Protocol):
    """Makes the jobs; whether they are allowed was seen to before."""

    def start(self, minion_id: str, fun: str | list[str], arg: list[Any], load: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a job for a minion; `{"jid", "minions"}`. Raises `MasterError` if that can't be done."""
        ...

    def wait(self, jid: str, timeout: float) -> None:
        """Returns when all answers are stored, or those that are missing will not come soon."""
        ...


class MasterJobs:
    """Makes jobs like any operator.

    Args:
        sock_dir: where the control socket is.
    """

    def __init__(self, sock_dir: str) -> None:
        self._control = ControlClient(sock_dir)

    def start(self, minion_id: str, fun: str | list[str], arg: list[Any], load: Mapping[str, Any]) -> dict[str, Any]:
        """See `Jobs`."""
        fields = {name: load[name] for name in ("tgt", "tgt_type", "ret")}
        return self._control.ask("run", fun=fun, arg=arg, publisher=minion_id, **fields)

    def wait(self, jid: str, timeout: float) -> None:
        """See `Jobs`."""
        for _ in self._control.follow(jid, timeout, timeout):
            pass  # each return is stored before it is told of here


class MasterPeers:
    """Jobs and runners on behalf of minions.

    Args:
        jobs: makes the jobs.
        store: where returns are kept.
        peer: id pattern -> function patterns, or -> list of `{target: function patterns}`.
        peer_run: id pattern -> runner patterns.
        conf_file: the master's configuration, for runners.
    """

    def __init__(
        self, jobs: Jobs, store: JobStore, peer: Mapping[str, Any], peer_run: Mapping[str, Any], conf_file: str
    ) -> None:
        self._jobs, self._store = jobs, store
        self._peer, self._peer_run = peer, peer_run
        self._conf_file = conf_file

    def publish(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a job for a minion: `{"jid", "minions"}`, or `{}` if it may not."""
        functions = self._allowed_functions(minion_id, load)
        if not functions:
            return {}
        fun = functions[0] if len(functions) == 1 else functions
        try:
            reply = self._jobs.start(minion_id, fun, _arguments(load["arg"], len(functions)), load)
        except MasterError as exc:
            log.warning("the job of minion %s was not published: %s", minion_id, exc)
            return {}
        return {"jid": reply["jid"], "minions": reply["minions"]} if reply.get("jid") else {}

    def publish_and_wait(self, minion_id: str, load: Mapping[str, Any]) -> dict[str, Any]:
        """Starts a job for a minion and waits for the answers, at most `tmo` seconds beyond the last one."""
        started = self.publish(minion_id, load)
        if not started:
            return {}
        timeout = min(float(load["tmo"]), _MAX_WAIT)
        self._jobs.wait(started["jid"], timeout)
        answers = self._returns(started["jid"])
        if load["form"] == "full":
            return {**answers, "__jid__": started["jid"]}
        return {name: answer["ret"] for name, answer in answers.items()}

    def returns(self, minion_id: str, jid: str) -> dict[str, Any]:
        """The answers so far to a job that this minion started."""
        record = self._store.job(jid)
        return self._returns(jid) if record is not None and record.job.publisher == minion_id else {}

    def _returns(self, jid: str) -> dict[str, Any]:
        answers = {}
        for returned in self._store.returns(jid):
            answers[returned.id] = {"ret": returned.value, **({"out": returned.out} if returned.out else {})}
        return answers

    def _allowed_functions(self, minion_id: str, load: Mapping[str, Any]) -> list[str]:
        """The functions of a load, if this minion may publish all of them in this way; else none."""
        named = load["fun"] if isinstance(load["fun"], list) else str(load["fun"]).split(",")
        try:
            functions = [names.function(str(name).strip()) for name in named]
        except NameRefused:
            return []
        fine = (
            load["tgt_type"] in _TARGETS
            and not (load["tgt_type"] == "compound" and asks_for_pillar(load["tgt"]))
            and not load["ret"]
            and not _names_meta(load["arg"])
            and not any(name.startswith(_NEVER) for name in functions)
            and all(_permits(self._peer, minion_id, name, load["tgt"]) for name in functions)
        )
        if not fine:
            log.warning("minion %s may not publish %s", minion_id, ", ".join(functions)[:200])
        return functions if fine else []

    def runner(self, minion_id: str, load: Mapping[str, Any]) -> Any:
        """Runs a runner in a process of its own; `{}` if the minion may not."""
        if not _permits(self._peer_run, minion_id, load["fun"], None):
            log.warning("minion %s may not run %s", minion_id, load["fun"])
            return {}
        # -P: no module comes from the current directory; --: no argument is an option
        command = [sys.executable, "-P", "-m", "master.cli.run", "-c", os.path.dirname(self._conf_file), "--out=json"]
        command += ["--", load["fun"], *(str(item) for item in load["arg"])]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=load["tmo"] or _MAX_WAIT, check=False
        )
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {}


def _permits(rules: Mapping[str, Any], minion_id: str, function: str, tgt: Any) -> bool:
    for pattern, allowed in rules.items():
        if not _full_match(str(pattern), minion_id):
            continue
        for rule in allowed if isinstance(allowed, list) else [allowed]:
            if isinstance(rule, str) and _full_match(rule, function):
                return True
            if isinstance(rule, dict) and any(
                isinstance(tgt, str) and _full_match(str(where), tgt) and _any_matches(what, function)
                for where, what in rule.items()
            ):
                return True
    return False


def _any_matches(patterns: Any, text: str) -> bool:
    return any(_full_match(str(p), text) for p in (patterns if isinstance(patterns, list) else [patterns]))


def _full_match(pattern: str, text: str) -> bool:
    try:
        return pattern == "*" or re.fullmatch(pattern, text) is not None
    except re.error:
        return False


def _names_meta(arg: Any) -> bool:
    """Whether arguments carry keyword maps with more in them than keywords."""
    items = arg if isinstance(arg, list) else [arg]
    meta = ("module_executors", "executor_opts", "metadata", "__pub_")
    return any(
        (isinstance(item, dict) and any(str(key).startswith(meta) for key in item))
        or (isinstance(item, list) and _names_meta(item))
        for item in items
    )


def _arguments(arg: Any, functions: int) -> list[Any]:
    items = list(arg) if isinstance(arg, (list, tuple)) else [arg] if arg not in (None, "") else []
    if functions == 1:
        return items
    return [item if isinstance(item, list) else [item] for item in items]
