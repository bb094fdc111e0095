"""The rewriting of state data that the stateconf renderer is made of."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from minion.errors import SaltRenderError

STATE = "stateconf.set"
START, GOAL = ".start", ".goal"

_REQUIRE = ("require", "watch", "listen", "onchanges", "onfail")
_REQUIRE_IN = tuple(f"{name}_in" for name in _REQUIRE)
_REQUISITES = (*_REQUIRE, *_REQUIRE_IN, "use", "use_in")
_NOT_IDS = ("include", "exclude", "extend")


class Settings(Dict[str, Any]):
    """Values of one `stateconf.set`; templates read them as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def module_of(state: str) -> str:
    """`pkg` of `pkg.installed`."""
    return state.partition(".")[0]


def absolute_sls(relative: str, sls: str) -> str:
    """`.x` seen from `a.b` is `a.x`."""
    dots, rest = re.match(r"^(\.+)(.*)$", relative).groups()  # type: ignore[union-attr]
    parts = sls.split(".")
    if len(dots) > len(parts):
        raise SaltRenderError("Attempted relative include goes beyond top level package")
    return ".".join([*parts[: -len(dots)], rest])


def absolute_id(state_id: str, sls: str) -> str:
    """`.x` in `a.b` is `a.b::x`; `..c::x` is `a.c::x` seen from it."""
    if "::" in state_id:
        return absolute_sls(state_id, sls)
    return "::".join(absolute_sls(state_id, f"{sls}.").rsplit(".", 1))


def states(data: Dict[str, Any], without: Iterable[str] = ("include", "exclude")) -> Iterator[Tuple[str, str, Any]]:
    """(ID, state, arguments) of all declarations; those to `extend` come as states of the ID `extend`."""
    for state_id, declared in data.items():
        if not state_id.startswith("__") and state_id not in without:
            for state, arguments in declared.items():
                if not state.startswith("__"):
                    yield state_id, state, arguments


def named(items: Iterable[Any], names: Iterable[str]) -> Iterator[Tuple[Dict[str, Any], str, Any]]:
    """The one-key mappings of a list whose key is among the names."""
    for item in items:
        if isinstance(item, dict):
            key = next(iter(item))
            if key in names:
                yield item, key, item[key]


def requisites(arguments: Any, kinds: Iterable[str]) -> Iterator[Tuple[Dict[str, Any], str, str]]:
    """(the mapping, module, ID) of each requisite of these kinds."""
    for _, _, required in named(arguments, kinds):
        for item in required:
            if isinstance(item, dict):
                key = next(iter(item))
                yield item, key, item[key]


def expand_short_declarations(data: Dict[str, Any]) -> None:
    """`id: pkg.installed` becomes `id: {pkg.installed: []}`."""
    for state_id, declared in data.items():
        if isinstance(declared, str):
            data[state_id] = {declared: []}


def make_includes_absolute(data: Dict[str, Any], sls: str, saltenv: str) -> None:
    """Names of SLS files that begin with a dot are seen from this file."""
    includes = data.get("include", [])
    for index, entry in enumerate(includes):
        ((environment, name),) = entry.items() if isinstance(entry, dict) else [(saltenv, entry)]
        if name.startswith("."):
            includes[index] = {environment: absolute_sls(name, sls)}
    for entry in data.get("exclude", []):
        if "sls" in entry and entry["sls"].startswith("."):
            entry["sls"] = absolute_sls(entry["sls"], sls)


def make_ids_absolute(data: Dict[str, Any], sls: str) -> None:
    """IDs that begin with a dot get the name of the file before them."""
    if "extend" in data:
        make_ids_absolute(data["extend"], sls)
    for state_id, _, arguments in states(data):
        if state_id == "extend":
            continue
        for item, module, required in requisites(arguments, _REQUISITES):
            if required.startswith("."):
                item[module] = absolute_id(required, sls)
    for state_id in [state_id for state_id in data if state_id.startswith(".")]:
        _rename(data, state_id, absolute_id(state_id, sls))


