"""The objects that the pyobjects renderer gives to its files."""

from __future__ import annotations

import contextlib
import inspect
from collections import OrderedDict
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple, Union

_REQUISITES = tuple(
    f"{kind}{suffix}" for kind in ("listen", "onchanges", "onfail", "require", "watch", "use") for suffix in ("", "_in")
)


class StateException(Exception):
    """A state that can't be made."""


class Extend:
    """`extend("id")` as the ID of a state changes one of an included file."""

    def __init__(self, name: str) -> None:
        self.name = name


class Registry:
    """The states that a file has made so far."""

    def __init__(self) -> None:
        self._states: Dict[str, Dict[str, Any]] = OrderedDict()
        self._extends: Dict[str, Dict[str, Any]] = OrderedDict()
        self._includes: List[str] = []
        self._open: List[Requisite] = []
        self._ignoring = False

    @contextlib.contextmanager
    def ignoring(self) -> Iterator[None]:
        """While a file is imported for its names, the states it makes do not count."""
        before, self._ignoring = self._ignoring, True
        try:
            yield
        finally:
            self._ignoring = before

    def include(self, *names: str) -> None:
        """Includes other SLS files."""
        if not self._ignoring:
            self._includes.extend(names)

    def push(self, requisite: Requisite) -> None:
        """States made from now on have the requisite."""
        self._open.append(requisite)

    def pop(self) -> None:
        """Ends the last `push`."""
        self._open.pop()

    def add(self, state_id: Union[str, Extend], function: str, arguments: Dict[str, Any]) -> str:
        """Makes a state; its ID comes back."""
        target = self._extends if isinstance(state_id, Extend) else self._states
        name = state_id.name if isinstance(state_id, Extend) else state_id
        if self._ignoring:
            return name
        declared = target.setdefault(name, OrderedDict())
        if function in declared:
            raise StateException(f"A state with id ''{name}'', type ''{function}'' exists")
        for requisite in self._open:
            arguments.setdefault(requisite.kind, []).append(requisite)
        declared[function] = [{key: _plain(key, arguments[key])} for key in sorted(arguments)]
        return name

    def high_data(self) -> Dict[str, Any]:
        """All of it, as the state compiler reads it."""
        data: Dict[str, Any] = OrderedDict(self._states)
        if self._includes:
            data["include"] = self._includes
        if self._extends:
            data["extend"] = self._extends
        return data


def _plain(key: str, value: Any) -> Any:
    if key not in _REQUISITES:
        return value
    return [item.as_data() if isinstance(item, Requisite) else item for item in value]


class Requisite:
    """`Pkg("nginx")`; as a context it holds for the states made in it."""

    def __init__(self, registry: Registry, kind: str, module: str, state_id: str) -> None:
        self._registry, self.kind, self._module, self._id = registry, kind, module, state_id

    def as_data(self) -> Dict[str, str]:
        """The form of SLS files."""
        return {self._module: self._id}

    def __enter__(self) -> None:
        self._registry.push(self)

    def __exit__(self, *error: object) -> None:
        self._registry.pop()


class Factory:
    """`Pkg`: makes states of one module."""

    def __init__(self, registry: Registry, module: str, functions: Sequence[str]) -> None:
        self._registry, self._module, self._names = registry, module, set(functions)

    def __getattr__(self, function: str) -> Callable[..., Requisite]:
        if function not in self._names:
            raise StateException(f"The function '{function}' does not exist in the StateFactory for '{self._module}'")

        def make(state_id: Any, **arguments: Any) -> Requisite:
            for kind in _REQUISITES:
                if kind in arguments:
                    given = arguments[kind]
                    arguments[kind] = list(given) if isinstance(given, (list, tuple)) else [given]
            name = self._registry.add(state_id, f"{self._module}.{function}", arguments)
            return Requisite(self._registry, "require", self._module, name)

        return make

    def __call__(self, state_id: str, requisite: str = "require") -> Requisite:
        return Requisite(self._registry, requisite, self._module, state_id)


class Functions:
    """`salt.test.ping()`."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]], module: str = "") -> None:
        self._functions, self._module = functions, module

    def __getattr__(self, name: str) -> Any:
        if not self._module:
            return Functions(self._functions, name)
        try:
            return self._functions[f"{self._module}.{name}"]
        except KeyError:
            raise AttributeError(name) from None


def map_class(functions: Mapping[str, Callable[..., Any]]) -> type:
    """The class `Map`: its subclasses take the attributes of those inner classes that match the minion's grains."""

    class MapMeta(type):
        def __init__(cls, name: str, bases: Tuple[type, ...], attributes: Dict[str, Any]) -> None:
            super().__init__(name, bases, attributes)
            for key, value in _matching(attributes, functions).items():
                setattr(cls, key, value)

    return MapMeta("Map", (), {})


def _matching(attributes: Dict[str, Any], functions: Mapping[str, Callable[..., Any]]) -> Dict[str, Any]:
    choices = []
    for name, choice in attributes.items():
        if not name.startswith("_") and inspect.isclass(choice):
            grain = getattr(choice, "__grain__", "os_family")
            choices.append((grain, getattr(choice, "__match__", name), choice))
    priority = list(attributes.get("priority", ()))
    choices.sort(key=lambda choice: priority.index(choice[0]) if choice[0] in priority else len(priority))
    result: Dict[str, Any] = {}
    for grain, wanted, choice in choices:
        if functions["grains.get"](grain) == wanted:
            result.update((key, value) for key, value in vars(choice).items() if not key.startswith("_"))
    if "merge" in attributes:
        result.update(functions["pillar.get"](attributes["merge"], unmask=True) or {})
    return result
