"""Runs one program for the `cmd` module: as whom, where, with which environment, and for how long at most."""

from __future__ import annotations

import dataclasses
import grp
import logging
import os
import pwd
import shlex
import signal
import subprocess
import uuid
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Union

from minion.errors import CommandExecutionError, SaltInvocationError, TimedProcTimeoutError

log = logging.getLogger(__name__)

DEFAULT_SHELL = os.environ.get("SHELL", "/bin/sh")

# Programs' messages are parsed, so they must come in English. LC_ALL is left alone: only a user sets it.
_PLAIN_LOCALE = (
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
    "LANGUAGE",
)

# Popen objects of background programs: kept so that they are reaped instead of being warned about.
_background: List[subprocess.Popen[bytes]] = []


@dataclasses.dataclass
class Command:
    """What to run and how; the attributes are the arguments of `cmd.run`."""

    cmd: Any
    cwd: Any = None
    stdin: Any = None
    runas: Optional[str] = None
    group: Optional[str] = None
    shell: Optional[str] = DEFAULT_SHELL
    python_shell: Optional[bool] = None
    env: Any = None
    clean_env: bool = False
    prepend_path: Optional[str] = None
    template: Optional[str] = None
    rstrip: bool = True
    umask: Any = None
    output_encoding: Optional[str] = None
    output_loglevel: Optional[str] = "debug"
    log_callback: Any = None
    timeout: Any = None
    reset_system_locale: bool = True
    ignore_retcode: bool = False
    saltenv: Optional[str] = None
    redirect_stderr: bool = False
    bg: bool = False
    success_retcodes: Any = None
    success_stdout: Any = None
    success_stderr: Any = None
    stdin_raw_newlines: bool = False

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Command:
        """A command from keyword arguments; those that mean nothing here are passed over."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in arguments.items() if name in known})

    @property
    def label(self) -> str:
        """The first word: all of a command that may appear in logs, since arguments can be secret."""
        words = self.cmd if isinstance(self.cmd, (list, tuple)) else str(self.cmd).split()
        return str(words[0]).strip() if words else ""


class Finished(NamedTuple):
    """What a program left behind."""

    pid: int
    retcode: int
    stdout: bytes
    stderr: bytes


def execute(command: Command) -> Finished:
    """Runs a command to its end, or starts it if it belongs in the background.

    Raises:
        CommandExecutionError: it can't be started; the message says why.
        TimedProcTimeoutError: it ran too long and was killed with all that it had started.
    """
    cwd = _working_directory(command)
    if command.shell and not (os.path.isfile(command.shell) and os.access(command.shell, os.X_OK)):
        raise CommandExecutionError(f"The shell {command.shell} is not available")
    if command.timeout and not isinstance(command.timeout, (int, float)):
        raise SaltInvocationError(f"Error: timeout {command.timeout} must be a number")
    argv = arguments_of(command)
    process = _start(command, argv, cwd)
    if command.bg:
        _background[:] = [one for one in _background if one.poll() is None] + [process]
        return Finished(process.pid, 0, b"", b"")
    return _finish(command, argv, process)


def _working_directory(command: Command) -> str:
    if command.cwd:
        cwd = str(command.cwd)
        if not os.path.isabs(cwd) or not os.path.isdir(cwd):
            raise CommandExecutionError(f"Specified cwd '{cwd}' either not absolute or does not exist")
        return cwd
    home = os.path.expanduser(f"~{command.runas or ''}")
    return home if os.path.isdir(home) and os.access(home, os.R_OK) else "/"


def arguments_of(command: Command) -> Union[str, List[str]]:
    """The text a shell is to interpret, or the arguments of a program that is started directly."""
    words = [str(word) for word in command.cmd] if isinstance(command.cmd, (list, tuple)) else None
    if command.python_shell:
        return str(command.cmd) if words is None else " ".join(map(shlex.quote, words))
    if words is not None:
        return words
    return shlex.split(str(command.cmd)) if command.shell is not None else str(command.cmd)


def _start(command: Command, argv: Union[str, List[str]], cwd: str) -> subprocess.Popen[bytes]:
    in_shell = bool(command.python_shell)
    stdin = subprocess.PIPE if command.stdin is not None and not command.bg else None
    stdout = subprocess.PIPE
    stderr = subprocess.STDOUT if command.redirect_stderr else subprocess.PIPE
    if command.bg:
        stdin = stdout = stderr = subprocess.DEVNULL
    try:
        return subprocess.Popen(
            argv,
            cwd=cwd,
            env=environment_of(command),
            shell=in_shell,
            executable=command.shell if in_shell else None,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            preexec_fn=identity_of(command),  # Python 3.8 has no other way; jobs have no threads
            start_new_session=bool(command.timeout or command.bg),  # a session can be killed as a whole
        )
    except subprocess.SubprocessError:
        whom = f"user '{command.runas}'" if command.runas else f"group '{command.group}'"
        raise CommandExecutionError(f"Unable to run command '{command.label}': not allowed to become {whom}") from None
    except (OSError, ValueError, IndexError) as exc:
        shown = "REDACTED" if command.output_loglevel == "quiet" else argv
        context = {  # neither the environment nor stdin: both carry secrets
            "cwd": cwd,
            "shell": in_shell,
            "stdout": stdout,
            "stderr": stderr,
            "with_communicate": not command.bg,
            "timeout": command.timeout,
            "bg": command.bg,
            "close_fds": True,
        }
        message = f"Unable to run command '{shown}' with the context '{context}', reason: {exc}"
        raise CommandExecutionError(message) from None


def _finish(command: Command, argv: Union[str, List[str]], process: subprocess.Popen[bytes]) -> Finished:
    given = None
    if command.stdin is not None:
        text = str(command.stdin)
        given = (text if command.stdin_raw_newlines else text.replace("\\n", "\n")).encode()
    try:
        stdout, stderr = process.communicate(given, timeout=command.timeout or None)
    except subprocess.TimeoutExpired:
        _kill(process)
        message = f"{argv} : Timed out after {command.timeout} seconds"
        raise TimedProcTimeoutError(message, process.pid) from None
    except BaseException:  # an interrupt must not leave the program behind
        _kill(process)
        raise
    return Finished(process.pid, process.returncode, stdout or b"", stderr or b"")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kills a program, and all of its session if it leads one."""
    try:
        if os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        pass
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                pass


