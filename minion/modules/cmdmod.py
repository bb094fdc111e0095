"""Runs commands on the minion.

Whoever may call these functions may do anything on the minion.
"""

from __future__ import annotations

import fnmatch
import logging
from typing import Any, Callable, Dict, Optional

from minion.errors import CommandExecutionError, SaltRenderError, TimedProcTimeoutError
from minion.modules import _cmd_outcome
from minion.modules._cmd_process import DEFAULT_SHELL, Command, execute

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "cmd"

log = logging.getLogger(__name__)


def run(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    redirect_stderr: bool = True,
    bg: bool = False,
    password: Optional[str] = None,
    encoded_cmd: bool = False,
    raise_err: bool = False,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> str:
    """Runs a command and returns what it printed, stdout and stderr together.

    Args:
        cmd: the command, as text or as a list of words.
        cwd: where to run it; the home folder of its user if not given.
        stdin: text to give to the command; ``\\n`` in it becomes a newline unless `stdin_raw_newlines` is set.
        runas: the user to run it as, with the environment that a login of that user has.
        group: the group to run it as.
        shell: the shell that interprets the command.
        python_shell: whether a shell interprets the command. If not given: yes when called from the command line
            or with `cmd_safe: False` in the minion's configuration, no when called by another module.
        env: environment variables, as a dictionary or a list of dictionaries.
        clean_env: give no other variables to the command than those in `env`.
        template: render the command by this engine first (`jinja`, ...).
        rstrip: strip white space from the end of the output.
        umask: the umask of the command, in octal.
        output_encoding: how the output is encoded, if not in UTF-8.
        output_loglevel: at which level to log the output; `quiet` for not at all.
        log_callback: function through which everything goes that is logged.
        hide_output: return nothing of the output.
        timeout: seconds after which the command and all that it started are killed.
        reset_system_locale: let programs speak English, by setting the locale to C.
        ignore_retcode: do not take a return code other than 0 as a failure.
        saltenv: the environment of the master's files, for templates.
        use_vt: accepted, and of no effect.
        redirect_stderr: mix stderr into the output.
        bg: start the command and don't wait for it.
        password: accepted, and of no effect: only Windows asks for it.
        encoded_cmd: accepted, and of no effect: only PowerShell knows it.
        raise_err: raise an error if the command fails.
        prepend_path: folders to search before those of $PATH.
        success_retcodes: return codes, besides 0, that mean success.
        success_stdout: texts whose appearance in stdout means success.
        success_stderr: texts whose appearance in stderr means success.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run "ls -l | awk '/foo/{print \\\\$2}'"
        salt '*' cmd.run "grep f" stdin='one\\\\ntwo\\\\nfour\\\\n'
        salt '*' cmd.run 'echo $GREETING' env='{"GREETING": "hello"}' runas=nobody
    """
    arguments = locals()
    result = _run(arguments)
    output = "" if hide_output else str(result["stdout"])
    if raise_err and result["retcode"] and not ignore_retcode:
        raise CommandExecutionError(output)
    return output


def shell(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    bg: bool = False,
    password: Optional[str] = None,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> str:
    """Runs a command through a shell, whoever calls, and returns what it printed.

    The arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.shell "ls -l | grep foo"
    """
    arguments = locals()
    options = {"python_shell": True, **arguments.pop("kwargs"), **arguments}
    if options["python_shell"] is None:
        options["python_shell"] = True
    return run(**options)


def run_stdout(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    password: Optional[str] = None,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> str:
    """Runs a command and returns its stdout only.

    The arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run_stdout "ls -l | awk '/foo/{print \\\\$2}'"
    """
    result = _run(locals())
    return "" if hide_output else str(result["stdout"])


def run_stderr(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    password: Optional[str] = None,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> str:
    """Runs a command and returns its stderr only.

    The arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run_stderr "ls /nowhere"
    """
    result = _run(locals())
    return "" if hide_output else str(result["stderr"])


def run_all(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    redirect_stderr: bool = False,
    password: Optional[str] = None,
    encoded_cmd: bool = False,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Runs a command and returns a dictionary with its `pid`, `retcode`, `stdout` and `stderr`.

    The arguments are those of `cmd.run`; stderr is kept apart unless `redirect_stderr` is set.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run_all "ls -l | awk '/foo/{print \\\\$2}'"
    """
    result = _run(locals())
    if hide_output:
        result["stdout"] = result["stderr"] = ""
    return result


def retcode(
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    password: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> int:
    """Runs a command and returns its return code.

    The arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.retcode "file /bin/bash"
    """
    return int(_run(locals(), redirect_stderr=True)["retcode"])


def run_bg(
    cmd: Any,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    umask: Any = None,
    timeout: Optional[float] = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    password: Optional[str] = None,
    prepend_path: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Dict[str, int]:
    """Starts a command in the background and returns its `pid` at once. Its output goes nowhere.

    The arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run_bg "fstrim-all"
    """
    return {"pid": _run(locals(), bg=True)["pid"]}


def _run(arguments: Dict[str, Any], **fixed: Any) -> Dict[str, Any]:
    """What all the functions above do: `arguments` are their `locals()`, `fixed` is what they decide themselves."""
    options = {**arguments.pop("kwargs"), **arguments, **fixed}
    command = Command.of(options)
    _complete(command, options)
    if "__pub_jid" in options:
        _check_permitted(command.cmd)
    shown = _cmd_outcome.shown(command)
    if command.output_loglevel != "quiet":
        whom = f" as user '{command.runas}'" if command.runas else ""
        log.info("%s", shown(f"Executing command '{command.label}'{whom}"))
    try:
        done = execute(command)
    except TimedProcTimeoutError as exc:
        result = {"pid": exc.pid, "retcode": 1, "stdout": str(exc), "stderr": ""}
    else:
        result = _cmd_outcome.texts(command, done.stdout, done.stderr)
        result.update(pid=done.pid, retcode=_cmd_outcome.verdict(command, done.retcode, result))
    __context__["retcode"] = 0 if command.ignore_retcode else result["retcode"]
    _cmd_outcome.log_result(command, result, shown)
    if command.bg:
        result["retcode"] = None  # nobody waits for it
    return {key: result[key] for key in ("pid", "retcode", "stdout", "stderr")}


def _complete(command: Command, options: Dict[str, Any]) -> None:
    """Fills in what depends on the caller, the job and the configuration."""
    if command.python_shell is None:
        # from the command line users expect pipes and globs; modules pass data, which no shell must interpret
        command.python_shell = bool(options.get("__pub_jid")) or __opts__.get("cmd_safe", True) is False
    if command.runas is None:
        command.runas = __context__.get("runas")
    if command.bg:
        command.ignore_retcode = True
    if command.template:
        words = command.cmd
        is_list = isinstance(words, (list, tuple))
        command.cmd = (
            [_render(str(word), command, options) for word in words]
            if is_list
            else _render(str(words), command, options)
        )
        command.cwd = _render(str(command.cwd), command, options) if command.cwd else None


def _render(text: str, command: Command, options: Dict[str, Any]) -> str:
    from minion import templates

    engine = str(command.template)
    if not templates.engine_is_known(engine):
        raise CommandExecutionError(f"Attempted to render file paths with unavailable engine {engine}")
    pillar = __pillar__
    if options.get("pillar") or options.get("pillarenv"):
        pillar = __salt__["pillar.items"](pillar=options.get("pillar"), pillarenv=options.get("pillarenv"))
    variables = {
        "salt": __salt__,
        "pillar": pillar,
        "grains": __grains__,
        "opts": __opts__,
        "saltenv": command.saltenv or __opts__.get("saltenv") or "base",
    }
    try:
        return templates.render_template(engine, text, variables)
    except SaltRenderError as exc:
        raise CommandExecutionError(exc) from exc


def _check_permitted(cmd: Any) -> None:
    """Holds a command that came from outside against `cmd_blacklist_glob` and `cmd_whitelist_glob`."""
    text = " ".join(map(str, cmd)) if isinstance(cmd, list) else str(cmd)
    refused, allowed = (
        __opts__.get(option) or __pillar__.get(option) or [] for option in ("cmd_blacklist_glob", "cmd_whitelist_glob")
    )
    matches_refused = any(fnmatch.fnmatch(text, glob) for glob in refused)
    matches_allowed = not allowed or any(fnmatch.fnmatch(text, glob) for glob in allowed)
    if matches_refused or not matches_allowed:
        raise CommandExecutionError(f'The shell command "{text}" is not permitted')
