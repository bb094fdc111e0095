"""From high data to low chunks, in the order in which they run."""

from __future__ import annotations

import copy
import fnmatch
from typing import Any, Container, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from minion.state.graph import RequisiteCycle, RequisiteGraph, highest_order
from minion.state.high import Errors, declared
from minion.state.tags import Chunks, High, Low, Running, tag_of

Aggregation = Union[bool, str, Sequence[str]]


class LowCompiler:
    """Makes chunks of high data.

    Args:
        functions: names of the available state functions.
        aggregate: the option `state_aggregate`: True, or the modules whose states may be combined.
        disabled_requisites: kinds of requisites that are ignored.
        disabled_functions: patterns of state functions that may not run.
    """

    def __init__(
        self,
        functions: Container[str],
        aggregate: Aggregation = False,
        disabled_requisites: Sequence[str] = (),
        disabled_functions: Sequence[str] = (),
    ) -> None:
        self._functions, self._aggregate = functions, aggregate
        self._disabled_requisites, self._disabled_functions = disabled_requisites, disabled_functions
        self.graph = RequisiteGraph()
        self.disabled: Running = {}

    def compile(self, high: High, extra: Dict[str, Any]) -> Tuple[Chunks, Errors]:
        """The chunks, or what is wrong with them.

        Args:
            high: well-formed high data.
            extra: put into each chunk.
        """
        self.graph, self.disabled = RequisiteGraph(), {}
        chunks: Chunks = []
        for state_id, body in high.items():
            if state_id.startswith("__"):
                continue
            for state, run in declared(body):
                for chunk in _chunks_of(state_id, body, state, run, extra):
                    if not self._is_disabled(chunk):
                        chunks.append(chunk)
                        self.add(chunk)
        return self.order(chunks)

    def add(self, chunk: Low) -> None:
        """Makes a chunk known."""
        self.graph.add_chunk(chunk, self._may_aggregate(chunk))

    def order(self, chunks: Chunks) -> Tuple[Chunks, Errors]:
        """Chunks in the order in which they run, or what is wrong with their requisites."""
        errors: Errors = []
        if not self.graph:
            for chunk in chunks:
                self.add(chunk)
        for chunk in chunks:
            self._watch_or_require(chunk)
            error = self.graph.add_requisites(chunk, self._disabled_requisites)
            if error:
                errors.append(error)
        try:
            return self.graph.ordered(highest_order(chunks)), errors
        except RequisiteCycle as exc:
            return [], [*errors, str(exc)]

    def _watch_or_require(self, chunk: Low) -> None:
        """A module without `mod_watch` has nothing to do when it watches; it requires instead."""
        for watch, require in (("watch", "require"), ("watch_any", "require_any")):
            if watch in chunk and f"{chunk['state']}.mod_watch" not in self._functions:
                chunk.setdefault(require, []).extend(chunk.pop(watch))

    def _may_aggregate(self, chunk: Low) -> bool:
        wanted = chunk.get("aggregate", self._aggregate)
        if wanted is not True and (isinstance(wanted, (str, bool)) or chunk["state"] not in (wanted or ())):
            return False
        return f"{chunk['state']}.mod_aggregate" in self._functions

    def _is_disabled(self, chunk: Low) -> bool:
        function = f"{chunk['state']}.{chunk['fun']}"
        for pattern in self._disabled_functions:
            if fnmatch.fnmatch(function, pattern):
                self.disabled[tag_of(chunk)] = {
                    "changes": {},
                    "result": False,
                    "comment": (
                        f'The state function "{function}" is currently disabled by "{pattern}", '
                        f"to re-enable, run state.enable {pattern}."
                    ),
                    "__run_num__": len(self.disabled),
                    "__sls__": chunk.get("__sls__"),
                }
                return True
        return False


def _chunks_of(state_id: str, body: Dict[str, Any], state: str, run: Iterable[Any], extra: Dict[str, Any]) -> Chunks:
    """One chunk, or one for each of `names`."""
    chunk: Low = {"state": state, "name": state_id, **extra}
    chunk.update((key, body[key]) for key in ("__sls__", "__env__", "__sls_included_from__") if key in body)
    chunk["__id__"] = state_id
    names: List[Any] = []
    function: Optional[str] = None
    for argument in run:
        if isinstance(argument, str):
            function = argument if function is None else function
        elif isinstance(argument, dict):
            for key, value in argument.items():
                if key == "names":
                    for name in value:
                        if name not in names:
                            names.append(name)
                elif key == "name":
                    chunk["name"] = value if isinstance(value, str) else state_id
                elif key != "state":
                    chunk[key] = value
    if function is None:
        return []
    if not names:
        return [{**copy.deepcopy(chunk), "fun": function}]
    return [
        {**_named(copy.deepcopy(chunk), name), "name_order": number, "fun": function}
        for number, name in enumerate(names, 1)
    ]


def _named(chunk: Low, entry: Any) -> Low:
    """The chunk under one of its `names`, with the arguments that belong to this name."""
    if not isinstance(entry, dict):
        chunk["name"] = entry
        return chunk
    name, arguments = next(iter(entry.items()))
    chunk["name"] = name
    for argument in copy.deepcopy(arguments):
        chunk.update(argument)
    return chunk
