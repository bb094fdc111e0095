"""Pillar data that a command prints."""

from __future__ import annotations

import shlex
from typing import Any, Callable, Mapping

from minion.errors import CommandExecutionError


def parsed_output(
    salt: Mapping[str, Callable[..., Any]],
    command: str,
    minion_id: str,
    parse: Callable[[str], Any],
    kind: str,
    in_shell: bool,
) -> Any:
    """What a command prints, read by `parse`.

    The command is not shown when it fails: it may hold a password.

    Args:
        salt: execution functions.
        command: as in the configuration; `%s` in it becomes the minion id.
        minion_id: for whom.
        parse: reads text.
        kind: what the text should be, for errors.
        in_shell: whether a shell runs it.

    Raises:
        CommandExecutionError: it failed, or printed something else.
    """
    line = command.replace("%s", shlex.quote(minion_id))
    result = salt["cmd.run_all"](line, python_shell=in_shell, output_loglevel="quiet")
    if result["retcode"]:
        raise CommandExecutionError(f"the command ended with exit code {result['retcode']}")
    try:
        return parse(result["stdout"])
    except Exception as exc:  # noqa: BLE001 - parsers fail in many ways, and show what they read
        raise CommandExecutionError(f"the command did not print {kind}: {type(exc).__name__}") from None
