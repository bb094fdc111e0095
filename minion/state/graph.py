"""The order of chunks: a graph whose edges are requisites, sorted by them first and by `order` second.

A chunk that another one names in `prereq` is there twice: once as itself and once as a test run before the other.
"""

from __future__ import annotations

import fnmatch
import heapq
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from minion.state.tags import REQUISITE_KINDS, Chunks, Low, tag_of

_WEIGHT = {kind: weight for weight, kind in enumerate(REQUISITE_KINDS)}
_CHECKED = tuple(kind for kind in REQUISITE_KINDS if kind not in ("prerequired", "listen"))
_LAST = 1_000_000
_MAX_AGGREGATE = 500

_Edges = Dict[str, Dict[str, Dict[str, None]]]  # node -> node -> kinds, in the order in which they came


class RequisiteCycle(Exception):
    """States that require each other."""


class _Node:
    """A chunk, a test run of one, or a group of chunks that are run as one."""

    def __init__(self, chunk: Optional[Low], may_aggregate: bool = False) -> None:
        self.chunk = chunk
        self.may_aggregate = may_aggregate
        self.group: Optional[str] = None  # the node of the group that the chunk is in
        self.members: List[str] = []  # of a group
        self.least_child: Optional[float] = None


class Dependency(NamedTuple):
    """A chunk that another depends on."""

    kind: str
    chunk: Low