def identity_of(command: Command) -> Optional[Callable[[], None]]:
    """What the new process does before it becomes the program: take on user, groups and umask."""
    umask = _umask(command.umask)
    user = find_user(command.runas) if command.runas else None
    gid = _gid(command.group) if command.group else (user.pw_gid if user else None)
    changes_user = user is not None and user.pw_uid != os.geteuid()
    changes_group = gid is not None and gid != os.getegid()
    if umask is None and not changes_user and not changes_group:
        return None
    groups = os.getgrouplist(user.pw_name, user.pw_gid) if user else None

    def become() -> None:
        if changes_user or changes_group:
            assert gid is not None
            os.setgid(gid)
            if groups is not None:
                os.setgroups(groups)
            if user is not None:
                os.setuid(user.pw_uid)
        if umask is not None:
            os.umask(umask)

    return become


def _umask(umask: Any) -> Optional[int]:
    if umask is None:
        return None
    digits = str(umask).lstrip("0")
    if not digits:
        raise CommandExecutionError("Zero umask is not allowed.")
    try:
        return int(digits, 8)
    except ValueError:
        raise CommandExecutionError(f"Invalid umask: '{umask}'") from None


def find_user(name: str) -> pwd.struct_passwd:
    """The account of that name."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise CommandExecutionError(f"User '{name}' is not available") from None


def _gid(name: str) -> int:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        raise CommandExecutionError(f"Group '{name}' is not available") from None


def environment_of(command: Command) -> Dict[str, str]:
    """The environment of the program: ours, over it that of its user's login, over it what was asked for."""
    asked = _pairs(command.env)
    env = dict(asked)
    if command.runas:
        account = find_user(command.runas)
        is_own = account.pw_uid == os.geteuid() != 0  # nobody but root can log in without a password
        login = {} if is_own else _login_environment(command.runas, command.shell)
        env = {**login, **asked, "USER": command.runas}
        env["HOME"] = account.pw_dir
    if command.reset_system_locale is True:
        for name in _PLAIN_LOCALE:
            env.setdefault(name, "C")
    if not command.clean_env:
        env = {**os.environ, **env}
    if command.prepend_path:
        env["PATH"] = ":".join(filter(None, (command.prepend_path, env.get("PATH"))))
    if "NOTIFY_SOCKET" not in asked:
        env.pop("NOTIFY_SOCKET", None)  # the service manager would take the program for the minion
    return env


def _pairs(env: Any) -> Dict[str, str]:
    """`env` as users write it: a dictionary, or a list of dictionaries."""
    if isinstance(env, (list, tuple)):
        merged: Dict[Any, Any] = {}
        for entry in env:
            if isinstance(entry, dict):
                merged.update(entry)
        env = merged
    if not isinstance(env, dict):
        return {}
    return {str(name): "" if value is None else str(value) for name, value in env.items()}


def _login_environment(user: str, shell: Optional[str]) -> Dict[str, str]:
    """The environment that a login of the user gets; empty if the user can't log in."""
    marker = uuid.uuid4().hex  # profiles may print anything; only what stands between the markers counts
    script = f"printf {marker}; cat /proc/self/environ; printf {marker}"
    chosen = ["-s", shell] if shell else []
    try:
        done = subprocess.run(
            ["su", *chosen, "-", user, "-c", script],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        log.error("Environment could not be retrieved for user '%s': %s", user, exc)
        return {}
    parts = done.stdout.split(marker.encode())
    if len(parts) != 3:
        log.error("Environment could not be retrieved for user '%s': stderr=%r", user, done.stderr)
        return {}
    entries = (entry.partition(b"=") for entry in parts[1].split(b"\0") if b"=" in entry)
    found = {os.fsdecode(name): os.fsdecode(value) for name, _, value in entries}
    found.pop("_", None)
    return found
