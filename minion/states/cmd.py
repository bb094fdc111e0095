"""Runs commands and scripts."""

from __future__ import annotations

import copy
import json
import os
import shlex
from typing import Any, Callable, Dict, List, Optional

from minion.errors import CommandExecutionError, SaltRenderError

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__env__: str

Result = Dict[str, Any]


def _nothing(name: str) -> Result:
    return {"name": name, "changes": {}, "result": True, "comment": ""}


def wait(
    name: str,
    cwd: Optional[str] = None,
    root: Optional[str] = None,
    runas: Optional[str] = None,
    shell: Optional[str] = None,
    env: Any = (),
    stateful: Any = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    use_vt: bool = False,
    success_retcodes: Optional[List[int]] = None,
    success_stdout: Optional[List[str]] = None,
    success_stderr: Optional[List[str]] = None,
    **kwargs: Any,
) -> Result:
    """Runs a command only if a state that this one watches has changed something.

    Args:
        name: the command.
        cwd, root, runas, shell, env, stateful: as for `cmd.run`.
        output_loglevel, hide_output, use_vt: as for `cmd.run`.
        success_retcodes, success_stdout, success_stderr: as for `cmd.run`.
        kwargs: as for `cmd.run`.
    """
    return _nothing(name)


def watch(name: str, **kwargs: Any) -> Result:
    """Another name of `cmd.wait`.

    Args:
        name: the command.
        kwargs: as for `cmd.run`.
    """
    return _nothing(name)


def wait_script(
    name: str,
    source: Optional[str] = None,
    template: Optional[str] = None,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
    shell: Optional[str] = None,
    env: Any = None,
    stateful: Any = False,
    use_vt: bool = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    success_retcodes: Optional[List[int]] = None,
    success_stdout: Optional[List[str]] = None,
    success_stderr: Optional[List[str]] = None,
    **kwargs: Any,
) -> Result:
    """Runs a script only if a state that this one watches has changed something.

    Args:
        name: the script, or the command line of the one in `source`.
        source, template, cwd, runas, shell, env, stateful: as for `cmd.script`.
        use_vt, output_loglevel, hide_output: as for `cmd.script`.
        success_retcodes, success_stdout, success_stderr: as for `cmd.script`.
        kwargs: as for `cmd.script`.
    """
    return _nothing(name)


def run(
    name: str,
    cwd: Optional[str] = None,
    root: Optional[str] = None,
    runas: Optional[str] = None,
    password: Optional[str] = None,
    shell: Optional[str] = None,
    env: Any = None,
    prepend_path: Optional[str] = None,
    stateful: Any = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    timeout: Optional[int] = None,
    ignore_timeout: bool = False,
    use_vt: bool = False,
    success_retcodes: Optional[List[int]] = None,
    success_stdout: Optional[List[str]] = None,
    success_stderr: Optional[List[str]] = None,
    **kwargs: Any,
) -> Result:
    """Runs a command in a shell; it succeeds if its exit code is 0.

    Args:
        name: the command.
        cwd: the folder to run it in.
        root: a folder to change root to.
        runas: the user to run it as.
        password: of that user, where the system asks for one.
        shell: the shell; by default the minion's.
        env: further environment variables, as a mapping or a list of them.
        prepend_path: put before PATH.
        stateful: the command's last line says what it did: `changed=yes comment="..."`, or all of its output is JSON
            that says so; a list with `test_name` names the command for test mode.
        output_loglevel: level at which output is logged, or `quiet`.
        hide_output: do not show output.
        timeout: seconds after which it is killed.
        ignore_timeout: a timeout is no failure.
        use_vt: run it in a terminal.
        success_retcodes: other exit codes that are fine.
        success_stdout, success_stderr: texts in the output that make it a success.
        kwargs: passed on to `cmd.run_all`.
    """
    ret: Result = {"name": name, "changes": {}, "result": False, "comment": ""}
    test_name = _test_name(stateful)
    reads_output = bool(stateful) if isinstance(stateful, list) else stateful is True
    command = test_name if __opts__["test"] and test_name else name
    if env is not None and not isinstance(env, (list, dict)):
        return {**ret, "comment": "Invalidly-formatted 'env' parameter. See documentation."}
    if __opts__["test"] and not test_name:
        ret.update(result=None, comment=f'Command "{command}" would have been executed', changes={"cmd": command})
        return _read_stateful(ret) if reads_output else ret
    if cwd and not os.path.isdir(cwd):
        return {**ret, "comment": f'Desired working directory "{cwd}" is not available'}
    options = {
        **copy.deepcopy(kwargs),
        "cwd": cwd,
        "root": root,
        "runas": runas,
        "password": password,
        "use_vt": use_vt,
        "shell": shell or __grains__.get("shell"),
        "env": env,
        "prepend_path": prepend_path,
        "output_loglevel": output_loglevel,
        "hide_output": hide_output,
        "success_retcodes": success_retcodes,
        "success_stdout": success_stdout,
        "success_stderr": success_stderr,
    }
    try:
        function = __salt__["cmd.run_chroot" if root else "cmd.run_all"]
        outcome = function(cmd=command, timeout=timeout, python_shell=True, **options)
    except Exception as exc:  # noqa: BLE001 - whatever keeps the command from running is the state's failure
        return {**ret, "comment": str(exc)}
    if ignore_timeout and outcome["retcode"] == 1 and "Timed out after" in outcome["stdout"]:
        outcome["retcode"] = 0
    ret.update(changes=outcome, result=not outcome["retcode"], comment=f'Command "{command}" run')
    return _finished(ret, outcome, reads_output)


