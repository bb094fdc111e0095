"""What became of a command: its output as text, whether it succeeded, and what of it is logged."""

from __future__ import annotations

import logging
from typing import Any, Callable, Dict, List, Optional

from minion.errors import SaltInvocationError
from minion.modules._cmd_process import Command

log = logging.getLogger(__name__)

_LEVELS = {
    "all": logging.NOTSET,
    "garbage": 1,
    "trace": 5,
    "debug": logging.DEBUG,
    "profile": 15,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


def texts(command: Command, stdout: bytes, stderr: bytes) -> Dict[str, Any]:
    """stdout and stderr as text."""
    encoding = command.output_encoding or "utf-8"
    result = {}
    for name, raw in (("stdout", stdout), ("stderr", stderr)):
        text = raw.decode(encoding, "replace")
        result[name] = text.rstrip() if command.rstrip else text
    return result


def verdict(command: Command, retcode: int, result: Dict[str, Any]) -> int:
    """The return code, after what the caller said means success."""
    try:
        codes = [int(code) for code in _split(command.success_retcodes)]
    except ValueError:
        raise SaltInvocationError("success_retcodes must be a list of integers") from None
    succeeded = (
        retcode in codes
        or any(text in result["stdout"] for text in _split(command.success_stdout))
        or any(text in result["stderr"] for text in _split(command.success_stderr))
    )
    return 0 if succeeded else retcode


def _split(value: Any) -> List[Any]:
    """A list, or a comma-separated text, as a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [part.strip() for part in str(value).split(",")]


def shown(command: Command) -> Callable[[str], Any]:
    """The function through which everything goes that is logged."""
    callback = command.log_callback
    if callback is None:
        return lambda text: text
    if not callable(callback):
        log.error("log_callback is not callable, ignoring")
        return lambda text: text
    return lambda text: callback(text)


def log_result(command: Command, result: Dict[str, Any], show: Callable[[str], Any]) -> None:
    """Logs what a command printed, and loudly if it failed."""
    level = _log_level(command.output_loglevel)
    if level is None:
        return
    failed = result["retcode"] != 0 and not command.ignore_retcode
    if failed:
        level = max(level, logging.ERROR)
        log.error("%s", show(f"Command '{command.label}' failed with return code: {result['retcode']}"))
    for name in ("stdout", "stderr"):
        if result[name]:
            log.log(level, "%s: %s", name, show(result[name]))
    if result["retcode"]:
        log.log(level, "retcode: %s", result["retcode"])


def _log_level(name: Optional[str]) -> Optional[int]:
    if str(name).lower() == "quiet":
        return None
    level = _LEVELS.get(str(name).lower())
    if level is None:
        log.error("Invalid output_loglevel '%s'. Falling back to 'info'.", name)
        return logging.INFO
    return level
