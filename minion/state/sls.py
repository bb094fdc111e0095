"""Renders SLS files with all that they include, and merges them into high data."""

from __future__ import annotations

import fnmatch
import logging
import os
import re
from collections import OrderedDict
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Protocol, Set, Tuple

from minion.errors import MasterUnreachable, SaltRenderError, format_traceback
from minion.rendering import Template
from minion.state.high import Errors
from minion.state.tags import High

log = logging.getLogger(__name__)

Matches = Mapping[str, List[str]]  # environment -> SLS files


class Files(Protocol):
    """What is needed of a file client."""

    def get_state(self, sls: str, saltenv: str) -> Dict[str, str]: ...
    def list_states(self, saltenv: str) -> List[str]: ...
    def envs(self) -> List[str]: ...
    def cache_file(self, path: str, saltenv: str = "base") -> str: ...
    def master_tops(self) -> Dict[str, List[str]]: ...


class Available:
    """The SLS files of each environment, listed when they are asked for."""

    def __init__(self, files: Files, envs: List[str]) -> None:
        self._files = files
        self._known: Dict[str, Optional[List[str]]] = dict.fromkeys(("base", *envs))

    def __contains__(self, saltenv: object) -> bool:
        return saltenv in self._known

    def __getitem__(self, saltenv: str) -> List[str]:
        known = self._known[saltenv]
        if known is None:
            known = self._known[saltenv] = self._files.list_states(saltenv)
        return known

    def envs(self) -> List[str]:
        """The names of the environments."""
        return list(self._known)

    def matching(self, pattern: str, saltenv: str) -> List[str]:
        """The SLS files that a name, which may be a pattern, means."""
        return fnmatch.filter(self[saltenv], pattern)


class _Place(NamedTuple):
    """An SLS file."""

    saltenv: str
    sls: str
    is_init: bool = False

    def __str__(self) -> str:
        return f"{self.saltenv}:{self.sls}"


