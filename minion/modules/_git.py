"""Runs git: as another user, with an SSH key, with a user name and password that appear on no command line."""

from __future__ import annotations

import os
import pwd
import re
import shlex
import tempfile
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import quote, urlsplit, urlunsplit

from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules import _tools
from minion.modules._private import private_file

Salt = Mapping[str, Callable[..., Any]]

_SSH = (
    "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o PasswordAuthentication=no "
    "-o KbdInteractiveAuthentication=no -o IdentitiesOnly=yes -i "
)


def redact(text: str) -> str:
    """The text with the user names and passwords in its URLs masked."""
    return re.sub(r"(https?://)[^/@\s]+@", r"\1<redacted>@", text)


def options(opts: Any) -> List[str]:
    """A list of words from a list, or from text as a shell would split it; `--` at the end is dropped."""
    if opts is None or opts == "":
        return []
    words = [str(item) for item in opts] if isinstance(opts, (list, tuple)) else shlex.split(str(opts))
    return words[:-1] if words and words[-1] == "--" and not isinstance(opts, (list, tuple)) else words


def words_of(value: Any) -> List[str]:
    """A list of words from a list, or from text with commas between."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [str(item) for item in value]
    return [part.strip() for part in str(value).split(",")]


def folder(cwd: Any, user: Optional[str]) -> str:
    """An absolute path; a relative one lies in the user's home."""
    return os.path.join(os.path.expanduser(f"~{user}" if user else "~"), str(cwd))


def run(
    salt: Salt,
    words: Sequence[str],
    cwd: Optional[str] = None,
    user: Optional[str] = None,
    password: Optional[str] = None,
    ignore_retcode: bool = False,
    output_encoding: Optional[str] = None,
    git_opts: Any = "",
    identity: Any = None,
    saltenv: str = "base",
    redirect_stderr: bool = False,
    failhard: bool = True,
    credentials: Optional[str] = None,
) -> Dict[str, Any]:
    """What `cmd.run_all` says of a git command; an error that quotes what git said if it failed.

    Args:
        git_opts: options before the command.
        identity: SSH keys to try, one after the other.
        redirect_stderr: stdout holds both.
        failhard: False returns the result of a command that failed.
        credentials: file in the format of `git credential-store`.
    """
    prefix = ["git", *options(git_opts)]
    if credentials:
        prefix += ["-c", "credential.helper=", "-c", f"credential.helper=store --file={shlex.quote(credentials)}"]
    argv = [*prefix, *words]
    call: Dict[str, Any] = {
        "cwd": cwd,
        "runas": user,
        "password": password,
        "ignore_retcode": ignore_retcode,
        "redirect_stderr": redirect_stderr,
        "output_encoding": output_encoding,
        "log_callback": redact,
        "env": {"GIT_TERMINAL_PROMPT": "0"},
    }
    if identity:
        done, complaints = _with_identities(salt, argv, call, words_of(identity), saltenv)
    else:
        done = _tools.result(salt, argv, **call)
        complaints = done["stderr"] or done["stdout"]
    if done["retcode"] and failhard:
        shown = redact(" ".join(argv))
        raise CommandExecutionError(f"Command '{shown}' failed" + (f": {redact(complaints)}" if complaints else ""))
    return done


def _with_identities(
    salt: Salt, argv: Sequence[str], call: Dict[str, Any], identities: List[str], saltenv: str
) -> Tuple[Dict[str, Any], str]:
    """The first result that succeeded, else the last one with what went wrong with every key."""
    complaints: List[str] = []
    done: Dict[str, Any] = {"retcode": 1, "stdout": "", "stderr": ""}
    for identity in identities:
        with _key(salt, identity, saltenv, call["runas"]) as path:
            if path is None:
                complaints.append(f"identity file {identity} does not exist")
                continue
            call["env"]["GIT_SSH_COMMAND"] = _SSH + shlex.quote(path)
            done = _tools.result(salt, argv, **call)
        if not done["retcode"]:
            return done, ""
        complaints.append(f"with {identity}: {done['stderr'] or done['stdout']}")
    return done, "Unable to authenticate using identity file:\n\n" + "\n".join(complaints)


@contextmanager
def _key(salt: Salt, identity: str, saltenv: str, user: Optional[str]) -> Iterator[Optional[str]]:
    """Path of a key; one from the master is there only as long as it is needed."""
    if "://" not in identity:
        yield identity if os.path.isfile(identity) else None
        return
    with private_file("", user) as path:
        yield path if salt["cp.get_file"](identity, path, saltenv) else None


# User name and password


def split_url(url: Any, user: Optional[str], password: Optional[str]) -> Tuple[str, str]:
    """(URL without user name and password, line for `git credential-store` or "")."""
    url = str(url)
    if user is None and password is None:
        return url, ""
    if password is None or user is None:
        if user is None:
            raise SaltInvocationError("User name is required for HTTP basic auth")
        password = "x-oauth-basic"  # noqa: S105 - what GitHub takes beside a token given as user name
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise SaltInvocationError("Basic Auth only supported for HTTPS")
    host = parts.netloc.rpartition("@")[2]
    line = f"https://{quote(str(user), safe='')}:{quote(str(password), safe='')}@{host}"
    return urlunsplit(parts._replace(netloc=host)), line


@contextmanager
def credentials_of(line: str, user: Optional[str]) -> Iterator[Optional[str]]:
    """A file for `run(credentials=...)`; None if there are none."""
    if not line:
        yield None
        return
    with private_file(line + "\n", user) as path:
        yield path


def remember(salt: Salt, cwd: str, line: str, user: Optional[str], password: Optional[str]) -> None:
    """Lets later commands in a repository use a user name and password.

    They lie in a file of the repository that only its owner can read, not in its configuration: git hands URLs to its
    helpers on the command line.
    """
    if not line:
        return
    git_dir = run(salt, ["rev-parse", "--absolute-git-dir"], cwd, user, password)["stdout"]
    owner = os.stat(git_dir)
    if user and owner.st_uid != pwd.getpwnam(user).pw_uid:
        raise CommandExecutionError(f"{git_dir} does not belong to {user}: the password is not kept there")
    path = os.path.join(git_dir, "credentials")
    host = urlsplit(line).netloc.rpartition("@")[2]
    lines = [line] + [known for known in _lines(path) if urlsplit(known).netloc.rpartition("@")[2] != host]
    handle, scratch = tempfile.mkstemp(dir=git_dir)
    with os.fdopen(handle, "w") as file:
        file.write("".join(f"{known}\n" for known in lines))
        os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    os.replace(scratch, path)
    helper = f"store --file={shlex.quote(path)}"
    run(salt, ["config", "--local", f"credential.https://{host}.helper", helper], cwd, user, password)


def _lines(path: str) -> List[str]:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError:
        return []
    with os.fdopen(handle) as file:
        return file.read().split()


def references(text: str) -> Dict[str, str]:
    """Name -> commit, from the lines of `git ls-remote`."""
    rows = (line.split(None, 1) for line in text.splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 2}


def no_more(kwargs: Mapping[str, Any]) -> None:
    """Refuses keyword arguments that nobody took."""
    unknown = [key for key in kwargs if not key.startswith("__")]
    if unknown:
        raise SaltInvocationError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
