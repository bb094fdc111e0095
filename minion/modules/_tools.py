"""Runs the system's own programs for modules that read what they print."""

from __future__ import annotations

import os
import shutil
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from minion.errors import CommandExecutionError, CommandNotFoundError

_SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def which(program: str) -> Optional[str]:
    """Where a program lies, on PATH or in the usual folders; None if nowhere."""
    return shutil.which(program) or shutil.which(program, path=_SEARCH)


def need(program: str) -> str:
    """Where a program lies; an error that names it if it is missing."""
    path = which(program)
    if path is None:
        raise CommandNotFoundError(f"Command '{program}' cannot be found")
    return path


def result(salt: Mapping[str, Callable[..., Any]], argv: Sequence[Any], **options: Any) -> Dict[str, Any]:
    """What `cmd.run_all` says of a program that was started without a shell and speaks English."""
    words = [str(word) for word in argv]
    words[0] = need(words[0]) if os.sep not in words[0] else words[0]
    env = {"LC_ALL": "C", **options.pop("env", {})}
    found: Dict[str, Any] = salt["cmd.run_all"](words, python_shell=False, env=env, **options)
    return found


def succeeds(salt: Mapping[str, Callable[..., Any]], argv: Sequence[Any], **options: Any) -> bool:
    """Whether a program ended with 0."""
    return bool(result(salt, argv, **options)["retcode"] == 0)


def output(salt: Mapping[str, Callable[..., Any]], argv: Sequence[Any], **options: Any) -> str:
    """The stdout of a program; an error that quotes its stderr if it failed."""
    done = result(salt, argv, **options)
    if done["retcode"]:
        raise CommandExecutionError(failure(argv, done))
    return str(done["stdout"])


def failure(argv: Sequence[Any], done: Mapping[str, Any]) -> str:
    """The sentence that tells a user why a program failed."""
    reason = done["stderr"] or done["stdout"] or "it said nothing"
    return f"{' '.join(map(str, argv))} failed with return code {done['retcode']}: {reason}"


def lines(salt: Mapping[str, Callable[..., Any]], argv: Sequence[Any], **options: Any) -> List[str]:
    """The lines of a program's stdout that are not empty."""
    return [line for line in output(salt, argv, **options).splitlines() if line.strip()]