def _rename(data: Dict[str, Any], old: str, new: str) -> None:
    if new in data:
        raise SaltRenderError(f"Can't rename state id({old}) into {new} because the later already exists!")
    for state, arguments in data[old].items():
        if module_of(state) != module_of(STATE) and not any(True for _ in named(arguments, ["name"])):
            arguments.insert(0, {"name": old[1:]})
    data[new] = data.pop(old)


def require_in_turn(data: Dict[str, Any]) -> None:
    """Each state requires the one before it; explicit requisites must agree with that order."""
    extended = list(data.get("extend", {}).items())
    order = [(state_id, state, arguments) for state_id, state, arguments in states(data, _NOT_IDS)]
    for state_id, _, arguments in order:
        if any(True for _ in named(arguments, ["names"])):
            raise SaltRenderError(
                f"'names' declaration(found in state id: {state_id}) is not supported with implicitly ordered states! "
                "You should generate the states in a template for-loop instead."
            )
    tags = [f"{state_id}:{module_of(state)}" for state_id, state, _ in order]
    for index, (state_id, _, arguments) in enumerate(order):
        more = [args for other, declared in extended if other == state_id for args in declared.values()]
        for listed in (arguments, *more):
            _check_order(tags[index], listed, tags[:index], tags[index:])
        if index:
            before_id, before_state, _ = order[index - 1]
            _require_first(arguments, {module_of(before_state): before_id})


def _check_order(tag: str, arguments: List[Any], before: List[str], after: List[str]) -> None:
    for kinds, wrong, words in (
        (_REQUIRE, after, ("require/watch/listen/onchanges/onfail", "after")),
        (_REQUIRE_IN, before, ("require_in/watch_in/listen_in/onchanges_in/onfail_in", "before")),
    ):
        for _, module, required in requisites(arguments, kinds):
            if f"{required}:{module}" in wrong:
                raise SaltRenderError(
                    f"State({tag}) can't {words[0]} a state({required}:{module}) defined {words[1]} it!"
                )


def _require_first(arguments: List[Any], requisite: Dict[str, str]) -> None:
    for _, _, required in named(arguments, ["require"]):
        required.insert(0, requisite)
        return
    arguments.append({"require": [requisite]})


def add_start_state(data: Dict[str, Any], sls: str) -> None:
    """A state that the first one of the file requires."""
    if START in data:
        raise SaltRenderError(f"Can't generate start state({START})! The same state id already exists!")
    for state_id, declared in data.items():
        if state_id in _NOT_IDS or state_id.startswith("__") or declared.get("__sls__", sls) != sls:
            continue
        data[START] = {STATE: [{"require_in": [{module_of(next(iter(declared))): state_id}]}]}
        return
    if data:
        raise SaltRenderError("Can't determine the first state in the sls file!")


def add_goal_state(data: Dict[str, Any]) -> None:
    """A state that requires all others."""
    if GOAL in data:
        raise SaltRenderError(f"Can't generate goal state({GOAL})! The same state id already exists!")
    required = [
        {module_of(state): state_id} for state_id, state, _ in states(data, _NOT_IDS) if "__sls__" not in data[state_id]
    ]
    data[GOAL] = {STATE: [{"require": required}]}


def collect_settings(data: Dict[str, Any], settings: Dict[str, Any]) -> None:
    """Notes what `stateconf.set` sets, and what an `extend` of it changes."""
    for states_of_ids in (data, data.get("extend", {})):
        for state_id, declared in states_of_ids.items():
            if state_id in _NOT_IDS or not isinstance(declared, dict):
                continue
            arguments = declared.get(module_of(STATE), declared.get(STATE))
            if arguments is not None:
                conf = settings.setdefault(state_id, Settings())
                for item in arguments:
                    if isinstance(item, dict):
                        conf.update(item)