class SlsCompiler:
    """Makes high data of SLS files.

    Args:
        template: renders.
        files: where the files come from.
        available: what there is.
        auto_order: number the states in the order in which they stand in the files.
    """

    def __init__(self, template: Template, files: Files, available: Available, auto_order: bool = True) -> None:
        self._template, self._files, self._available, self._auto_order = template, files, available, auto_order
        self._next_order = 10000
        self._rendered: Set[str] = set()
        self._matches: Matches = {}
        self._context: Optional[Dict[str, Any]] = None

    def compile(self, matches: Matches, context: Optional[Dict[str, Any]] = None) -> Tuple[High, Errors]:
        """High data of all files, and what is wrong with them.

        Args:
            matches: environment -> SLS files, patterns among them.
            context: variables for templates.
        """
        self._matches, self._context, self._rendered = matches, context, set()
        high: High = OrderedDict()
        errors: Errors = []
        for saltenv, wanted in matches.items():
            for pattern in wanted:
                for sls in self._expand(pattern, saltenv, errors):
                    if f"{saltenv}:{sls}" in self._rendered:
                        continue
                    found, file_errors = self.render(_Place(saltenv, sls))
                    _merge(high, found, file_errors)
                    errors.extend(_reworded(error, pattern, saltenv) for error in file_errors)
        _drop_double_extends(high)
        return high, errors

    def compile_local(self, path: str, saltenv: str) -> Tuple[High, Errors]:
        """High data of one file outside the file roots."""
        if not os.path.isfile(path):
            return {}, [f"Specified SLS {path} on local filesystem cannot be found."]
        return self.render(_Place(saltenv, path), path)

    @staticmethod
    def complete(state: High, name: str) -> Errors:
        """Gives declarations that were rendered elsewhere their long form; what is wrong with them."""
        errors: Errors = []
        _complete_declarations(state, _Place("base", name), errors)
        for body in state.values():
            if isinstance(body, dict):
                del body["__sls__"], body["__env__"]  # they come from no file
        return errors

    def _expand(self, pattern: str, saltenv: str, errors: Errors) -> List[str]:
        for env in (saltenv, "__env__"):
            if env in self._available:
                return self._available.matching(pattern, env) or [pattern]
        errors.append(f"No matching salt environment for environment '{saltenv}' found")
        return [pattern]

    def render(self, place: _Place, path: str = "") -> Tuple[High, Errors]:
        """High data of one file and its includes, and what is wrong with them."""
        errors: Errors = []
        if not path:
            found = self._files.get_state(place.sls, place.saltenv)
            path = found.get("dest", "")
            place = place._replace(is_init=found.get("source", "").endswith("/init.sls"))
        if not path:
            return {}, [
                f"Specified SLS {place.sls} in saltenv {place.saltenv} is not available on the salt master or through "
                "a configured fileserver"
            ]
        state = self._render_one(place, path, errors)
        self._rendered.add(str(place))
        if not state:
            return {}, errors
        if not isinstance(state, dict):
            shown = {} if hasattr(state, "read") else state  # text of which no renderer made data
            return shown, [*errors, f"SLS {place.sls} does not render to a dictionary"]
        includes = _take_includes(state, place, errors)
        _take_extend(state, place, errors)
        _take_exclude(state, place, errors)
        _complete_declarations(state, place, errors)
        for saltenv, name in includes:
            self._include(state, saltenv, name, place, errors)
        if self._auto_order:
            self._number(state)
        return state, errors

    def _render_one(self, place: _Place, path: str, errors: Errors) -> Any:
        try:
            return self._template.render(
                path, place.saltenv, place.sls, rendered_sls=self._rendered, context=self._context
            )
        except SaltRenderError as exc:
            errors.append(f"Rendering SLS '{place}' failed: {exc}")
        except MasterUnreachable:
            raise
        except Exception as exc:  # noqa: BLE001 - renderers may fail in any way
            errors.append(f"Rendering SLS {place.sls} failed, render error: {exc}\n{format_traceback()}")
        log.error("%s", errors[-1])
        return None

    # include

    def _include(self, state: High, saltenv: str, name: str, place: _Place, errors: Errors) -> None:
        if saltenv != "_xenv" and saltenv not in self._available and "__env__" not in self._available:
            errors.append(f"Nonexistent saltenv '{saltenv}' found in include of '{name}' within SLS '{place}'")
            return
        if name.startswith("."):
            absolute = _absolute(name, place)
            if not absolute:
                errors.append(
                    f"Attempted relative include of '{name}' within SLS '{place}' goes beyond top level package "
                )
                return
            name = absolute
        envs = self._envs_that_have(name, saltenv)
        if len(envs) != 1 and place.saltenv not in envs:
            errors.append(self._include_error(name, saltenv, envs))
            return
        target_env = envs[0] if len(envs) == 1 else place.saltenv
        local_env = place.saltenv if place.saltenv in self._available else "__env__"
        for sls in self._available.matching(name, local_env) or [name]:
            if f"{target_env}:{sls}" not in self._rendered:
                self._include_one(state, _Place(target_env, sls), place, errors)

    def _include_one(self, state: High, target: _Place, place: _Place, errors: Errors) -> None:
        included, include_errors = self.render(target)
        if isinstance(included, dict):
            for state_id, body in included.items():
                if not state_id.startswith("__") and isinstance(body, dict):
                    body.setdefault("__sls_included_from__", []).append(place.sls)
        if included:
            _merge(state, included, errors)
        errors.extend(include_errors)

    def _envs_that_have(self, name: str, saltenv: str) -> List[str]:
        if saltenv == "_xenv":
            return [env for env in self._matches if env in self._available and self._available.matching(name, env)]
        listed = saltenv if saltenv in self._available else "__env__"
        return [saltenv] if saltenv in self._matches or self._available.matching(name, listed) else []

    def _include_error(self, name: str, saltenv: str, envs: List[str]) -> str:
        if not envs:
            searched = ", ".join(self._matches) if saltenv == "_xenv" else saltenv
            return (
                f"Unknown include: Specified SLS {saltenv}: {name} is not available on the salt master in saltenv(s): "
                f"{searched} "
            )
        return (
            f"Ambiguous include: Specified SLS {saltenv}: {name} is available on the salt master in multiple "
            f"available saltenvs: {', '.join(envs)}"
        )

    # order

    def _number(self, state: High) -> None:
        """Gives each state that asks for no order the next number."""
        for body in state.values():
            if not isinstance(body, dict):
                continue
            for name, arguments in body.items():
                if not isinstance(name, str) or name.startswith("_") or not isinstance(arguments, list):
                    continue
                if not any(isinstance(item, dict) and item and next(iter(item)) == "order" for item in arguments):
                    arguments.append({"order": self._next_order})
                    self._next_order += 1


def _absolute(name: str, place: _Place) -> str:
    """`.x` and `..x` seen from a file; "" if that leads above the top."""
    dots, rest = re.match(r"^(\.+)(.*)$", name).groups()  # type: ignore[union-attr]
    parts = place.sls.split(".") + (["init"] if place.is_init else [])
    return "" if len(dots) > len(parts) else ".".join([*parts[: -len(dots)], rest])


def _reworded(error: str, pattern: str, saltenv: str) -> str:
    """A file that was asked for by name and does not exist, in the words for that."""
    if "is not available" in error and f"SLS {pattern} in saltenv" in error:
        return f"No matching sls found for '{pattern}' in env '{saltenv}'"
    return error


