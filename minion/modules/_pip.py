"""Runs pip: that of a virtual environment or of the system, as another user, with requirements from the master."""

from __future__ import annotations

import glob
import os
import re
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from minion.modules import _tools
from minion.modules._private import private_file

Salt = Mapping[str, Callable[..., Any]]

_SECRET = re.compile(r"://[^/@]+@")
_INCLUDE = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[=\s]+(\S+)", re.M)
_URL = re.compile(r"(?:https?|ftp|file)://", re.I)


def words(value: Any) -> List[str]:
    """A list of words from a list, or from text with commas between."""
    if value is None or value == "":
        return []
    items = value if isinstance(value, (list, tuple)) else str(value).split(",")
    return [str(item).strip() for item in items]


def command(bin_env: Optional[str]) -> List[str]:
    """How to call the pip of an environment (its folder, or the path of its python or pip), or our own."""
    if not bin_env:
        return [os.path.normpath(sys.executable), "-m", "pip"]
    if os.path.isdir(bin_env):
        names = ["python", "bin/python", "bin/python3"]
        found = [os.path.join(bin_env, name) for name in names]
        found += sorted(glob.glob(os.path.join(bin_env, "bin", "python[0-9]*")))
        for path in found:
            if os.path.isfile(path) and os.access(path, os.X_OK) and re.search(r"python[\d.]*$", path):
                return [os.path.normpath(path), "-m", "pip"]
        raise CommandNotFoundError(f"Could not find a pip binary in virtualenv {bin_env}")
    path = bin_env if os.path.exists(bin_env) else _tools.which(bin_env) or bin_env
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        raise CommandNotFoundError(f"Access denied to {bin_env}, could not find a pip binary")
    is_python = "python" in os.path.basename(path)
    return [os.path.normpath(path), *(["-m", "pip"] if is_python else [])]


def run(
    salt: Salt,
    arguments: Sequence[str],
    bin_env: Optional[str] = None,
    user: Optional[str] = None,
    cwd: Optional[str] = None,
    env_vars: Optional[Mapping[str, Any]] = None,
    settings: Optional[Mapping[str, Optional[str]]] = None,
    **more: Any,
) -> Dict[str, Any]:
    """What `cmd.run_all` says of a call of pip.

    Args:
        settings: options whose value may hold a password; such values go into a configuration file.
    """
    if env_vars is not None and not isinstance(env_vars, Mapping):
        raise CommandExecutionError(f"env_vars {env_vars} is not a dictionary")
    argv = command(bin_env) + list(arguments)
    env = {"VIRTUAL_ENV": bin_env} if bin_env and os.path.isdir(bin_env) else {}
    env.update((str(key), str(value)) for key, value in (env_vars or {}).items())
    secret: Dict[str, str] = {}
    for name, value in (settings or {}).items():
        if value and _SECRET.search(value):
            secret[name] = value
        elif value:
            argv += [f"--{name}", value]
    with ExitStack() as stack:
        if secret:
            text = "[global]\n" + "".join(f"{name} = {value}\n" for name, value in secret.items())
            env["PIP_CONFIG_FILE"] = stack.enter_context(private_file(text, user))
        return _tools.result(salt, argv, runas=user, cwd=cwd, env=env, **more)


def proxy(opts: Mapping[str, Any], given: Any) -> Optional[str]:
    """The proxy to use: the given one, none with False, else that of the minion's options."""
    if given or given is False:
        return str(given) if given else None
    if not opts.get("proxy_host") or not opts.get("proxy_port"):
        return None
    user, password = opts.get("proxy_username"), opts.get("proxy_password")
    who = f"{user}:{password}@" if user and password else ""
    return f"http://{who}{opts['proxy_host']}:{opts['proxy_port']}"


def url(value: Optional[str], what: str = "URL") -> Optional[str]:
    """The value, if it is a URL."""
    if value and not _URL.match(value):
        raise CommandExecutionError(f"'{value}' is not a valid {what}")
    return value


def common(log: Optional[str], timeout: Any) -> List[str]:
    """Options that install and uninstall share."""
    found: List[str] = []
    if log:
        if os.path.isdir(log):
            raise SaltInvocationError(f"'{log}' is a directory. Use --log path_to_file")
        if not os.path.isdir(os.path.dirname(os.path.abspath(log))):
            raise SaltInvocationError(f"Trying to create '{log}' but its parent directory does not exist.")
        found += ["--log", log]
    if timeout:
        if isinstance(timeout, float) or not str(timeout).isdigit():
            raise SaltInvocationError(f"'{timeout}' is not a valid timeout, must be an integer")
        found += ["--timeout", str(timeout)]
    return found


def more_options(extra_args: Any) -> List[str]:
    """Further options: texts, and one-element mappings of an option to its value."""
    found: List[str] = []
    for argument in extra_args or ():
        if isinstance(argument, Mapping):
            ((key, value),) = argument.items()
            if isinstance(value, (dict, list)):
                raise SaltInvocationError(f"Too many levels in: {key}")
            found += [str(key), str(value)]
        else:
            found.append(str(argument))
    return found


@contextmanager
def requirements(
    salt: Salt, files: Any, saltenv: str, user: Optional[str], cwd: Optional[str]
) -> Iterator[Tuple[List[str], str]]:
    """(options that name requirements files, what is missing). Files that the user may not read are copied."""
    with ExitStack() as stack:
        found: List[str] = []
        for file in words(files):
            path = file
            if file.startswith("salt://"):
                path = salt["cp.cache_file"](file, saltenv)
                if not path:
                    yield [], f"pip requirements file '{file}' not found"
                    return
            if user and user != "root":
                path = stack.enter_context(_readable_copy(os.path.join(cwd or os.getcwd(), path), user))
            found += ["--requirement", path]
        yield found, ""


@contextmanager
def _readable_copy(path: str, user: str) -> Iterator[str]:
    """A copy of a requirements file, and of those that it includes, in a folder of the user."""
    import pwd

    entry = pwd.getpwnam(user)
    folder = tempfile.mkdtemp()
    try:
        base, top = os.path.dirname(path), os.path.basename(path)
        to_copy, copied = [top], set()
        while to_copy:
            name = to_copy.pop()
            source, target = os.path.join(base, name), os.path.normpath(os.path.join(folder, name))
            if name in copied or not target.startswith(folder + os.sep) or not os.path.isfile(source):
                continue
            copied.add(name)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copyfile(source, target)
            with open(target, encoding="utf-8", errors="replace") as file:
                includes = _INCLUDE.findall(file.read())
            to_copy += [os.path.join(os.path.dirname(name), include) for include in includes]
        for root, folders, files in os.walk(folder):
            for item in [root, *(os.path.join(root, name) for name in folders + files)]:
                os.chown(item, entry.pw_uid, entry.pw_gid)
        yield os.path.join(folder, top)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def normalize(name: str) -> str:
    """The name of a distribution as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()
