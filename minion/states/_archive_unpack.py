"""Unpacks tar archives for `archive.extracted`: by Python, with the help of xz(1), or by tar(1) if it has options."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import tarfile
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Union

from minion.states._file import Refused

Salt = Mapping[str, Callable[..., Any]]


class Failed(Exception):
    """tar(1) failed; what it said is shown as changes."""

    def __init__(self, outcome: Dict[str, Any]) -> None:
        super().__init__(outcome.get("stderr", ""))
        self.outcome = outcome


def stripped_components(options: Optional[str]) -> Optional[int]:
    """How many folders the options of tar(1) take from the paths."""
    found = re.search(r"--strip(?:-components)?(?:\s+|=)[\"']?(\d+)[\"']?", options or "")
    return int(found.group(1)) if found else None


def untar(salt: Salt, path: str, dest: str, options: Optional[str], count: int) -> Union[List[str], str]:
    """Unpacks an archive and returns what was unpacked.

    Args:
        salt: the execution functions.
        path: the archive.
        dest: where to.
        options: of tar(1).
        count: return no more names than that; 0 for all.

    Raises:
        Failed: tar(1) failed.
        Refused: it can't be unpacked.
    """
    names = _by_python(path, dest) if options is None else _by_command(salt, path, dest, options)
    return names[:count] if count else names


def _by_python(path: str, dest: str) -> List[str]:
    try:
        with tarfile.open(path) as archive:
            return _unpack(archive, dest)
    except tarfile.ReadError:
        pass
    except (tarfile.TarError, OSError) as exc:
        raise Refused(f"Failed to unpack {path}: {exc}") from exc
    if not shutil.which("xz"):
        raise Refused(
            "Failed to read from tar archive. If it is XZ-compressed, install xz-utils to attempt extraction."
        )
    with subprocess.Popen(
        ["xz", "--decompress", "--stdout", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
                return _unpack(archive, dest)
        except (tarfile.TarError, OSError) as exc:
            raise Refused(
                "Failed to read from tar archive using Python's native tar file support. If archive is compressed "
                "using something other than gzip or bzip2, the 'options' argument may be required to pass the correct "
                "options to the tar command in order to extract the archive."
            ) from exc


def _unpack(archive: tarfile.TarFile, dest: str) -> List[str]:
    names: List[str] = []
    trust: Dict[str, Any] = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
    archive.extractall(dest, _inside(archive, dest, names), **trust)  # noqa: S202 - `_inside` looks at each member
    return names


def _inside(archive: tarfile.TarFile, dest: str, names: List[str]) -> Iterator[tarfile.TarInfo]:
    """The members, each looked at when those before it are unpacked: none is written outside of `dest`."""
    root = os.path.realpath(dest)
    for member in archive:
        names.append(member.name)
        member.name = member.name.lstrip("/")
        target = os.path.normpath(os.path.join(root, member.name))
        folder = os.path.realpath(os.path.dirname(target)) if target != root else root
        behind = os.path.realpath(os.path.join(root, member.linkname)) if member.islnk() else root
        if any(os.path.commonpath([root, path]) != root for path in (target, folder, behind)):
            raise tarfile.ExtractError(f"{member.name} would be written outside of {dest}")
        if os.path.islink(target) and not member.isdir():
            os.unlink(target)  # or the content would go to where the link leads
        yield member


def _by_command(salt: Salt, path: str, dest: str, options: str) -> Union[List[str], Any]:
    if not shutil.which("tar"):
        raise Refused("tar command not available, it might not be installed on minion")
    words = [word for word in shlex.split(options) if word not in ("v", "-v", "--verbose")]
    short = "xv"
    if words and not words[0].startswith("-"):
        short += words.pop(0).replace("x", "").replace("f", "")
    outcome = salt["cmd.run_all"](["tar", short, *words, "-f", path], cwd=dest, python_shell=False)
    if outcome["retcode"]:
        raise Failed(outcome)
    listed = "stderr" if "bsdtar" in salt["cmd.run"](["tar", "--version"], python_shell=False) else "stdout"
    return outcome[listed].splitlines() or "no tar output so far"
