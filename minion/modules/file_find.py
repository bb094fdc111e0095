"""Looks for files: by name, type, age, ..., or by who has them open."""

from __future__ import annotations

import glob
import os
from typing import Any, Dict, Iterator, List, Set

from minion.modules._file_find import Finder

__virtualname__ = "file"


def find(path: str, *args: str, **kwargs: Any) -> Any:
    """Finds files, much like find(1), and returns their paths.

    Args:
        path: where to look; a glob.
        args: `print` or `delete`, as a short form of the keywords.
        kwargs: what to look for, and what to do:

            - name, iname: a glob that the name must match (iname: in upper or lower case)
            - regex, iregex: a regular expression, likewise
            - type: letters of b, c, d, f, l, p, s as for find(1)
            - owner, group: names or numbers, separated by commas
            - size: `[+-]number[b|k|m|g|t]`; + for at least, - for at most
            - mtime: `[+-]` and an interval like `3d` or `1w2d3h`; - for changed since, otherwise for not since
            - grep: a regular expression that must match in the file
            - mindepth, maxdepth: how deep to go
            - print: what to return: group, md5, mode, mtime, name, path, size, type, user
            - delete: delete files of these types; `a` for all
            - exec: a command to run for each file; `{}` stands for its path
            - test: with `delete`, delete nothing

    CLI Example:

    .. code-block:: bash

        salt '*' file.find / type=f name=\\*.bak size=+10m
        salt '*' file.find /var mtime=+30d size=+10m print=path,size,mtime
        salt '*' file.find /var/log name=\\*.[0-9] mtime=+30d size=+10m delete
    """
    options = dict(kwargs)
    if "delete" in args:
        options["delete"] = "f"
    elif "print" in args:
        options["print"] = "path"
    try:
        finder = Finder(options)
    except ValueError as exc:
        return f"error: {exc}"
    return sorted(result for top in glob.glob(os.path.expanduser(path)) for result in finder.find(top))


def open_files(by_pid: bool = False) -> Dict[Any, List[Any]]:
    """Returns the files that processes have open: file -> the processes.

    Args:
        by_pid: return process -> its files.

    CLI Example:

    .. code-block:: bash

        salt '*' file.open_files
        salt '*' file.open_files by_pid=True
    """
    by_process = {int(name): sorted(set(_files_of(name))) for name in os.listdir("/proc") if name.isdigit()}
    if by_pid:
        return by_process
    by_file: Dict[str, Set[int]] = {}
    for pid, files in by_process.items():
        for file in files:
            by_file.setdefault(file, set()).add(pid)
    return {file: sorted(pids) for file, pids in by_file.items()}


def _files_of(pid: str) -> Iterator[str]:
    try:
        links = [f"/proc/{pid}/exe", *(f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd"))]
    except OSError:  # it has ended meanwhile, or is none of our business
        return
    for link in links:
        try:
            path = os.readlink(link)
        except OSError:
            continue
        if os.path.exists(path):  # neither a socket, a pipe, nor a deleted file
            yield path