class RequisiteGraph:
    """All chunks of a run, and what they require of each other."""

    def __init__(self) -> None:
        self._nodes: Dict[str, _Node] = {}
        self._out: _Edges = {}
        self._in: _Edges = {}
        self._named: Dict[Tuple[str, str], Dict[str, None]] = {}  # (module or "id", ID or name) -> nodes
        self._of_sls: Dict[str, Dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def add_chunk(self, low: Low, may_aggregate: bool = False) -> None:
        """Adds a chunk; what it requires is added when all chunks are there."""
        tag = tag_of(low)
        known = self._nodes.get(tag)
        if known is None:
            self._nodes[tag] = _Node(low, may_aggregate)
        else:
            known.chunk, known.may_aggregate = low, may_aggregate
        for key in ("name", "__id__"):
            for kind in (low["state"], "id"):
                self._named.setdefault((kind, low[key]), {})[tag] = None
        for sls in (low.get("__sls__"), *low.get("__sls_included_from__", ())):
            if sls:
                self._of_sls.setdefault(sls, {})[tag] = None

    # requisites

    def add_requisites(self, low: Low, disabled: Sequence[str] = ()) -> str:
        """Adds what a chunk requires; the error if it requires something that does not exist, else ""."""
        for kind in _CHECKED:
            if not low.get(kind) or kind in disabled:
                continue
            for reference in low[kind]:
                error = self._add_requisite(low, kind, reference)
                if error:
                    return error
        return ""

    def _add_requisite(self, low: Low, kind: str, reference: Any) -> str:
        if isinstance(reference, str):
            reference = {"id": reference}
        key, value = next(iter(reference.items()))
        key = key.split(".", 1)[0]
        where = f"in state [{low['name']}] in SLS [{low.get('__sls__')}]"
        if value is None:
            return ""
        if not isinstance(value, str):
            return f"Requisite [{kind}: {key}] {where} must have a string as the value"
        targets = self._find(key, value)
        if targets is None:
            return f"Referenced state does not exist for requisite [{kind}: ({key}: {value})] {where}"
        for target in targets:
            self._require(tag_of(low), bool(low.get("__prereq__")), kind, target)
        return ""

    def _find(self, key: str, value: str) -> Optional[List[str]]:
        """The nodes that a requisite means; None if there are none. A pattern over SLS files may match none."""
        pattern = any(char in value for char in "*?[]")
        if key == "sls":
            if not pattern:
                return list(self._of_sls[value]) if value in self._of_sls else None
            return [tag for sls, tags in self._of_sls.items() if fnmatch.fnmatch(sls, value) for tag in tags]
        if not pattern:
            return list(self._named[key, value]) if (key, value) in self._named else None
        return [
            tag
            for (kind, name), tags in self._named.items()
            if kind == key and fnmatch.fnmatch(name, value)
            for tag in tags
        ] or None

    def _require(self, tag: str, is_tested: bool, kind: str, target: str) -> None:
        if kind == "prereq":
            self._add_prereq(tag, target)
            return
        if is_tested:
            self._add_edge(target, _test_run(tag), kind)
        self._add_edge(target, tag, kind)

    def _add_prereq(self, tag: str, target: str) -> None:
        """`tag` runs before `target`, if a test run of `target` says that it would change something."""
        declaring, tested = self._chunk(tag), self._chunk(target)
        declaring["__prerequiring__"] = True
        tested["__prereq__"] = True
        test_run = _test_run(target)
        if test_run not in self._nodes:
            self._nodes[test_run] = _Node(tested)
            for source, kinds in list(self._in.get(target, {}).items()):
                for kind in kinds:
                    if kind != "prereq":
                        self._add_edge(source, test_run, kind)
        self._add_edge(test_run, tag, "prereq")
        self._add_edge(tag, target, "require")
        if _test_run(tag) in self._nodes:  # a chain: the test run of the middle one needs the last one's
            self._add_edge(test_run, _test_run(tag), "prereq")

    def _add_edge(self, source: str, target: str, kind: str) -> None:
        self._out.setdefault(source, {}).setdefault(target, {})[kind] = None
        self._in.setdefault(target, {}).setdefault(source, {})[kind] = None

    def _chunk(self, tag: str) -> Low:
        chunk = self._nodes[tag].chunk
        assert chunk is not None
        return chunk

    def dependencies(self, low: Low) -> Iterator[Dependency]:
        """What a chunk, or its test run, depends on; the members of groups one by one."""
        tag = tag_of(low)
        for source, kinds in self._in.get(_test_run(tag) if low.get("__prereq__") else tag, {}).items():
            node = self._nodes[source]
            chunks = [self._chunk(member) for member in node.members] if node.chunk is None else [node.chunk]
            for kind in kinds:
                for chunk in chunks:
                    yield Dependency(kind, chunk)

    def group_of(self, low: Low) -> Chunks:
        """The chunks that may be run together with this one; none if it is alone."""
        node = self._nodes.get(tag_of(low))
        if node is None or node.group is None:
            return []
        return [self._chunk(member) for member in self._nodes[node.group].members]

    # order

    def ordered(self, cap: int) -> Chunks:
        """All chunks in the order in which they run; `cap` is the order of those that ask for none.

        Raises:
            RequisiteCycle: some require each other; says which.
        """
        groups: Dict[str, List[List[str]]] = {}
        order = []
        for tag in self._sorted(cap):
            order.append(tag)
            if self._nodes[tag].may_aggregate:
                self._join_group(tag, groups.setdefault(self._chunk(tag)["state"], []))
        return [self._chunk(tag) for tag in order]

    def _sorted(self, cap: int) -> List[str]:
        waiting = {tag: sum(map(len, self._in.get(tag, {}).values())) for tag in self._nodes}
        ready = [(self._sort_key(cap, tag), tag) for tag, count in waiting.items() if not count]
        heapq.heapify(ready)
        order: List[str] = []
        while ready:
            _, tag = heapq.heappop(ready)
            order.append(tag)
            for target, kinds in self._out.get(tag, {}).items():
                waiting[target] -= len(kinds)
                if not waiting[target]:
                    heapq.heappush(ready, (self._sort_key(cap, target), target))
        if len(order) < len(self._nodes):
            raise RequisiteCycle(f"Recursive requisites were found: {self._describe_cycle()}")
        return order

    def _sort_key(self, cap: int, tag: str) -> Tuple[Tuple[float, float], str]:
        """Orders a chunk by its `order`, or earlier if something that depends on it comes earlier."""
        node = self._nodes[tag]
        chunk = self._chunk(tag)
        order = _number_order(chunk, cap)
        name_order = chunk.pop("name_order", 0)
        if name_order:
            order += name_order / 10000.0
            chunk["order"] = order
        if order < 0:
            order += cap + _LAST
            chunk["order"] = order
        if node.least_child is None:
            node.least_child = self._least_order_of_dependents(cap, tag)
        return (min(order, node.least_child), chunk["order"]), f"{chunk['state']}{chunk['name']}{chunk['fun']}"

    def _least_order_of_dependents(self, cap: int, tag: str) -> float:
        heaviest, least = -1, float("inf")
        for target, kinds in self._out.get(tag, {}).items():
            for kind in kinds:
                if heaviest <= _WEIGHT[kind]:
                    heaviest = _WEIGHT[kind]
                    chunk = self._nodes[target].chunk
                    least = min(least, float("inf") if chunk is None else _number_order(chunk, cap))
        return least

    def _join_group(self, tag: str, groups: List[List[str]]) -> None:
        """Puts a chunk into the first group none of whose members it depends on."""
        for group in groups:
            first = self._nodes[group[0]]
            if len(group) >= _MAX_AGGREGATE or self._reaches(first.group or group[0], tag):
                continue
            if first.group is None:
                first.group = f"__aggregate_{self._chunk(tag)['state']}_{groups.index(group)}__"
                self._nodes[first.group] = _Node(None)
                self._copy_edges(group[0], first.group)
                self._nodes[first.group].members = group
            self._copy_edges(tag, first.group)
            self._nodes[tag].group = first.group
            group.append(tag)
            return
        groups.append([tag])

    def _copy_edges(self, source: str, target: str) -> None:
        for other, kinds in list(self._in.get(source, {}).items()):
            for kind in kinds:
                self._add_edge(other, target, kind)
        for other, kinds in list(self._out.get(source, {}).items()):
            for kind in kinds:
                self._add_edge(target, other, kind)

    def _reaches(self, source: str, target: str) -> bool:
        seen: Set[str] = set()
        waiting = [source]
        while waiting:
            tag = waiting.pop()
            if tag == target:
                return True
            if tag not in seen:
                seen.add(tag)
                waiting.extend(self._out.get(tag, {}))
        return False

    # cycles

    def _describe_cycle(self) -> str:
        parts = []
        for source, target, kind in self._find_cycle():
            chunk = self._chunk(target)
            kind = "prereq" if kind == "require" and kind not in chunk else kind
            parts.append(f"({_described(chunk)}, '{kind}', {_described(self._chunk(source))})")
        return ", ".join(parts)

    def _find_cycle(self) -> List[Tuple[str, str, str]]:
        """The edges of one cycle."""
        done: Set[str] = set()
        for start in self._nodes:
            path: Dict[str, Tuple[str, str]] = {}  # node -> how it was reached
            open_nodes: List[Tuple[str, Iterator[Tuple[str, str]]]] = []
            if start not in done:
                open_nodes.append((start, self._edges_of(start)))
            on_path = {start}
            while open_nodes:
                tag, edges = open_nodes[-1]
                edge = next(edges, None)
                if edge is None:
                    done.add(tag)
                    on_path.discard(tag)
                    open_nodes.pop()
                elif edge[0] in on_path:
                    return _walk_back(path, tag, edge)
                elif edge[0] not in done:
                    path[edge[0]] = (tag, edge[1])
                    on_path.add(edge[0])
                    open_nodes.append((edge[0], self._edges_of(edge[0])))
        return []

    def _edges_of(self, tag: str) -> Iterator[Tuple[str, str]]:
        return ((target, kind) for target, kinds in self._out.get(tag, {}).items() for kind in kinds)

    def to_dot(self) -> str:
        """The graph in the language of Graphviz."""
        lines = ["digraph G {"]
        for tag, node in self._nodes.items():
            if node.chunk is None:
                label = f'label="Aggregate {self._chunk(node.members[0])["state"]}", shape=box'
            else:
                label = f'label="{_dot_label(node.chunk)}"'
            lines.append(f'  "{tag}" [{label}];')
        for source in self._nodes:
            lines.extend(f'  "{source}" -> "{target}" [label="{kind}"];' for target, kind in self._edges_of(source))
        return "\n".join([*lines, "}"])


def _dot_label(chunk: Low) -> str:
    name = f"\\n({chunk['name']})" if chunk["name"] != chunk["__id__"] else ""
    return f"{chunk['state']}.{chunk['fun']}\\n{chunk['__id__']}{name}"


def _walk_back(path: Dict[str, Tuple[str, str]], tag: str, edge: Tuple[str, str]) -> List[Tuple[str, str, str]]:
    target, kind = edge
    cycle = [(tag, target, kind)]
    while tag != target:
        before, kind = path[tag]
        cycle.append((before, tag, kind))
        tag = before
    return list(reversed(cycle))


def _test_run(tag: str) -> str:
    return f"{tag}_|-__prereq_test__"


def _described(chunk: Low) -> str:
    described = {"SLS": chunk.get("__sls__"), "ID": chunk["__id__"]}
    if chunk["__id__"] != chunk["name"]:
        described["NAME"] = chunk["name"]
    return str(described)


def _number_order(chunk: Low, cap: int) -> float:
    """The chunk's `order` as a number, which is noted in it."""
    order = chunk.get("order")
    if not isinstance(order, (int, float)):
        order = {"last": cap + _LAST, "first": 0}.get(order if isinstance(order, str) else "", cap)
        chunk["order"] = order
    return order


def highest_order(chunks: Iterable[Low]) -> int:
    """The `cap` for chunks: above all explicit orders."""
    cap = 1
    for chunk in chunks:
        order = chunk.get("order")
        if isinstance(order, int) and order > cap - 1 and order > 0:
            cap = order + 100
    return cap
