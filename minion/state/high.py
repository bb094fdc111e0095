"""High data: its form, `extend`, `exclude`, and requisites that are declared in other states."""

from __future__ import annotations

import fnmatch
from collections.abc import Hashable
from typing import Any, Dict, Iterator, List, Set, Tuple

from minion.state.tags import REQUISITE_KEYWORDS, High

Errors = List[str]


def declared(body: Dict[str, Any]) -> Iterator[Tuple[str, Any]]:
    """(module, arguments) of what an ID declares."""
    return ((state, run) for state, run in body.items() if not state.startswith("__"))


# form


def verify(high: Any) -> Errors:
    """What is wrong with the form of high data."""
    if not isinstance(high, dict):
        return ["High data is not a dictionary and is invalid"]
    errors: Errors = []
    for state_id, body in high.items():
        if not isinstance(state_id, str):
            errors.append(
                f"ID '{state_id}' in SLS '{body['__sls__']}' is not formed as a string, "
                f"but is type {type(state_id).__name__}. It may need to be quoted."
            )
        elif state_id.startswith("__"):
            continue
        if not isinstance(body, dict):
            errors.append(f"The type {state_id} in {body} is not formatted as a dictionary")
            continue
        where = f"'{state_id}' in SLS '{body.get('__sls__')}'"
        for state, run in declared(body):
            errors.extend(_verify_declaration(state, run, where, state_id, body.get("__sls__")))
    return errors


def _verify_declaration(state: str, run: Any, where: str, state_id: Any, sls: Any) -> Iterator[str]:
    if run is None:
        yield (
            f"ID {where} contains a short declaration ({state}) with a trailing colon. "
            "When not passing any arguments to a state, the colon must be omitted."
        )
        return
    if not isinstance(run, list):
        yield f"State {where} is not formed as a list"
        return
    functions = [state.split(".", 1)[1]] if "." in state else []
    for argument in run:
        if isinstance(argument, str):
            functions.append(argument)
            if " " in argument.strip():
                yield (
                    f'The function "{argument}" in state "{state_id}" in SLS "{sls}" has whitespace, a function with '
                    'whitespace is not supported, perhaps this is an argument that is missing a ":"'
                )
        elif isinstance(argument, dict) and argument:
            yield from _verify_argument(argument, where, state_id, sls)
    if not functions:
        yield f"No function declared in state {where}"
    elif len(functions) > 1:
        yield (
            f"Too many functions declared in state {where}. Please choose one of the following: {', '.join(functions)}"
        )


def _verify_argument(argument: Dict[str, Any], where: str, state_id: Any, sls: Any) -> Iterator[str]:
    key, value = next(iter(argument.items()))
    if key == "names" and not isinstance(value, list):
        yield f"The 'names' argument in state {where} needs to be formed as a list"
    elif key == "names":
        for name in value:
            if not isinstance(name, Hashable) and not _is_name_with_arguments(name):
                yield f"The name {name} in state {where} is neither text nor a name with a list of arguments"
    if key not in REQUISITE_KEYWORDS:
        return
    if not isinstance(value, list):
        yield f"The {key} statement in state {where} needs to be formed as a list"
        value = []
    for requisite in value:
        yield from _verify_requisite(requisite, where, state_id, sls)
    if len(argument) != 1:
        yield f"Multiple dictionaries defined in argument of state {where}"


def _is_name_with_arguments(entry: Any) -> bool:
    if not isinstance(entry, dict) or not entry:
        return False
    arguments = next(iter(entry.values()))
    return arguments == {} or (isinstance(arguments, list) and all(isinstance(item, dict) for item in arguments))


def _verify_requisite(requisite: Any, where: str, state_id: Any, sls: Any) -> Iterator[str]:
    if isinstance(requisite, str):
        requisite = {"id": requisite}
    if not isinstance(requisite, dict) or len(requisite) != 1:
        yield (
            f"Requisite declaration {requisite} in state {state_id} in SLS {sls} "
            "is not formed as a single key dictionary"
        )
        return
    key, value = next(iter(requisite.items()))
    if "." in key:
        yield (
            f"Invalid requisite type '{key}' in state '{state_id}', in SLS '{sls}'. "
            f"Requisite types must not contain dots, did you mean '{key[: key.find('.')]}'?"
        )
    if not isinstance(value, Hashable):
        yield f'Illegal requisite "{value}" in SLS "{sls}", please check your syntax.\n'


