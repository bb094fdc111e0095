"""Looks for programs and shells, writes to terminals, and runs commands in a chroot."""

from __future__ import annotations

import contextlib
import glob
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._cmd_process import DEFAULT_SHELL

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "cmd"

log = logging.getLogger(__name__)

_DEFAULT_PATH = "/bin:/sbin:/usr/bin:/usr/sbin:/usr/local/bin:/usr/local/sbin"

# how to ask an interpreter for its version, and how it answers
_VERSIONS = {
    "bash": (r"version (\d\S*)", ["bash", "--version"]),
    "zsh": (r"^zsh (\d\S*)", ["zsh", "--version"]),
    "tcsh": (r"^tcsh (\d\S*)", ["tcsh", "--version"]),
    "perl": (r"^(\d\S*)", ["perl", "-e", 'printf "%vd\n", $^V;']),
    "python": (r"^Python (\d\S*)", ["python", "-V"]),
    "ruby": (r"^ruby (\d\S*)", ["ruby", "-v"]),
    "php": (r"^PHP (\d\S*)", ["php", "-v"]),
    "powershell": (r"PSVersion\s+(\d\S*)", ["powershell", "-NonInteractive", "$PSVersionTable"]),
}


def which(cmd: str) -> Optional[str]:
    """Returns the path of a program, or None if it is not installed.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.which cat
    """
    if not cmd:
        return None
    return shutil.which(str(cmd)) or shutil.which(str(cmd), path=_DEFAULT_PATH)


def which_bin(cmds: List[str]) -> Optional[str]:
    """Returns the path of the first program of a list that is installed.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.which_bin '[pip2, pip, pip-python]'
    """
    return next((path for path in map(which, cmds) if path), None)


def has_exec(cmd: str) -> bool:
    """Tells whether a program is installed.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.has_exec cat
    """
    return which(cmd) is not None


def shells() -> List[str]:
    """Returns the shells that /etc/shells lists.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.shells
    """
    try:
        with open("/etc/shells", encoding="utf-8", errors="replace") as stream:
            lines = [line.strip() for line in stream]
    except FileNotFoundError:
        return []
    return [line for line in lines if line and not line.startswith("#")]


def shell_info(shell: str, list_modules: bool = False) -> Dict[str, Any]:
    """Returns whether a shell or interpreter is installed, its path and its version.

    Args:
        shell: bash, zsh, tcsh, perl, php, powershell, python or ruby.
        list_modules: accepted, and of no effect: only Windows knows modules of a shell.

    The answer has `installed` (None if it can't be told), `path`, `version` (two or three numbers) and `version_raw`,
    or else `error`, and `stdout` if that helps to find out why.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.shell_info bash
    """
    if shell not in _VERSIONS:
        return {"error": f"Salt does not know how to get the version number for {shell}", "installed": None}
    pattern, argv = _VERSIONS[shell]
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"HOME": os.path.expanduser("~"), **os.environ},
            timeout=10,
            check=False,
        )
    except OSError as exc:
        return {"error": f"Unable to run command '{' '.join(argv)}' Reason: {exc}", "installed": False}
    except subprocess.TimeoutExpired:
        return {"error": f"Unable to run command '{' '.join(argv)}' Reason: Timed out.", "installed": False}
    return _version_info(shell, pattern, argv[0], done.stdout.decode(errors="replace"))


def _version_info(shell: str, pattern: str, program: str, output: str) -> Dict[str, Any]:
    info: Dict[str, Any] = {"installed": None, "path": which(program)}
    raw = re.search(pattern, output, re.IGNORECASE)
    if raw:
        info["version_raw"] = raw.group(1)
        numbers = re.match(r"\d[\d.]*", raw.group(1))
        if numbers:
            parts = numbers.group(0).split(".")[:3]
            info.update(installed=True, version=".".join(parts if len(parts) > 1 else [*parts, "0"]))
    if "version" not in info:
        info["error"] = f"The version regex pattern for shell {shell}, could not find the version string"
        info["stdout"] = output
    return info


