"""What the states of packet filters share."""

from __future__ import annotations

from typing import Any, Mapping

from minion.errors import CommandExecutionError
from minion.states._result import Result


def needed(kwargs: Mapping[str, Any], key: str) -> Any:
    """An argument that can't be left out."""
    try:
        return kwargs[key]
    except KeyError:
        raise CommandExecutionError(f"'{key}' has to be given") from None


def changed(ret: Result, comment: str) -> Result:
    """The result of a state that has changed something."""
    return {**ret, "changes": {"locale": ret["name"]}, "comment": comment}
