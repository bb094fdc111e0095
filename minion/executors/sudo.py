"""Calls the function as another user, for minions that do not run as root (`sudo_user`)."""

from __future__ import annotations

import json
import os
import shutil
from typing import Any, Callable, Dict, List, Tuple, Union

from minion.arguments import typed

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]

_RUNS_STATES = ("state.sls", "state.highstate", "state.apply")


def __virtual__() -> Union[bool, Tuple[bool, str]]:
    if not __opts__.get("sudo_user"):
        return False, "the option sudo_user is not set"
    return True if shutil.which("sudo") else (False, "sudo is not installed")


def execute(opts: Dict[str, Any], data: Dict[str, Any], func: Callable[..., Any], args: List[Any], kwargs: Any) -> Any:
    """Runs `sudo -u SUDO_USER salt-call FUNCTION ...` and returns what the function returned there.

    Arguments reach the other salt-call as JSON, whatever they contain.

    CLI Example:

    .. code-block:: bash

        salt --module-executors='[sudo]' '*' cmd.run 'cat /etc/sudoers'
    """
    given = {name: value for name, value in kwargs.items() if not name.startswith("__pub_")}
    if data["fun"] in _RUNS_STATES:
        given["concurrent"] = True
    user = opts["sudo_user"]
    command = ["sudo", "-u", user, "salt-call", "--out", "json", "--metadata", "--no-return-job"]
    command += ["-c", opts.get("conf_dir") or os.path.dirname(opts["conf_file"]), "--", data["fun"]]
    command += [_word(arg) for arg in args] + [f"{name}={_word(value)}" for name, value in given.items()]
    result = __salt__["cmd.run_all"](command, python_shell=False, ignore_retcode=True)
    try:
        answer = json.loads(result["stdout"])["local"]
    except (ValueError, KeyError):
        __context__["retcode"] = result["retcode"] or 1
        return result["stderr"] or result["stdout"]
    __context__["retcode"] = answer.get("retcode", 0)
    return answer["return"]


def _word(value: Any) -> str:
    """A word of the command line that salt-call reads as this value again."""
    return value if isinstance(value, str) and typed(value) == value else json.dumps(value)