def _test_name(stateful: Any) -> str:
    """The command that a list in `stateful` names for test mode; "" if there is none."""
    if isinstance(stateful, list) and stateful and isinstance(stateful[0], dict):
        name: str = stateful[0].get("test_name") or ""
        return name
    return ""


def _finished(ret: Result, outcome: Any, reads_output: bool) -> Result:
    if reads_output:
        ret = _read_stateful(ret)
    if __opts__["test"] and outcome["retcode"] == 0 and ret["changes"]:
        ret["result"] = None
    return ret


def script(
    name: str,
    source: Optional[str] = None,
    template: Optional[str] = None,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
    password: Optional[str] = None,
    shell: Optional[str] = None,
    env: Any = None,
    stateful: Any = False,
    timeout: Optional[int] = None,
    use_vt: bool = False,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    defaults: Optional[Dict[str, Any]] = None,
    context: Optional[Dict[str, Any]] = None,
    success_retcodes: Optional[List[int]] = None,
    success_stdout: Optional[List[str]] = None,
    success_stderr: Optional[List[str]] = None,
    **kwargs: Any,
) -> Result:
    """Brings a script from the master and runs it.

    Args:
        name: URL of the script; or, if `source` is given, a command line whose arguments are the script's.
        source: URL of the script.
        template: engine to render the script with.
        cwd: the folder to run it in.
        runas: the user to run it as.
        password: of that user, where the system asks for one.
        shell: the shell; by default the minion's.
        env: further environment variables, as a mapping or a list of them.
        stateful: as for `cmd.run`.
        timeout: seconds after which it is killed.
        use_vt: run it in a terminal.
        output_loglevel: level at which output is logged, or `quiet`.
        hide_output: do not show output.
        defaults: variables for the template.
        context: variables for the template, which win over the defaults.
        success_retcodes: other exit codes that are fine.
        success_stdout, success_stderr: texts in the output that make it a success.
        kwargs: passed on to `cmd.script`; `args` are the script's arguments.
    """
    test_name = _test_name(stateful)
    reads_output = bool(stateful) if isinstance(stateful, list) else stateful is True
    name = test_name if __opts__["test"] and test_name else name
    ret: Result = {"name": name, "changes": {}, "result": False, "comment": ""}
    problem = _wrong_types(env, context, defaults)
    if problem:
        return {**ret, "comment": problem}
    if __opts__["test"] and not test_name:
        ret.update(result=None, comment=f"Command '{name}' would have been executed")
        return _read_stateful(ret) if reads_output else ret
    if cwd and not os.path.isdir(cwd):
        return {**ret, "comment": f'Desired working directory "{cwd}" is not available'}
    options = {
        **copy.deepcopy(kwargs),
        "runas": runas,
        "password": password,
        "shell": shell or __grains__.get("shell"),
        "env": env,
        "cwd": cwd,
        "template": template,
        "timeout": timeout,
        "output_loglevel": output_loglevel,
        "hide_output": hide_output,
        "use_vt": use_vt,
        "context": {**(defaults or {}), **(context or {})},
        "saltenv": __env__,
        "success_retcodes": success_retcodes,
        "success_stdout": success_stdout,
        "success_stderr": success_stderr,
    }
    _, _, arguments = name.partition(" ")
    if arguments and not options.get("args"):
        options["args"] = arguments
    source = name if source is None else source
    try:
        outcome = __salt__["cmd.script"](source, python_shell=True, **options)
    except (CommandExecutionError, SaltRenderError, OSError) as exc:
        return {**ret, "comment": str(exc)}
    unavailable = f"Unable to cache script {source} from saltenv '{__env__}'"
    comment = unavailable if outcome.get("cache_error") else f"Command '{name}' run"
    ret.update(changes=outcome, result=not outcome["retcode"], comment=comment)
    return _finished(ret, outcome, reads_output)