def _take_includes(state: High, place: _Place, errors: Errors) -> List[Tuple[str, str]]:
    """(environment, SLS file) of each include."""
    if "include" not in state:
        return []
    if not isinstance(state["include"], list):
        errors.append(f"Include Declaration in SLS {place.sls} is not formed as a list")
        return []
    includes: List[Tuple[str, str]] = []
    for entry in state.pop("include"):
        for saltenv, name in entry.items() if isinstance(entry, dict) else [(place.saltenv, entry)]:
            if isinstance(name, (str, int, float)):
                includes.append((saltenv, str(name)))
            else:
                errors.append(f"Include of {name} in SLS '{place}' is not the name of an SLS file")
    return includes


def _take_extend(state: High, place: _Place, errors: Errors) -> None:
    """Moves `extend` to `__extend__`, where it waits until all files are there."""
    if "extend" not in state:
        return
    extend = state.pop("extend")
    if not isinstance(extend, dict):
        errors.append(f"Extension value in SLS '{place.sls}' is not a dictionary")
        return
    for name, body in extend.items():
        if not isinstance(body, dict):
            errors.append(f"Extension name '{name}' in SLS '{place.sls}' is not a dictionary")
            continue
        body.setdefault("__sls__", place.sls)
        body.setdefault("__env__", place.saltenv)
        for key in [key for key in body if not key.startswith("_") and "." in key and isinstance(body[key], list)]:
            _split_function(body, key)
    state.setdefault("__extend__", []).append(extend)


def _take_exclude(state: High, place: _Place, errors: Errors) -> None:
    if "exclude" not in state:
        return
    exclude = state.pop("exclude")
    if not isinstance(exclude, list):
        errors.append(f"Exclude Declaration in SLS {place.sls} is not formed as a list")
        return
    for entry in exclude:
        names = entry.values() if isinstance(entry, dict) else [entry]
        if any(isinstance(name, (list, dict)) or name is None for name in names):
            errors.append(f"Exclude of {entry} in SLS {place.sls} names neither an SLS file nor an ID")
            return
    state.setdefault("__exclude__", []).extend(exclude)


def _split_function(body: Dict[str, Any], key: str) -> None:
    """`pkg.installed: [...]` becomes `pkg: [..., installed]`."""
    module, function = key.split(".")[:2]
    body[module] = body.pop(key)
    body[module].append(function)


def _complete_declarations(state: High, place: _Place, errors: Errors) -> None:
    """Gives declarations their long form, and notes where they come from."""
    for name, body in state.items():
        if name in ("__extend__", "__exclude__"):
            continue
        if isinstance(body, str) and "." in body:
            module, function = body.split(".")[:2]
            state[name] = {"__sls__": place.sls, "__env__": place.saltenv, module: [function]}
        elif not isinstance(body, dict):
            errors.append(f"ID {name} in SLS {place.sls} is not a dictionary")
        else:
            _complete_body(name, body, place, errors)


def _complete_body(name: str, body: Dict[str, Any], place: _Place, errors: Errors) -> None:
    modules: Set[str] = set()
    for key in list(body):
        if key.startswith("_") or not isinstance(body[key], list):
            continue
        module = key.split(".")[0]
        if "." in key and module in modules:
            errors.append(f"ID '{name}' in SLS '{place.sls}' contains multiple state declarations of the same type")
            continue
        if "." in key:
            _split_function(body, key)
        modules.add(module)
    body.setdefault("__sls__", place.sls)
    body.setdefault("__env__", place.saltenv)


def _merge(high: High, state: Any, errors: Errors) -> None:
    """Adds a file's states; an ID may be declared once only."""
    if not isinstance(state, dict):
        if state:
            errors.append(f"Error when rendering state with contents: {state}")
        return
    for key in ("__extend__", "__exclude__"):
        if key in state:
            high.setdefault(key, []).extend(state.pop(key))
    for state_id, body in state.items():
        if state_id in high and high[state_id] != body:
            first = high[state_id]
            errors.append(
                "Detected conflicting IDs, SLS IDs need to be globally unique.\n"
                f"    The conflicting ID is '{state_id}' and is found in SLS '{first['__env__']}:{first['__sls__']}' "
                f"and SLS '{body['__env__']}:{body['__sls__']}'"
            )
    high.update(state)


def _drop_double_extends(high: High) -> None:
    if "__extend__" in high:
        extensions: List[Any] = []
        for extension in high["__extend__"]:
            extensions.extend(item for item in extension.items() if item not in extensions)
        high["__extend__"] = [{name: body} for name, body in extensions]