# looking for IDs


def find_ids(name: str, state: str, high: High, strict: bool = False) -> List[Tuple[str, str]]:
    """(ID, module) of the declarations that a name of a module means; of all in a file if the module is `sls`."""
    if name in high and (not strict or state in high[name]):
        return [(name, state)]
    if state == "sls":
        return [
            (state_id, next(iter(body)))
            for state_id, body in high.items()
            if isinstance(body, dict) and body["__sls__"] == name
        ]
    return [
        (state_id, state)
        for state_id, body in high.items()
        if isinstance(body, dict) and isinstance(body.get(state), list)
        for argument in body[state]
        if isinstance(argument, dict) and len(argument) == 1 and next(iter(argument.values())) == name
    ]


def ids_of_sls(sls: str, high: High) -> List[Tuple[str, str]]:
    """(ID, module) of all declarations in a file."""
    return [
        (state_id, state)
        for state_id, body in high.items()
        if isinstance(body, dict) and body.get("__sls__") == sls
        for state, _ in declared(body)
    ]


# exclude


def apply_exclude(high: High) -> None:
    """Takes out what `exclude` names."""
    excluded_sls: Set[str] = set()
    excluded_ids: Set[str] = set()
    for entry in high.pop("__exclude__", []):
        if isinstance(entry, str):
            excluded_sls.add(entry)
        elif isinstance(entry, dict) and len(entry) == 1:
            if "sls" in entry:
                excluded_sls.add(entry["sls"])
            elif "id" in entry:
                excluded_ids.add(entry["id"])
    for state_id, body in high.items():
        sls = "" if state_id.startswith("__") else body.get("__sls__", "")
        if sls and any(fnmatch.fnmatch(sls, pattern) for pattern in excluded_sls):
            excluded_ids.add(state_id)
    for state_id in excluded_ids:
        high.pop(state_id, None)


# extend


def reconcile_extend(high: High, strict: bool = False) -> Errors:
    """Applies what `extend` asks for to the states that it names."""
    errors: Errors = []
    excluded = [entry.get("sls") if isinstance(entry, dict) else entry for entry in high.get("__exclude__", ())]
    for extension in high.pop("__extend__", []):
        for name, body in extension.items():
            states = dict(declared(body))
            if None in states.values():
                errors.append(f"Extension '{name}' in SLS '{body.get('__sls__')}' extends a state by nothing")
                continue
            state = next(iter(states), "")
            if name not in high or state not in high[name]:
                ids = find_ids(name, state, high, strict)
                if len(ids) != 1:
                    errors.append(_cannot_extend(name, body))
                    continue
                name = ids[0][0]
            if body.get("__sls__") not in excluded:
                _extend_id(high[name], states)
    return errors


def _cannot_extend(name: str, body: Dict[str, Any]) -> str:
    saltenv, sls = body.get("__env__", "base"), body.get("__sls__", "base")
    return (
        f"Cannot extend ID '{name}' in '{saltenv}:{sls}'. It is not part of the high state.\n"
        "This is likely due to a missing include statement or an incorrectly typed ID.\n"
        f"Ensure that a state with an ID of '{name}' is available\nin environment '{saltenv}' and to SLS '{sls}'"
    )


def _extend_id(target: Dict[str, Any], states: Dict[str, Any]) -> None:
    for state, run in states.items():
        if state not in target:
            target[state] = run
            continue
        for argument in run:
            _extend_arguments(target[state], argument)


def _extend_arguments(arguments: List[Any], new: Any) -> None:
    """Another function replaces the function, an argument its like; requisites are added."""
    replaced = False
    for index, present in enumerate(arguments):
        if isinstance(new, str) and isinstance(present, str):
            arguments[index] = new
            replaced = True
        elif isinstance(new, dict) and isinstance(present, dict):
            key, present_key = next(iter(new)), next(iter(present))
            if key == present_key:
                if key in REQUISITE_KEYWORDS:
                    present[key].extend(new[key])
                else:
                    arguments[index] = new
                replaced = True
            if key == "name" and present_key == "names":
                arguments[index] = new
    if not replaced:
        arguments.append(new)
