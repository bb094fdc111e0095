"""Looks for text in files, and edits them by sed and patch."""

from __future__ import annotations

import fnmatch
import glob
import mmap
import os
import re
import shlex
import shutil
from typing import Any, Callable, Dict, List

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import keep_copy

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "file"

_FLAGS = {"I": re.I, "L": re.L, "M": re.M, "S": re.S, "U": re.U, "X": re.X}


def contains(path: str, text: str) -> bool:
    """Tells whether a file contains a text; white space around the text does not count.

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains /etc/crontab 'mymaintenance.sh'
    """
    needle = str(text).strip().encode("utf-8", "surrogateescape")
    try:
        with open(os.path.expanduser(path), "rb") as file:
            try:
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    return content.find(needle) != -1
            except (ValueError, OSError):  # an empty file, or one of those in /proc
                content_read = file.read()
                return bool(content_read) and needle in content_read
    except OSError:
        return False


def contains_regex(path: str, regex: str, lchar: str = "") -> bool:
    """Tells whether a regular expression matches in a line of a file.

    Args:
        path: the file.
        regex: the regular expression.
        lchar: characters to strip from the beginning of each line before.

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains_regex /etc/crontab 'maint.*sh'
    """
    pattern = re.compile(regex)
    try:
        with open(os.path.expanduser(path), encoding="utf-8", errors="surrogateescape") as file:
            return any(pattern.search(line.lstrip(lchar) if lchar else line) for line in file)
    except OSError:
        return False


def contains_glob(path: str, glob_expr: str) -> bool:
    """Tells whether a glob matches the content of a file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.contains_glob /etc/foobar '*cheese*'
    """
    try:
        with open(os.path.expanduser(path), encoding="utf-8", errors="surrogateescape") as file:
            return fnmatch.fnmatch(file.read(), glob_expr)
    except OSError:
        return False


def grep(path: str, pattern: str, *opts: str) -> Dict[str, Any]:
    """Runs grep(1) on files and returns what `cmd.run_all` does.

    Args:
        path: the file, or a glob.
        pattern: what to look for.
        opts: options of grep, each by itself.

    CLI Example:

    .. code-block:: bash

        salt '*' file.grep /etc/passwd nobody
        salt '*' file.grep /etc/sysconfig/network-scripts/ifcfg-eth0 ipaddr -- -i
        salt '*' file.grep "/etc/sysconfig/network-scripts/*" ipaddr -- -i -l
    """
    path = os.path.expanduser(path)
    options: List[str] = []
    for opt in opts:
        words = shlex.split(str(opt))
        if len(words) > 1:
            raise SaltInvocationError(
                "Passing multiple command line arguments in a single string is not supported, "
                f"please pass the following arguments separately: {opt}"
            )
        options += words
    command = ["grep", *options, str(pattern), *(glob.glob(path) or [path])]
    result: Dict[str, Any] = __salt__["cmd.run_all"](command, python_shell=False)
    return result


