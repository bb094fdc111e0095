"""Filters of lists and sets."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Hashable
from typing import Any, Callable, Dict, Iterable, List, Sequence

import jinja2
from jinja2.filters import do_random
from jinja2.runtime import Context

from minion import inputs
from minion.data import flatten, is_iterable
from minion.jinja.filters._volatile import volatile
from minion.jinja.tests import is_list


def sequence(value: Any) -> Any:
    """The value if it is a collection, else a list of it."""
    return value if isinstance(value, (list, tuple, set, dict)) else [value]


def unique(values: Any) -> Any:
    """Without doubles."""
    if isinstance(values, Hashable):
        return set(values)  # type: ignore[call-overload]
    result: List[Any] = []
    for value in values:
        if value not in result:
            result.append(value)
    return result


def avg(values: Any) -> float:
    """The mean."""
    return float(values) if isinstance(values, Hashable) else float(sum(values) / len(values))  # type: ignore[arg-type]


def _sets(first: Any, second: Any) -> bool:
    return isinstance(first, Hashable) and isinstance(second, Hashable)


def union(lst1: Any, lst2: Any) -> Any:
    """What either has."""
    return set(lst1) | set(lst2) if _sets(lst1, lst2) else unique(lst1 + lst2)


def intersect(lst1: Any, lst2: Any) -> Any:
    """What both have."""
    return set(lst1) & set(lst2) if _sets(lst1, lst2) else unique([item for item in lst1 if item in lst2])


def difference(lst1: Any, lst2: Any) -> Any:
    """What only the first has."""
    return set(lst1) - set(lst2) if _sets(lst1, lst2) else unique([item for item in lst1 if item not in lst2])


def symmetric_difference(lst1: Any, lst2: Any) -> Any:
    """What only one of them has."""
    if _sets(lst1, lst2):
        return set(lst1) ^ set(lst2)
    common = intersect(lst1, lst2)
    return [item for item in union(lst1, lst2) if item not in common]


def sorted_ignorecase(values: Iterable[str]) -> List[str]:
    """Sorted without regard to case."""
    return sorted(values, key=lambda value: value.lower())


def substring_in_list(part: str, list_to_search: Iterable[str]) -> bool:
    """Is it part of any of them?"""
    return any(part in value for value in list_to_search)


def exactly_n_true(values: Iterable[Any], amount: int = 1) -> bool:
    """Are exactly that many of them true?"""
    return sum(1 for value in values if value) == amount


def exactly_one_true(values: Iterable[Any]) -> bool:
    """Is exactly one of them true?"""
    return exactly_n_true(values)


@jinja2.pass_context
def random_item(context: Context, values: Sequence[Any]) -> Any:
    """One of them by chance."""
    inputs.volatile("the filter random")
    return do_random(context, values)


def random_sample(values: Sequence[Any], size: int, seed: Any = None) -> List[Any]:
    """Some of them by chance; the same ones for the same seed."""
    chance = random.Random()  # noqa: S311 - no secret depends on it
    if seed is not None:
        data = seed.encode() if isinstance(seed, str) else seed
        chance.seed(hashlib.new("sha512", data).hexdigest())
    return chance.sample(values, size)


def random_shuffle(values: Sequence[Any], seed: Any = None) -> List[Any]:
    """All of them in an order by chance."""
    return random_sample(values, len(values), seed)


FILTERS: Dict[str, Callable[..., Any]] = {
    "avg": avg,
    "difference": difference,
    "exactly_n_true": exactly_n_true,
    "exactly_one_true": exactly_one_true,
    "flatten": flatten,
    "intersect": intersect,
    "is_iter": is_iterable,
    "is_list": is_list,
    "max": max,
    "min": min,
    "random": random_item,
    "random_sample": volatile(random_sample),
    "random_shuffle": volatile(random_shuffle),
    "sequence": sequence,
    "sorted_ignorecase": sorted_ignorecase,
    "substring_in_list": substring_in_list,
    "symmetric_difference": symmetric_difference,
    "union": union,
    "unique": unique,
}
