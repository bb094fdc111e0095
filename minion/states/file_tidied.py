"""Files that are too old or too big, removed; backups, thinned out."""

from __future__ import annotations

import datetime
import logging
import os
import re
import stat
import sys
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

from minion.errors import CommandExecutionError
from minion.states._file import Refused
from minion.states._result import Result, begun, failed, predicted

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__virtualname__ = "file"

log = logging.getLogger(__name__)

_RULES = {"first_of_year": 1, "first_of_month": 2, "first_of_day": 3, "first_of_hour": 4, "most_recent": 5}


def tidied(
    name: str,
    age: int = 0,
    matches: Optional[List[str]] = None,
    rmdirs: bool = False,
    size: Any = 0,
    exclude: Optional[List[str]] = None,
    full_path_match: bool = False,
    followlinks: bool = False,
    time_comparison: str = "atime",
    age_size_logical_operator: str = "OR",
    age_size_only: Optional[str] = None,
    rmlinks: bool = True,
    **kwargs: Any,
) -> Result:
    """Removes files from a folder and all below that are old or big enough.

    Every file is old enough if no age is given, and big enough if no size is given: to go by one alone, say so by
    `age_size_only`, or ask for both by `age_size_logical_operator: AND`.

    Args:
        name: the folder.
        age: so many days old.
        matches: regular expressions, of which one must match the name from its beginning.
        rmdirs: remove folders too, with all that is in them.
        size: so many bytes big, or with a unit: `10MB`, `1GiB`.
        exclude: regular expressions, of which none may match.
        full_path_match: compare them with the path rather than with the name.
        followlinks: go into folders that links lead to.
        time_comparison: the age is since the last access (`atime`), change of the content (`mtime`) or of the file
            (`ctime`).
        age_size_logical_operator: `OR` for old or big enough, `AND` for both.
        age_size_only: `age` or `size`: go by that alone.
        rmlinks: remove symbolic links too.
    """
    rules = SimpleNamespace(**locals())
    name = os.path.expanduser(name)
    ret = begun(name)
    if not os.path.isabs(name):
        return failed(ret, f"Specified file {name} is not an absolute path")
    if not os.path.isdir(name):
        return failed(ret, f"{name} does not exist or is not a directory.")
    try:
        _read_rules(rules)
    except Refused as exc:
        return failed(ret, str(exc))
    doomed = [path for path in _all_below(name, followlinks) if _is_untidy(path, rules)]
    if not doomed:
        ret["comment"] = f"Nothing to remove from directory {name}"
        return ret
    if __opts__["test"]:
        return predicted(ret, f"{name} is set for tidy", removed=doomed)
    ret["changes"]["removed"] = []
    for path in doomed:
        try:
            __salt__["file.remove"](path)
        except CommandExecutionError as exc:
            return failed(ret, str(exc))
        ret["changes"]["removed"].append(path)
    ret["comment"] = f"Removed {len(doomed)} files or directories from directory {name}"
    return ret


def _read_rules(rules: SimpleNamespace) -> None:
    rules.both = _one_of(rules.age_size_logical_operator.upper(), ("OR", "AND"), "age_size_logical_operator") == "AND"
    only = (rules.age_size_only or "").lower()
    rules.only = _one_of(only, ("", "age", "size"), "age_size_only")
    moment = rules.time_comparison.lower() if isinstance(rules.time_comparison, str) else ""
    rules.moment = f"st_{_one_of(moment, ('atime', 'ctime', 'mtime'), 'time_comparison')}"
    try:
        rules.age = int(rules.age)
    except (TypeError, ValueError):
        raise Refused(f"The age {rules.age!r} is not a number of days") from None
    if isinstance(rules.size, str):
        from minion.jinja.filters.text import human_to_bytes

        rules.size = human_to_bytes(rules.size, handle_metric=True)
    rules.wanted = [re.compile(expression) for expression in rules.matches or [".*"]]
    rules.spared = [re.compile(expression) for expression in rules.exclude or []]


def _one_of(value: str, known: Tuple[str, ...], option: str) -> str:
    if value in known:
        return value
    log.warning("%s must be one of %s; %r is taken instead of %r", option, known, known[0], value)
    return known[0]


def _all_below(top: str, followlinks: bool) -> Iterator[str]:
    for folder, folders, names in os.walk(top, topdown=False, followlinks=followlinks):
        for name in [*names, *folders]:
            yield os.path.join(folder, name)