def sed(
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str = ".bak",
    options: str = "-r -e",
    flags: str = "g",
    escape_all: bool = False,
    negate_match: bool = False,
) -> Any:
    """Edits a file by sed(1) and returns what `cmd.run_all` does. `file.replace` does more.

    Args:
        path: the file.
        before: what to look for.
        after: what to put in its place.
        limit: look only in lines that match this.
        backup: keep the file as it was under this ending.
        options: options of sed.
        flags: flags of the `s` command.
        escape_all: take `before`, `after` and `limit` as plain text.
        negate_match: look only in lines that do not match `limit`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.sed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    old, new, where = (_escape(str(text), escape_all) for text in (before, after, limit))
    address = f"/{where}/ " if where else ""
    script = f"{address}{'!' if negate_match else ''}s/{old}/{new}/{flags}"
    command = ["sed", f"-i{backup}" if backup else "-i", *shlex.split(options), script, path]
    return __salt__["cmd.run_all"](command, python_shell=False)


def sed_contains(path: str, text: str, limit: str = "", flags: str = "g") -> bool:
    """Tells whether sed(1) finds a regular expression in a file.

    Args:
        path: the file.
        text: what to look for.
        limit: look only in lines that match this.
        flags: flags of the `s` command.

    CLI Example:

    .. code-block:: bash

        salt '*' file.sed_contains /etc/crontab 'mymaintenance.sh'
    """
    path = os.path.expanduser(path)
    if not os.path.exists(path):
        return False
    address = f"/{_escape(str(limit))}/ " if limit else ""
    script = f"{address}s/{_escape(str(text))}/$/p{flags}"
    return bool(__salt__["cmd.run"](["sed", "-n", "-r", "-e", script, path], python_shell=False))


def _escape(text: str, all_characters: bool = False) -> str:
    text = text.replace("/", "\\/")
    return re.sub(r"([\^.\[$()|*+?{])", r"\\\1", text) if all_characters else text


def psed(
    path: str,
    before: str,
    after: str,
    limit: str = "",
    backup: str = ".bak",
    flags: str = "gMS",
    escape_all: bool = False,
    multi: bool = False,
) -> None:
    """Replaces text in a file as `file.sed` does, by Python's regular expressions. `file.replace` does more.

    Args:
        path: the file.
        before: what to look for.
        after: what to put in its place.
        limit: begin behind the first place that matches this.
        backup: keep the file as it was under this ending.
        flags: `g` for all places; I, L, M, S, U, X are flags of the regular expression.
        escape_all: take `before` and `limit` as plain text.
        multi: look at each line by itself.

    CLI Example:

    .. code-block:: bash

        salt '*' file.psed /etc/httpd/httpd.conf 'LogLevel warn' 'LogLevel info'
    """
    path = os.path.realpath(os.path.expanduser(path))
    old, where = (re.escape(str(text)) if escape_all else str(text) for text in (before, limit))
    bits = sum(_FLAGS[flag] for flag in set(flags) - {"g"})
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
        head, rest = "", file.read()
    found = re.search(where, rest) if where else None
    if found:
        head, rest = rest[: found.end()], rest[found.end() :]
    parts = rest.splitlines(True) if multi else [rest]
    if not where or found:
        parts = [re.sub(old, str(after), part, count=0 if "g" in flags else 1, flags=bits) for part in parts]
    if backup:
        keep_copy(path, path + backup)
    atomic.write(path, head + "".join(parts))


def patch(originalfile: str, patchfile: str, options: Any = "", dry_run: bool = False) -> Dict[str, Any]:
    """Applies a patch to a file or folder by patch(1) and returns what `cmd.run_all` does.

    Args:
        originalfile: the file or folder.
        patchfile: the patch.
        options: options of patch, as text or as a list.
        dry_run: only find out whether it can be applied.

    CLI Example:

    .. code-block:: bash

        salt '*' file.patch /opt/file.txt /tmp/file.txt.patch
    """
    program = shutil.which("patch")
    if not program:
        raise CommandExecutionError("patch executable not found. Is the distribution's patch package installed?")
    given = shlex.split(options) if isinstance(options, str) else list(map(str, options))
    command = [program, *given]
    if dry_run:
        command.append("--dry-run")
    if not {"-N", "--forward"} & set(given):
        command.append("--forward")  # or it would ask
    if not any(option.startswith(("-r", "--reject-file")) for option in given):
        command.append("--reject-file=-")  # or it would leave a file beside
    command += ["-i", patchfile]
    if os.path.isdir(originalfile):
        command += ["-d", originalfile]
        if not any(option.startswith(("-p", "--strip=")) for option in given):
            command.append("--strip=0")
    else:
        command.append(originalfile)
    result: Dict[str, Any] = __salt__["cmd.run_all"](command, python_shell=False)
    return result
