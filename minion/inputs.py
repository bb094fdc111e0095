"""What a result was made of, so that it need not be made again while that stays as it is.

with inputs.watched() as made_of:
    result = ...            # calls depends_on, holds_while and volatile on the way
made_of.hold()              # later: is it still what it would be?
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import time
from typing import Any, Callable, Collection, Dict, Iterator, List, Mapping, Optional, Set, Tuple

Function = Callable[..., Any]
State = Optional[Tuple[int, ...]]

# File systems tell times by ticks of some milliseconds: of two changes within one tick the second can't be seen.
_TICKS = 100_000_000


class Inputs:
    """Files and other things that a result depends on.

    Attributes:
        unknown: what was used whose answer may differ each time: the clock, chance, other machines.
    """

    def __init__(self) -> None:
        self.unknown: Set[str] = set()
        self._began = time.time_ns()
        self._files: Dict[str, State] = {}
        self._checks: List[Callable[[], bool]] = []

    def hold(self) -> bool:
        """Whether the files are what they were, and the other checks say so; what is unknown is left out."""
        return all(state_of(path) == state for path, state in self._files.items()) and all(
            check() for check in self._checks
        )

    def settled(self) -> bool:
        """Whether a later change of the files would be seen: the last one was some ticks before."""
        return all(is_settled(state, self._began) for state in self._files.values())

    def add_file(self, path: str) -> None:
        self._files.setdefault(path, state_of(path))

    def add_check(self, check: Callable[[], bool]) -> None:
        self._checks.append(check)


_current: contextvars.ContextVar[Optional[Inputs]] = contextvars.ContextVar("inputs", default=None)


@contextlib.contextmanager
def watched() -> Iterator[Inputs]:
    """What is told while it lasts is collected."""
    made_of = Inputs()
    token = _current.set(made_of)
    try:
        yield made_of
    finally:
        _current.reset(token)


def depends_on(path: str) -> None:
    """A file or folder is used now; that there is none is something to depend on, too."""
    made_of = _current.get()
    if made_of is not None:
        made_of.add_file(path)


def holds_while(check: Callable[[], bool]) -> None:
    """The result holds as long as `check()` does."""
    made_of = _current.get()
    if made_of is not None:
        made_of.add_check(check)


def volatile(what: str) -> None:
    """Something is used whose answer may differ each time."""
    made_of = _current.get()
    if made_of is not None:
        made_of.unknown.add(what)


def state_of(path: str) -> State:
    """What changes when a file or folder is changed or replaced; None if there is none."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_mtime_ns, info.st_ctime_ns, info.st_size, info.st_ino, info.st_dev


def is_settled(state: State, when: int) -> bool:
    """Whether the last change was some ticks before a time, nanoseconds of the epoch."""
    return state is None or max(state[0], state[1]) < when - _TICKS


class WatchedFunctions(Mapping[str, Function]):
    """Functions by name; whoever asks for one that is not known to be steady is told of as volatile.

    Args:
        functions: a loader, or renderers.
        steady: names of functions whose results depend on nothing but their arguments, options, grains, pillar and
            what they tell of themselves.
    """

    def __init__(self, functions: Mapping[str, Function], steady: Collection[str]) -> None:
        self._functions, self._steady = functions, steady

    def __getitem__(self, name: str) -> Function:
        function = self._functions[name]
        if name not in self._steady:
            volatile(name)
        return function

    def __contains__(self, name: object) -> bool:
        return name in self._functions

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions)

    def __len__(self) -> int:
        return len(self._functions)

    def __getattr__(self, name: str) -> Any:
        """`functions.module.function`, and the loader's own methods."""
        if name != "has_module":
            volatile(name)
        return getattr(self._functions, name)