def _is_untidy(path: str, rules: SimpleNamespace) -> bool:
    is_link = os.path.islink(path)
    try:
        status = os.lstat(path) if is_link else os.stat(path)
    except FileNotFoundError:
        return False
    except PermissionError:
        log.warning("Unable to read %s due to permissions error.", path)
        return False
    is_folder = not is_link and stat.S_ISDIR(status.st_mode)
    if (is_link and not rules.rmlinks) or (is_folder and not rules.rmdirs):
        return False
    age = abs(datetime.date.today() - datetime.date.fromtimestamp(getattr(status, rules.moment))).days
    is_old, is_big = age >= rules.age, (0 if is_link or is_folder else status.st_size) >= rules.size
    by_one = {"age": is_old, "size": is_big}.get(rules.only)
    if not (by_one if by_one is not None else is_old and is_big if rules.both else is_old or is_big):
        return False
    text = path if rules.full_path_match else os.path.basename(path)
    return any(each.match(text) for each in rules.wanted) and not any(each.match(text) for each in rules.spared)


# backups


def retention_schedule(
    name: str, retain: Dict[str, Any], strptime_format: Optional[str] = None, timezone: Any = None
) -> Result:
    """Removes from a folder of backups those that a schedule does not retain.

    Args:
        name: the folder.
        retain: how many to retain of each kind, or `all`: `most_recent`, `first_of_hour`, `first_of_day`,
            `first_of_week`, `first_of_month`, `first_of_year`.
        strptime_format: the form of the names, which tell when each was made; other files are left alone. If not
            given, the time of the last change counts.
        timezone: of the times of change, as a tzinfo object.
    """
    name = os.path.expanduser(name)
    ret = begun(name)
    if not name:
        return failed(ret, "Must provide name to file.retention_schedule")
    if not os.path.isdir(name):
        return failed(ret, "Name provided to file.retention must be a directory")
    made = {each: _made(name, each, strptime_format, timezone) for each in __salt__["file.readdir"](name)}
    times = {each: when for each, when in made.items() if when is not None}
    retained: Set[str] = set()
    for rule, count in retain.items():
        number = sys.maxsize if count == "all" else int(count)
        if rule == "first_of_week":
            retained |= _newest(_by_week(times), 2, number + 1)
        else:
            retained |= _newest(_by_date(times), _RULES[rule], number)
    deleted = sorted(set(times) - retained, reverse=True)
    if deleted:
        ignored = sorted(set(made) - set(times), reverse=True)
        ret["changes"] = {"retained": sorted(retained, reverse=True), "deleted": deleted, "ignored": ignored}
    if __opts__["test"]:
        ret["comment"] = f"{len(deleted)} backups would have been removed from {name}.\n"
        ret["result"] = None if deleted else True
        return ret
    for each in deleted:
        __salt__["file.remove"](os.path.join(name, each))
    ret["comment"] = f"{len(deleted)} backups were removed from {name}.\n"
    return ret


def _made(folder: str, name: str, form: Optional[str], timezone: Any) -> Optional[datetime.datetime]:
    """When a backup was made; None if it is no backup."""
    if name in (".", ".."):
        return None
    if form is None:
        return datetime.datetime.fromtimestamp(os.lstat(os.path.join(folder, name)).st_mtime, timezone)
    try:
        return datetime.datetime.strptime(name, form)
    except ValueError:
        return None


Nested = Any  # mappings of mappings ..., whose values in the end are names


def _grow(tree: Dict[Any, Nested], keys: List[Any], name: str) -> None:
    for key in keys[:-1]:
        tree = tree.setdefault(key, {})
    tree[keys[-1]] = name


def _by_date(times: Dict[str, datetime.datetime]) -> Nested:
    tree: Dict[Any, Nested] = {}
    for name, when in times.items():
        _grow(tree, [when.year, when.month, when.day, when.hour, when.timestamp()], name)
    return tree


def _by_week(times: Dict[str, datetime.datetime]) -> Nested:
    tree: Dict[Any, Nested] = {}
    for name, when in times.items():
        _grow(tree, [when.year, when.isocalendar()[1], when.weekday(), when.timestamp()], name)
    return tree


def _first(tree: Nested) -> str:
    while isinstance(tree, dict):
        tree = tree[min(tree)]
    return str(tree)


def _newest(tree: Nested, depth: int, count: int) -> Set[str]:
    """The first backup of each of the newest periods that lie so deep in the tree."""
    if depth <= 0:
        return {_first(tree)}
    found: Set[str] = set()
    for key in sorted(tree, reverse=True):
        if len(found) >= count:
            break
        found |= _newest(tree[key], depth - 1, count - len(found))
    return found
