"""Compares what minions return."""

from __future__ import annotations

import difflib
import sys
from typing import Any

from master.runners import _parts
from minion.errors import SaltInvocationError

__opts__: dict[str, Any]


def hash(*args: Any, **kwargs: Any) -> list[dict[str, Any]]:
    """Runs a function on minions and puts those together that returned the same.

    Args:
        args: target (compound), function, its arguments.
        kwargs: keyword arguments of the function; `survey_sort=up` shows the smallest group first, `tgt_type=pcre`
            reads the target as a regular expression.

    CLI Example:

    .. code-block:: bash

        salt-run survey.hash '*' file.get_hash /etc/salt/minion survey_sort=up
    """
    return _groups(args, kwargs)


def diff(*args: Any, **kwargs: Any) -> list[dict[str, Any]]:
    """Like `survey.hash`, and prints how the groups differ from the first one.

    Args:
        args, kwargs: as in `survey.hash`.

    CLI Example:

    .. code-block:: bash

        salt-run survey.diff survey_sort=down '*' cp.get_file_str file:///etc/hosts
    """
    groups = _groups(args, kwargs)
    first: list[str] = groups[0]["result"].splitlines(keepends=True) if groups else []
    for number, group in enumerate(groups):
        shown = f"minion pool :\n------------\n{group['pool']}\npool size :\n----------\n    {len(group['pool'])}\n"
        if number == 0:
            shown += f"pool result :\n------------\n    {group['result']}\n"
        else:
            title = f'differences from "{groups[0]["pool"][0]}" results :'
            lines = group["result"].splitlines(keepends=True)
            found = difflib.unified_diff(first, lines, groups[0]["pool"][0], group["pool"][0], n=0)
            shown += f"{title}\n{'-' * (len(title) - 1)}\n{''.join(found)}\n"
        sys.stdout.write(f"{shown}\n")
    return groups


def _groups(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[dict[str, Any]]:
    if len(args) < 2:
        raise SaltInvocationError("a survey needs a target and a function")
    sort, kind = kwargs.pop("survey_sort", "down"), kwargs.pop("tgt_type", "compound")
    keywords = {name: value for name, value in kwargs.items() if not name.startswith("_")}
    answers = _parts.client(__opts__).cmd(
        args[0],
        args[1],
        list(args[2:]),
        timeout=__opts__["timeout"],
        tgt_type=kind if kind in ("compound", "pcre") else "compound",
        kwarg=keywords,
    )
    pools: dict[str, list[str]] = {}
    for minion in sorted(answers):
        pools.setdefault(str(answers[minion]), []).append(minion)
    groups = [{"pool": pool, "result": result} for result, pool in pools.items()]
    return sorted(groups, key=lambda group: len(group["pool"]), reverse=sort != "up")