def _wrong_types(env: Any, context: Any, defaults: Any) -> str:
    if env is not None and not isinstance(env, (list, dict)):
        return "Invalidly-formatted 'env' parameter. See documentation."
    for option, value in (("context", context), ("defaults", defaults)):
        if value and not isinstance(value, dict):
            return f"Invalidly-formatted '{option}' parameter. Must be formed as a dict."
    return ""


def call(
    name: str,
    func: Callable[..., Any],
    args: Any = (),
    kws: Optional[Dict[str, Any]] = None,
    output_loglevel: str = "debug",
    hide_output: bool = False,
    use_vt: bool = False,
    **kwargs: Any,
) -> Result:
    """Calls a Python function that an SLS file in Python gives.

    Args:
        name: any text.
        func: the function.
        args: its arguments.
        kws: its keyword arguments.
        output_loglevel, hide_output, use_vt: ignored.
        kwargs: ignored.
    """
    value = func(*args, **(kws or {}))
    ret: Result = {"name": name, "changes": {}, "result": False, "comment": ""}
    if isinstance(value, dict):
        return {**ret, **value}
    comment = value if isinstance(value, str) else ""
    return {**ret, "changes": {"retval": value}, "result": value is None or bool(value), "comment": comment}


def wait_call(name: str, func: Callable[..., Any], **kwargs: Any) -> Result:
    """Calls a Python function only if a state that this one watches has changed something.

    Args:
        name: any text.
        func: the function.
        kwargs: as for `cmd.call`.
    """
    return _nothing(name)


def mod_watch(name: str, **kwargs: Any) -> Result:
    """Runs the command because of a change.

    Args:
        name: the command.
        kwargs: those of the state, and `sfun`, its function.
    """
    function = kwargs["sfun"]
    if function in ("wait", "run", "watch"):
        return run(name, **kwargs)
    if function in ("wait_script", "script"):
        return script(name, **kwargs)
    failed: Result = {"name": name, "changes": {}, "result": False}
    if function in ("wait_call", "call"):
        if kwargs.get("func"):
            return call(name, kwargs.pop("func"), **kwargs)
        return {**failed, "comment": f"cmd.{function} needs a named parameter func"}
    comment = f"cmd.{function} does not work with the watch requisite, please use cmd.wait or cmd.wait_script"
    return {**failed, "comment": comment}


def _read_stateful(ret: Result) -> Result:
    """Lets the command's own words about its changes stand for its output."""
    outcome = ret["changes"]
    ret.update(changes={}, comment="")
    output = outcome.get("stdout")
    if not output:
        ret["comment"] = outcome.get("stderr") or ""
        return ret
    try:
        said = json.loads(output)
        before = ""
        if not isinstance(said, dict):
            return {**ret, "result": False, "comment": "script JSON output must be a JSON object (e.g., {})!"}
    except ValueError:
        before, _, last = output.rstrip().rpartition("\n")
        try:
            said = dict(item.split("=") for item in shlex.split(last))
        except ValueError:
            comment = "Failed parsing script output! Stdout must be JSON or a line of name=value pairs."
            return {**ret, "result": False, "comment": comment, "changes": outcome}
    ret["comment"] = said.pop("comment", "")
    if _is_yes(said.get("changed", "no")):
        ret["changes"] = {**outcome, **said, "stdout": before}
    return ret


def _is_yes(value: Any) -> bool:
    text = str(value).lower()
    if text in ("true", "yes", "1", "false", "no", "0"):
        return text in ("true", "yes", "1")
    raise ValueError(f"Failed parsing boolean value: {value}")
