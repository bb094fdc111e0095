"""Calls chunks in their order, each as what became of its requisites allows."""

from __future__ import annotations

import logging
from typing import Any, Dict, Optional, Set

from minion.state.caller import Caller, Stopwatch
from minion.state.graph import RequisiteGraph
from minion.state.listen import listeners
from minion.state.low import LowCompiler
from minion.state.pauses import Pauses
from minion.state.session import Session
from minion.state.tags import Chunks, Low, Result, Running, tag_of
from minion.state.verdicts import Requisites, Verdict, judge, status_of

log = logging.getLogger(__name__)

_MAX_DEPTH = 20
_NOT_RUN = {
    "skip_req": "State was not run because requisites were skipped by another state",
    "pre": "No changes detected",
    "onfail": "State was not run because onfail req did not change",
    "onchanges": "State was not run because none of the onchanges reqs changed",
}


class StopRun(Exception):
    """A state with `failhard` failed, or the run was killed: nothing more is called."""


class Runner:
    """Runs the chunks of one state run.

    Args:
        session: what the run works with.
        compiler: knows the chunks' requisites.
        pauses: tells what the user wants held or killed.
    """

    def __init__(self, session: Session, compiler: LowCompiler, pauses: Optional[Pauses] = None) -> None:
        self._session, self._compiler, self._pauses = session, compiler, pauses
        self._caller = Caller(session, first_number=len(compiler.disabled))
        self._parallel = self._caller.parallel
        self._tested: Running = {}  # test runs for `prereq`
        self._chunks: Chunks = []

    @property
    def _graph(self) -> RequisiteGraph:
        return self._compiler.graph

    def run(self, chunks: Chunks) -> Running:
        """The results of all chunks, and of those that listen to them."""
        results = {**self._compiler.disabled, **self._run_chunks(chunks)}
        results.update(self._run_listeners(chunks, results))
        results.update(self._run_beacons(chunks))
        return results

    def run_one(self, low: Low, chunks: Chunks) -> Running:
        """The results of one chunk and of what it requires."""
        running: Running = {}
        self._chunks = chunks
        try:
            if self._call_chunk(low, running):
                self._parallel.wait(running)
                self._call_chunk(low, running)
            self._parallel.wait(running)
        except StopRun:
            self._parallel.wait(running)
        return running

    def _run_chunks(self, chunks: Chunks) -> Running:
        running: Running = {}
        pending: Dict[str, Low] = {}
        self._chunks = chunks
        try:
            for low in chunks:
                pending = self._call_pending(pending, running)
                self._parallel.collect(running)
                tag = tag_of(low)
                if tag in running:
                    continue
                if self._pauses is not None and self._pauses.wait_for(low["__id__"]) == "kill":
                    break
                if self._call_chunk(low, running):
                    pending[tag] = low
                self._check_failhard(low, running)
            while pending:
                self._parallel.wait_for_any()
                self._parallel.collect(running)
                pending = self._call_pending(pending, running)
        except StopRun:
            pass
        self._parallel.wait(running)
        return running

    def _call_pending(self, pending: Dict[str, Low], running: Running) -> Dict[str, Low]:
        """Calls those that waited for parallel states; the ones that still wait."""
        still: Dict[str, Low] = {}
        for tag, low in pending.items():
            if tag not in running:
                if self._call_chunk(low, running):
                    still[tag] = low
                self._check_failhard(low, running)
        return still

    def _check_failhard(self, low: Low, running: Running) -> None:
        if self._session.opts.get("test") or not low.get("failhard", self._session.opts.get("failhard")):
            return
        result = running.get(tag_of(low))
        if result is not None and result["result"] is False:
            raise StopRun

    # one chunk

    def _call_chunk(self, low: Low, running: Running, depth: int = 0) -> bool:
        """Calls a chunk if its requisites allow it; True if it has to wait for a parallel state."""
        low = self._aggregated(low, running)
        self._caller.initialise(low)
        verdict = self._judge(low, running)
        if verdict.status == "unmet":
            return self._call_unmet(low, running, depth)
        if verdict.status == "pending":
            return True
        tag = tag_of(low)
        if verdict.status == "fail":
            self._fail(low, verdict.requisites, running)
        elif verdict.status in _NOT_RUN:
            self._skip(low, True, _NOT_RUN[verdict.status], running)
        elif low.get("__prereq__"):
            self._tested[tag] = self._caller.call(low, self._chunks, running)
        elif verdict.status == "change":
            running[tag] = self._call_watching(low, verdict.requisites, running)
        else:
            running[tag] = self._caller.call(low, self._chunks, running)
            if verdict.status == "skip_watch":
                running[tag]["comment"] += " mod_watch was not run because requisites were skipped by another state"
        if tag in running:
            self._report(low, running)
        return False

    def _aggregated(self, low: Low, running: Running) -> Low:
        if low.get("__agg__"):
            return low
        group = self._graph.group_of(low)
        if group:
            low["__agg__"] = True
            aggregated: Low = self._session.states[f"{low['state']}.mod_aggregate"](low, group, running)
            return aggregated
        return low

    def _call_watching(self, low: Low, requisites: Requisites, running: Running) -> Result:
        """Something that is watched has changed: if the state itself has nothing to do, its `mod_watch` is called."""
        result = self._caller.call(low, self._chunks, running)
        if result["changes"] or result.get("skip_watch"):
            return result
        watching = {**low, "sfun": low["fun"], "fun": "mod_watch", "__reqs__": requisites}
        return self._caller.call(watching, self._chunks, running)

    def _call_unmet(self, low: Low, running: Running, depth: int) -> bool:
        """Calls what a chunk requires first, then the chunk."""
        for dependency in list(self._graph.dependencies(low)):
            if tag_of(dependency.chunk) not in running:
                if self._call_chunk(dependency.chunk, running):
                    return True
                self._check_failhard(dependency.chunk, running)
        if low.get("__prereq__"):
            self._test_run(low, running)
            return False
        if depth + 1 >= _MAX_DEPTH:
            log.error("Recursive requisite found")
            running[tag_of(low)] = self._noted(
                low, {"changes": {}, "result": False, "comment": "Recursive requisite found"}
            )
            return False
        waits = self._call_chunk(low, running, depth + 1)
        self._check_failhard(low, running)
        return waits

    def _test_run(self, low: Low, running: Running) -> None:
        """Finds out whether a chunk would change something, for those that run before it if it does."""
        tag, status = tag_of(low), self._judge(low, running).status
        if status == "pre":
            self._tested[tag] = self._not_run(low, True, _NOT_RUN["pre"])
            return
        result = self._tested[tag] = self._caller.call(low, self._chunks, running)
        if not result["changes"] and status == "change":
            result.update(changes={"watch": "watch"}, result=None)

    def _fail(self, low: Low, requisites: Requisites, running: Running) -> None:
        tag = tag_of(low)
        if tag in self._tested:  # what failed is its own test run
            result = self._tested[tag]
            result["changes"] = {}
            running[tag] = self._noted(low, result)
            return
        failed: Dict[str, None] = {}
        for chunk in (chunk for chunks in requisites.values() for chunk in chunks):
            outcome = self._tested.get(tag_of(chunk), running.get(tag_of(chunk)))
            if outcome is not None and outcome["result"] is False:
                failed[f"{chunk.get('__sls__')}.{chunk['__id__']}"] = None
        self._skip(low, False, f"One or more requisite failed: {', '.join(failed)}", running)

    def _skip(self, low: Low, result: bool, comment: str, running: Running) -> None:
        outcome = running[tag_of(low)] = self._not_run(low, result, comment)
        if low.get("__prereq__"):
            self._tested[tag_of(low)] = outcome

    def _not_run(self, low: Low, result: bool, comment: str) -> Result:
        times = Stopwatch().times()
        return self._noted(low, {"changes": {}, "result": result, **times, "comment": comment, "__state_ran__": False})

    def _noted(self, low: Low, result: Result) -> Result:
        result["__run_num__"] = self._caller.number()
        result.update((key, low.get(key)) for key in ("__sls__", "__id__", "name"))
        return result

    def _report(self, low: Low, running: Running) -> None:
        """Fires the events of a finished chunk, and unfolds the results that it brings for others."""
        result = running[tag_of(low)]
        self._fire(low, result)
        for part in result.pop("sub_state_run", ()):
            times = Stopwatch().times()
            running[tag_of(part["low"])] = {
                "name": part["low"]["name"],
                "changes": part["changes"],
                "result": part["result"],
                "duration": part.get("duration", times["duration"]),
                "start_time": part.get("start_time", times["start_time"]),
                "comment": part.get("comment", ""),
                "__state_ran__": True,
                "__run_num__": self._caller.number(),
                "__sls__": low.get("__sls__"),
                "__id__": low.get("__id__"),
            }

    def _fire(self, low: Low, result: Result) -> None:
        opts, wanted = self._session.opts, low.get("fire_event", False)
        if opts.get("local") or not (opts.get("state_events") or wanted):
            return
        data: Dict[str, Any] = {"ret": result}
        if wanted:
            name = result["name"] if wanted is True else wanted
            tag = f"salt/state_result/{self._session.jid}/{opts['id']}/{name}"
        else:
            tag = f"salt/job/{self._session.jid}/prog/{opts['id']}/{result['__run_num__']}"
            data["len"] = len(self._chunks)
        self._session.fire(tag, data)

    # requisites

    def _judge(self, low: Low, running: Running) -> Verdict:
        """What became of a chunk's requisites."""
        requisites: Requisites = {}
        for kind, chunk in self._graph.dependencies(low):
            requisites.setdefault(kind, []).append(chunk)
        stats: Set[str] = set()
        pending = False
        for kind, chunks in requisites.items():
            outcomes = self._tested if kind == "prereq" else running
            pending = pending or self._wait_for(low, chunks, outcomes)
            stats |= judge(kind, [outcomes.get(tag_of(chunk)) for chunk in chunks])
        status = status_of(stats)
        return Verdict("pending" if pending and status != "unmet" else status, requisites)

    def _wait_for(self, low: Low, chunks: Chunks, outcomes: Running) -> bool:
        """Waits for those that run in parallel; a chunk that is to be parallel itself does not wait: True then."""
        if not self._parallel:
            return False
        self._parallel.collect(outcomes)
        tags = [tag_of(chunk) for chunk in chunks if tag_of(chunk) in outcomes]
        if not any(self._parallel.knows(tag) for tag in tags):
            return False
        if low.get("parallel"):
            return True
        self._parallel.wait(outcomes, tags)
        return False

    # listen

    def _run_listeners(self, chunks: Chunks, results: Running) -> Running:
        """Calls `mod_watch` of the states that listen to others which have changed something."""
        watching, errors = listeners(chunks, results)
        for low in watching:
            self._compiler.graph.add_chunk(low)
        running = self._run_chunks(watching)
        for result in errors.values():
            result["__run_num__"] = self._caller.number()
        return {**running, **errors}

    def _run_beacons(self, chunks: Chunks) -> Running:
        """Calls `mod_beacon` of the states that ask for a beacon."""
        beacons = [
            {**chunk, "sfun": chunk["fun"], "fun": "mod_beacon", "__id__": f"beacon_{chunk['__id__']}"}
            for chunk in chunks
            if "beacon" in chunk
        ]
        for low in beacons:
            self._compiler.graph.add_chunk(low)
        return self._run_chunks(beacons)
