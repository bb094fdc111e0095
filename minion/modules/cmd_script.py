"""Runs scripts that the master serves, and code given as text."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import tempfile
from typing import Any, Callable, Dict, List, Optional, Union

from minion.modules._cmd_process import DEFAULT_SHELL, find_user

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__context__: Dict[str, Any]
__virtualname__ = "cmd"

log = logging.getLogger(__name__)


def script(
    source: str,
    args: Any = None,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    template: Optional[str] = None,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    bg: bool = False,
    password: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Fetches a script from the master (or any URL, or a local path), runs it, and returns what `cmd.run_all` does.

    Args:
        source: where the script is, for example ``salt://scripts/runme.sh``.
        args: arguments for it, as text or as a list.
        template: render the script by this engine first.
        saltenv: the environment to fetch it from.

    The other arguments are those of `cmd.run`. The script is kept in `cwd` while it runs, or among the temporary files.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.script salt://scripts/runme.sh
        salt '*' cmd.script salt://scripts/runme.sh 'arg1 arg2 "arg 3"'
    """
    options = locals()
    options.update(options.pop("kwargs"))
    for name in ("source", "args", "cwd", "template", "__env__"):
        options.pop(name, None)
    saltenv = saltenv or __opts__.get("saltenv") or "base"
    handle, path = tempfile.mkstemp(prefix="__salt.tmp.", suffix=_extension(source), dir=cwd)
    os.close(handle)
    try:
        if not _fetch(source, path, template, saltenv, kwargs):
            __context__["retcode"] = 1
            return {"pid": 0, "retcode": 1, "stdout": "", "stderr": "", "cache_error": True}
        os.chmod(path, 0o500)
        if runas:
            os.chown(path, find_user(runas).pw_uid, -1)
        if args:
            options["python_shell"] = False
        words = shlex.split(args) if isinstance(args, str) else [str(word) for word in args or ()]
        return _run_all([path, *words], cwd=cwd, **options)
    finally:
        _remove(path, keep=bg)


def _run_all(command: List[str], **options: Any) -> Dict[str, Any]:
    result: Dict[str, Any] = __salt__["cmd.run_all"](command, **options)
    return result


def _extension(source: str) -> str:
    return os.path.splitext(source.partition("?saltenv=")[0])[1]


def _fetch(source: str, path: str, template: Optional[str], saltenv: str, extra: Dict[str, Any]) -> bool:
    """Writes the script to `path`; False if there is none."""
    if template:
        if extra.get("pillar") or extra.get("pillarenv"):
            pillar = __salt__["pillar.items"](pillar=extra.get("pillar"), pillarenv=extra.get("pillarenv"))
            extra = {**extra, "pillar": pillar}
        return bool(__salt__["cp.get_template"](source, path, template, saltenv, **extra))
    cached = __salt__["cp.cache_file"](source, saltenv)
    if not cached:
        return False
    try:
        shutil.copyfile(cached, path)
    except FileNotFoundError:
        return False
    return True


def _remove(path: str, keep: bool) -> None:
    """Removes a script that has run; one that still runs in the background needs its file."""
    if keep:
        return
    try:
        os.remove(path)
    except OSError as exc:
        log.error("The temporary script %s can't be removed: %s", path, exc)


def script_retcode(
    source: str,
    args: Any = None,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: Optional[bool] = None,
    env: Any = None,
    template: Optional[str] = "jinja",
    umask: Any = None,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    saltenv: Optional[str] = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "debug",
    log_callback: Any = None,
    use_vt: bool = False,
    password: Optional[str] = None,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> int:
    """Does what `cmd.script` does, and returns the return code only. The script is a Jinja template by default.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.script_retcode salt://scripts/runme.sh
        salt '*' cmd.script_retcode salt://scripts/runme.sh 'arg1 arg2 "arg 3"'
    """
    options = locals()
    options.update(options.pop("kwargs"))
    return int(script(**options)["retcode"])


def exec_code(lang: str, code: str, cwd: Optional[str] = None, args: Any = None, **kwargs: Any) -> str:
    """Runs code by an interpreter and returns its stdout.

    Args:
        lang: the interpreter: `python3`, `ruby`, `perl`, ...
        code: the code.
        cwd: where to run it.
        args: an argument, or a list of arguments.

    All arguments of `cmd.run_all` but `python_shell` may be given too.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.exec_code ruby 'puts "cheese"'
        salt '*' cmd.exec_code ruby 'puts "cheese"' args='["arg1", "arg2"]' env='{"FOO": "bar"}'
    """
    return str(exec_code_all(lang, code, cwd, args, **kwargs)["stdout"])


def exec_code_all(
    lang: str, code: str, cwd: Optional[str] = None, args: Union[str, List[Any], None] = None, **kwargs: Any
) -> Dict[str, Any]:
    """Runs code by an interpreter and returns what `cmd.run_all` does. The arguments are those of `cmd.exec_code`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.exec_code_all ruby 'puts "cheese"'
    """
    handle, path = tempfile.mkstemp(prefix="__salt.tmp.")
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(str(code))
            if kwargs.get("runas"):
                os.fchown(handle, find_user(kwargs["runas"]).pw_uid, -1)
        words = [args] if isinstance(args, str) else [str(word) for word in args or ()]
        return _run_all([lang, path, *words], **{**kwargs, "cwd": cwd, "python_shell": False})
    finally:
        _remove(path, keep=bool(kwargs.get("bg")))
