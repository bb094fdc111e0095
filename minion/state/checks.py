"""The conditions of a state: `onlyif`, `unless`, `creates` before it runs, `check_cmd` afterwards."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Mapping, MutableMapping, Optional

from minion.data import traverse
from minion.errors import CommandExecutionError
from minion.state.slots import fill_slots
from minion.state.tags import Low, Result

_COMMAND_OPTIONS = ("cwd", "root", "runas", "env", "prepend_path", "umask", "timeout", "success_retcodes")
_NOT_STARTED = 100  # stands for the exit code of a command that could not be run

Functions = Mapping[str, Callable[..., Any]]


class Conditions:
    """Checks conditions by execution modules.

    Args:
        functions: the execution modules.
        context: their `__context__`.
        shell: the shell that commands run in, if the state names none.
    """

    def __init__(self, functions: Functions, context: MutableMapping[str, Any], shell: Optional[str]) -> None:
        self._functions, self._context, self._shell = functions, context, shell

    def before(self, low: Low) -> Result:
        """`result` is True if the state must not run; `comment` says why."""
        result: Result = {"result": False, "comment": []}
        result.update((key, low.get(key)) for key in ("__sls__", "__id__", "name"))
        options = self._command_options(low)
        for key, check in (("onlyif", self._only_if), ("unless", self._unless), ("creates", _creates)):
            if key in low:
                outcome = check(low[key], options)
                result["comment"].append(outcome["comment"])
                result["result"] = result["result"] or outcome["result"]
                if outcome["result"]:
                    result["skip_watch"] = True
        return result

    def after(self, low: Low) -> Result:
        """What `check_cmd` says: all commands must succeed."""
        commands = [low["check_cmd"]] if isinstance(low["check_cmd"], str) else low["check_cmd"]
        options = {"shell": self._shell} if self._shell else {}
        ok = bool(commands)
        for command in commands:
            if self._functions["cmd.retcode"](command, ignore_retcode=True, python_shell=True, **options):
                ok = False
                break
        verdict = {"result": ok, "__sls__": low.get("__sls__"), "__id__": low.get("__id__"), "name": low.get("name")}
        if commands:
            verdict["comment"] = f"check_cmd determined the state {'succeeded' if ok else 'failed'}"
        return verdict

    def _command_options(self, low: Low) -> Dict[str, Any]:
        excluded = low.get("cmd_opts_exclude", [])
        excluded = excluded if isinstance(excluded, list) else [excluded]
        options = {name: low.get(name) for name in _COMMAND_OPTIONS if name not in excluded}
        if "shell" in low and "shell" not in excluded:
            options["shell"] = low["shell"]
        elif self._shell:
            options["shell"] = self._shell
        return options

    def _only_if(self, wanted: Any, options: Dict[str, Any]) -> Dict[str, Any]:
        """The state runs if all of them hold."""
        outcome: Dict[str, Any] = {"result": False}
        for entry in _listed(wanted):
            if isinstance(entry, str):
                holds = self._retcode(entry, options, if_not_started=_NOT_STARTED) == 0
            elif not isinstance(entry, dict):
                return {"result": False, "comment": "onlyif execution failed, bad type passed"}
            elif "fun" not in entry:
                return {"result": False, "comment": f"no `fun` argument in onlyif: {entry}"}
            else:
                holds = self._call(entry)
            if not holds:
                return {"result": True, "comment": "onlyif condition is false"}
            outcome["comment"] = "onlyif condition is true"
        return outcome

    def _unless(self, wanted: Any, options: Dict[str, Any]) -> Dict[str, Any]:
        """The state runs if any of them does not hold."""
        outcome: Dict[str, Any] = {"result": False}
        for entry in _listed(wanted):
            if isinstance(entry, str):
                holds = self._retcode(entry, options, if_not_started=0) == 0
            elif not isinstance(entry, dict):
                outcome = {"result": False, "comment": "unless condition is false, bad type passed"}
                continue
            elif "fun" not in entry:
                return {"result": False, "comment": f"no `fun` argument in unless: {entry}"}
            else:
                holds = self._call(entry)
            if not holds:
                return {"result": False, "comment": "unless condition is false"}
            outcome = {"result": True, "comment": "unless condition is true"}
        return outcome

    def _retcode(self, command: str, options: Dict[str, Any], if_not_started: int) -> int:
        try:
            return int(self._functions["cmd.retcode"](command, ignore_retcode=True, python_shell=True, **options))
        except CommandExecutionError:
            return if_not_started

    def _call(self, entry: Dict[str, Any]) -> bool:
        """Calls `{fun: ..., args: [...], get_return: path, ...keywords}`; a return code that it sets counts."""
        keywords = {key: value for key, value in entry.items() if key not in ("fun", "args", "get_return")}
        args: List[Any] = list(entry.get("args", []))
        fill_slots(args, keywords, self._functions)
        self._context["retcode"] = 0
        value = self._functions[entry["fun"]](*args, **keywords)
        if self._context.get("retcode"):
            return False
        return bool(traverse(value, entry["get_return"]) if entry.get("get_return") else value)


def _listed(value: Any) -> List[Any]:
    return value if isinstance(value, list) else [value]


def _creates(wanted: Any, _options: Dict[str, Any]) -> Dict[str, Any]:
    """The state runs if one of the files is missing."""
    if isinstance(wanted, str) and os.path.exists(wanted):
        return {"result": True, "comment": f"{wanted} exists"}
    if isinstance(wanted, list) and all(os.path.exists(path) for path in wanted):
        return {"result": True, "comment": "All files in creates exist"}
    return {"result": False, "comment": "Creates files not found"}
