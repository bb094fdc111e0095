"""Nodes and classes of YAML files: what states and pillar a minion gets by the classes that its node lists.

    PATH/nodes/**/MINION_ID.yml     environment, classes, states, pillars
    PATH/classes/**/NAME.yml        classes, states, pillars; also NAME/init.yml

Classes come before what lists them, each once. Later pillars win; lists are joined, unless one begins with `^`.
`${a:b}` in a value stands for another value, `\\${a:b}` for itself. Files are Jinja templates.
"""

from __future__ import annotations

import glob
import logging
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple

from minion import yamlio
from minion.data import traverse_mappings
from minion.errors import CommandExecutionError

log = logging.getLogger(__name__)

_VARIABLE = re.compile(r"\\?\$\{([^}]*)\}")
_MAX_STEPS = 20  # from variable to variable
_MISSING: Any = object()


class Node(NamedTuple):
    """What is known of one minion.

    Attributes:
        environment: of its states; "" if no file says it.
        classes: names, in the order in which they were merged.
        states: SLS names, each once.
        pillars: merged, variables replaced.
    """

    environment: str
    classes: List[str]
    states: List[str]
    pillars: Dict[str, Any]


def read_node(path: str, minion_id: str, variables: Mapping[str, Any]) -> Node:
    """The node of a minion; an empty one if there is no file for it.

    Args:
        path: where `nodes` and `classes` lie.
        minion_id: the minion.
        variables: for the templates; they also see `minion_id`, and in `__pillar__` the pillars so far.

    Raises:
        CommandExecutionError: a file can't be rendered or read.
    """
    return _Reading(path, minion_id, variables).node()


class _Reading:
    """Reads the files of one minion."""

    def __init__(self, path: str, minion_id: str, variables: Mapping[str, Any]) -> None:
        self._path, self._id = path, minion_id
        self._pillar: Dict[str, Any] = {}
        self._variables = {**variables, "__pillar__": self._pillar, "minion_id": minion_id}
        self._seen: List[str] = []

    def node(self) -> Node:
        file = self._node_file()
        own = self._load(file) if file else {}
        _merge(self._pillar, own.get("pillars") or {})
        classes = dict(self._classes(own.get("classes") or []))
        parts = [*classes.values(), own]
        pillars: Dict[str, Any] = {}
        for part in parts:
            _merge(pillars, part.get("pillars") or {})
        environments = [part["environment"] for part in parts if "environment" in part]
        states = dict.fromkeys(state for part in parts for state in part.get("states") or [])
        return Node(str((environments or [""])[-1]), list(classes), list(states), _expanded(pillars, pillars))

    def _node_file(self) -> str:
        found = ""
        for folder, _, names in os.walk(os.path.join(self._path, "nodes"), followlinks=True):
            if f"{self._id}.yml" in names:
                found = os.path.join(folder, f"{self._id}.yml")
        if not found:
            log.warning("%s: Node definition not found", self._id)
        return found

    def _classes(self, wanted: List[Any]) -> Iterator[Any]:
        """(name, data) of classes, after those that they list themselves."""
        for name in dict.fromkeys(found for pattern in wanted for found in self._matching(str(pattern))):
            if name not in self._seen:
                self._seen.append(name)
                data = self._load(self._files(name)[0])
                _merge(self._pillar, data.get("pillars") or {})
                yield from self._classes(data.get("classes") or [])
                yield name, data

    def _files(self, pattern: str) -> List[str]:
        """Files of the classes that a dotted name, which may be a glob, means."""
        folder = os.path.join(self._path, "classes")
        dotted = pattern.replace(".", "/")
        places = (f"{pattern}.yml", f"{dotted}.yml", f"{dotted}/init.yml")
        return [found for place in places for found in glob.glob(os.path.join(folder, place))]

    def _matching(self, pattern: str) -> Iterator[str]:
        files = self._files(pattern)
        if not files:
            log.warning("%s: Class definition not found", pattern)
        for file in files:
            name = os.path.relpath(file, os.path.join(self._path, "classes"))[: -len(".yml")].replace("/", ".")
            yield name[: -len(".init")] if name.endswith(".init") else name

    def _load(self, file: str) -> Dict[str, Any]:
        import jinja2

        from minion.jinja.environment import SaltEnvironment

        environment = SaltEnvironment(jinja2.FileSystemLoader(os.path.dirname(file)), {}, strict=False)
        environment.globals.update(self._variables)
        try:
            data = yamlio.load(environment.get_template(os.path.basename(file)).render())
        except (yamlio.YAMLError, ValueError) as exc:
            mark = getattr(exc, "problem_mark", None)  # the whole text would show values
            raise CommandExecutionError(
                f"{file} is not valid YAML" + (f", line {mark.line + 1}" if mark else "")
            ) from None
        except Exception as exc:  # noqa: BLE001 - a template may fail in any way
            raise CommandExecutionError(f"{file} can't be rendered: {exc}") from None
        if not isinstance(data, (dict, type(None))):
            raise CommandExecutionError(f"{file} does not hold a mapping")
        return data or {}


def _merge(target: Dict[Any, Any], source: Mapping[Any, Any]) -> None:
    for key, value in source.items():
        present = target.get(key)
        if isinstance(value, dict):
            inner = target[key] = present if isinstance(present, dict) else {}
            _merge(inner, value)
        elif isinstance(value, list):
            anew = value[:1] == ["^"]
            target[key] = [*(present if isinstance(present, list) and not anew else ()), *value[anew:]]
        else:
            target[key] = value


def _expanded(value: Any, pillars: Mapping[str, Any], steps: int = 0) -> Any:
    """The value with its variables replaced; those that lead nowhere, or in circles, stay as they are."""
    if isinstance(value, dict):
        return {key: _expanded(item, pillars, steps) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, pillars, steps) for item in value]
    if not isinstance(value, str) or "${" not in value or steps > _MAX_STEPS:
        return value

    def replaced(match: Any) -> Any:
        if match.group().startswith("\\"):
            return match.group()[1:]
        found = traverse_mappings(pillars, match.group(1), _MISSING)
        return match.group() if found is _MISSING else _expanded(found, pillars, steps + 1)

    whole = _VARIABLE.fullmatch(value)
    return replaced(whole) if whole else _VARIABLE.sub(lambda match: str(replaced(match)), value)
