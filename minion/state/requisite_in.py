"""Requisites that a state declares for others (`require_in`, ...), and arguments that states share (`use`)."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

from minion.state.high import Errors, declared, find_ids, ids_of_sls, reconcile_extend
from minion.state.tags import High

_IN = ("require_in", "watch_in", "onfail_in", "onchanges_in", "use", "use_in", "prereq_in")
_NOT_SHARED = {*_IN, "require", "watch", "prereq", "onfail", "onfail_stop", "onchanges", "name", "names"}

Extensions = Dict[str, Dict[str, Any]]


def apply_requisite_in(high: High, disabled: Sequence[str] = ()) -> Errors:
    """Adds to each state what others declare for it."""
    extensions: Extensions = {}
    errors: Errors = []
    for state_id, body in high.items():
        if isinstance(body, dict):
            for state, run in declared(body):
                for key, items in _requisites(run, disabled):
                    _Declaration(high, extensions, errors, state_id, body, state).read(key, items)
    high["__extend__"] = [{name: body} for name, body in extensions.items()]
    return errors + reconcile_extend(high, strict=True)


def _requisites(run: Any, disabled: Sequence[str]) -> Iterator[Tuple[str, Any]]:
    for argument in run:
        if isinstance(argument, dict) and argument:
            key = next(iter(argument))
            if key in _IN and key not in disabled:
                yield key, argument[key]


class _Declaration:
    """One state that declares something for others."""

    def __init__(
        self, high: High, extensions: Extensions, errors: Errors, state_id: str, body: Dict[str, Any], state: str
    ) -> None:
        self._high, self._extensions, self._errors = high, extensions, errors
        self._id, self._body, self._state = state_id, body, state

    def read(self, key: str, items: Any) -> None:
        """Reads the value of one `..._in` or `use`."""
        if isinstance(items, dict):
            for state, name in items.items():
                self._add(key.split("_")[0], name, self._without_dot(key, state, name))
        elif isinstance(items, list):
            targets: List[Tuple[str, str]] = []
            for item in items:
                found = item if isinstance(item, dict) else self._lookup(item)
                if not found:
                    continue
                state, name = next(iter(found.items()))
                self._without_dot(key, state, name)
                if state == "sls":
                    targets = ids_of_sls(name, self._high)
                else:
                    targets.append((name, state))
                self._apply(key, targets)

    def _apply(self, key: str, targets: List[Tuple[str, str]]) -> None:
        for name, state in targets:
            if key == "use_in":
                for target_id, target_state in find_ids(name, state, self._high, strict=True):
                    self._share((self._id, self._state), (target_id, target_state))
            elif key == "use":
                for source_id, source_state in find_ids(name, state, self._high, strict=True):
                    self._share((source_id, source_state), (self._id, self._state))
            else:
                self._add(key.split("_")[0], name, state)

    def _lookup(self, name: str) -> Dict[str, str]:
        """A bare name means an ID, or the `name` of a state."""
        if name in self._high:
            return {next(state for state, _ in declared(self._high[name])): name}
        found: Dict[str, str] = {}
        for state_id, body in self._high.items():
            if not isinstance(body, dict):
                continue
            for state, run in declared(body):
                if any(isinstance(argument, dict) and argument.get("name") == name for argument in run):
                    found = {state: state_id}
        return found

    def _without_dot(self, key: str, state: str, name: str) -> str:
        if "." not in state:
            return state
        short = state[: state.find(".")]
        self._errors.append(
            f"Invalid requisite in {key.split('_')[0]}: {state} for {name}, in SLS '{self._body.get('__sls__')}'. "
            f"Requisites must not contain dots, did you mean '{short}'?"
        )
        return short

    def _add(self, kind: str, name: str, state: str) -> None:
        """The state `name` of the module `state` gets a requisite on this one."""
        extension = self._extensions.setdefault(name, {})
        arguments: List[Any] = extension.setdefault(state, [])
        extension.update((key, self._body[key]) for key in ("__env__", "__sls__") if key in self._body)
        requisite = {self._state: self._id}
        for argument in arguments:
            if next(iter(argument)) == kind:
                argument[kind].append(requisite)
                return
        arguments.append({kind: [requisite]})

    def _share(self, source: Tuple[str, str], target: Tuple[str, str]) -> None:
        """The target gets those arguments of the source that it does not have itself."""
        target_id, target_state = target
        own: Set[Any] = {
            next(iter(argument))
            for argument in self._high.get(target_id, {}).get(target_state, ())
            if isinstance(argument, dict) and len(argument) == 1
        }
        shared = self._extensions.setdefault(target_id, {}).setdefault(target_state, [])
        for argument in self._high[source[0]][source[1]]:
            if isinstance(argument, dict) and len(argument) == 1 and next(iter(argument)) not in _NOT_SHARED | own:
                shared.append(argument)