def tty(device: str, echo: str = "") -> Dict[str, str]:
    """Writes a text to a terminal.

    Args:
        device: the terminal: `tty0`, `pts3`, ...
        echo: the text.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.tty tty0 'This is a test'
        salt '*' cmd.tty pts3 'This is a test'
    """
    name = re.fullmatch(r"(tty\w*|pts/?(\d+))", device)
    if not name:
        return {"Error": "The specified device is not a valid TTY"}
    path = f"/dev/pts/{name.group(2)}" if name.group(2) else f"/dev/{device}"
    try:
        with open(os.open(path, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8") as terminal:
            terminal.write(str(echo))
    except OSError:
        return {"Error": f"Echoing to {path} returned error"}
    return {"Success": f"Message was successfully echoed to {path}"}


def run_chroot(
    root: str,
    cmd: Any,
    cwd: Optional[str] = None,
    stdin: Optional[str] = None,
    runas: Optional[str] = None,
    group: Optional[str] = None,
    shell: Optional[str] = DEFAULT_SHELL,
    python_shell: bool = True,
    binds: Optional[List[str]] = None,
    env: Any = None,
    clean_env: bool = False,
    template: Optional[str] = None,
    rstrip: bool = True,
    umask: Any = None,
    output_encoding: Optional[str] = None,
    output_loglevel: str = "quiet",
    log_callback: Any = None,
    hide_output: bool = False,
    timeout: Optional[float] = None,
    reset_system_locale: bool = True,
    ignore_retcode: bool = False,
    saltenv: Optional[str] = None,
    use_vt: bool = False,
    bg: bool = False,
    success_retcodes: Any = None,
    success_stdout: Any = None,
    success_stderr: Any = None,
    **kwargs: Any,
) -> Dict[str, Any]:
    """Runs a command in a chroot, with dev, proc and sys mounted there, and returns what `cmd.run_all` does.

    Args:
        root: the folder that becomes the root.
        cmd: the command.
        runas: the user to run it as, as the chroot knows it.
        group: the group to run it as, as the chroot knows it.
        binds: folders of the minion to mount in the chroot at the same place.

    The other arguments are those of `cmd.run`.

    CLI Example:

    .. code-block:: bash

        salt '*' cmd.run_chroot /var/lib/lxc/container_name/rootfs 'sh /tmp/bootstrap.sh'
        salt '*' cmd.run_chroot /srv/root 'apt-get update' binds='["/etc/apt"]'
    """
    options = locals()
    options.update(options.pop("kwargs"))
    for name in ("root", "cmd", "runas", "group", "binds"):
        options.pop(name)
    user = [f"--userspec={runas}:{group or ''}"] if runas else []
    inner_shell = "/bin/bash" if os.path.isfile(os.path.join(root, "bin/bash")) else "/bin/sh"
    text = " ".join(map(str, cmd)) if isinstance(cmd, (list, tuple)) else str(cmd)
    if os.path.realpath(root) == "/":
        raise SaltInvocationError(f"{root} is the root of the minion itself: no chroot")
    line = shlex.join(["chroot", *user, root, inner_shell, "-c", text])
    with _mounted(root, binds or []):
        result: Dict[str, Any] = __salt__["cmd.run_all"](line, **options)
    return result


@contextlib.contextmanager
def _mounted(root: str, binds: List[str]) -> Iterator[None]:
    """Mounts what a command in a chroot needs besides its files, and afterwards kills what it left running there."""
    wanted: List[Tuple[str, str, Dict[str, str]]] = [
        (os.path.join(root, "dev"), "devtmpfs", {"fstype": "devtmpfs"}),
        (os.path.join(root, "proc"), "proc", {"fstype": "proc"}),
        (os.path.join(root, "sys"), "sysfs", {"fstype": "sysfs"}),
        *((os.path.join(root, bind.lstrip("/")), bind, {"opts": "default,bind"}) for bind in binds),
    ]
    mounted = []
    try:
        for where, device, options in wanted:
            answer = __salt__["mount.mount"](where, device, **options)
            if answer is not True:
                raise CommandExecutionError(f"{device} can't be mounted on {where}: {answer}")
            mounted.append(where)
        yield
    finally:
        _kill_inside(root)
        for where in reversed(mounted):
            __salt__["mount.umount"](where)


def _kill_inside(root: str) -> None:
    """Ends the processes whose root is the chroot: first politely, then not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        pids = _pids_inside(root)
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
        deadline = time.monotonic() + 3
        while pids and time.monotonic() < deadline:
            time.sleep(0.05)
            pids = _pids_inside(root)
    if pids:
        log.error("Processes %s in the chroot %s can't be killed; its file systems remain mounted", pids, root)


def _pids_inside(root: str) -> List[int]:
    found = []
    inside = os.path.realpath(root)
    for link in glob.glob("/proc/[0-9]*/root"):
        try:
            if os.path.realpath(os.readlink(link)) == inside:
                found.append(int(link.split("/")[2]))
        except OSError:
            continue
    return found
