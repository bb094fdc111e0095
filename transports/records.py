"""Frozen values with named fields, as `@dataclass(frozen=True)` makes them, for what loads anew with each command.

`dataclasses` brings `inspect` with it and compiles methods for each class: on a host that is reached by SSH that took
a third of the time of `test.ping`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, ClassVar, Dict, Mapping, Tuple, TypeVar

if TYPE_CHECKING:
    from typing import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Tells type checkers, from Python 3.11 on, what they need not be told at run time."""
        return lambda decorated: decorated


Some = TypeVar("Some", bound="Record")


@dataclass_transform(frozen_default=True)
class Record:
    """Base of such values. A subclass declares its fields by annotations, in order, with defaults behind those without.

    A default that is a map is copied for each value.
    """

    _names: ClassVar[Tuple[str, ...]] = ()
    _defaults: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        own = [name for name, kind in cls.__annotations__.items() if not str(kind).startswith("ClassVar")]
        cls._names = (*cls._names, *own)
        cls._defaults = {**cls._defaults, **{name: cls.__dict__[name] for name in own if name in cls.__dict__}}

    def __init__(self, *args: Any, **fields: Any) -> None:
        given = dict(zip(self._names, args))
        values = {**self._defaults, **given, **fields}
        if len(args) + len(fields) != len({*given, *fields}) or values.keys() != set(self._names):
            raise TypeError(f"{type(self).__name__} has the fields {', '.join(self._names)}, each once")
        for name, default in self._defaults.items():
            if type(default) is dict and values[name] is default:
                values[name] = default.copy()
        self.__dict__.update(values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._names)})"

    def __eq__(self, other: object) -> bool:
        return self.__dict__ == other.__dict__ if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, name) for name in self._names))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} can't be changed")

    def but(self: Some, **fields: Any) -> Some:
        """A copy with other values of some fields."""
        return type(self)(**{**self.__dict__, **fields})

    def as_map(self) -> Dict[str, Any]:
        """The fields by name."""
        return dict(self.__dict__)
