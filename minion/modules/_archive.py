"""What is in an archive, and what several functions of the `archive` module need."""

from __future__ import annotations

import glob
import re
import shlex
import shutil
import stat
import subprocess
import tarfile
import zipfile
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Union

from minion.errors import CommandExecutionError

_TAR_ENDINGS = (".tar", ".tgz", ".tbz2", ".tbz", ".txz", ".tlz")


class Members(NamedTuple):
    """Paths in an archive; those of folders end with a slash."""

    dirs: List[str]
    files: List[str]
    links: List[str]


def guess_format(name: str) -> Optional[str]:
    """The format of an archive by its name: `tar`, `zip`, `rar`; None if the name does not tell."""
    name = name.lower()
    if name.endswith(_TAR_ENDINGS) or re.search(r"\.tar\.(gz|bz2|xz|lzma)$", name):
        return "tar"
    return next((kind for kind in ("zip", "rar") if name.endswith("." + kind)), None)


def list_tar(name: str, path: str, options: Optional[str]) -> Members:
    """What is in a tar archive.

    Args:
        name: the archive, as messages name it.
        path: where it is.
        options: a command that decompresses it to its stdout, if Python can't.
    """
    try:
        with tarfile.open(path) as archive:
            return _tar_members(archive)
    except tarfile.ReadError:
        pass
    command = shlex.split(options) if options else ["xz", "--decompress", "--stdout"] if shutil.which("xz") else []
    if command:
        try:
            return _list_decompressed([*command, path])
        except (tarfile.TarError, OSError):
            pass
    raise CommandExecutionError(
        f"Unable to list contents of {name}. If this is an XZ-compressed tar archive, install XZ Utils to enable "
        "listing its contents. If it is compressed using something other than XZ, it may be necessary to specify CLI "
        "options to decompress the archive. See the documentation for details."
    )


def _list_decompressed(command: List[str]) -> Members:
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            return _tar_members(archive)


def _tar_members(archive: tarfile.TarFile) -> Members:
    members = Members([], [], [])
    for member in archive:
        if member.issym():
            members.links.append(member.name)
        elif member.isdir():
            members.dirs.append(member.name + "/")
        else:
            members.files.append(member.name)
    return members


def list_zip(name: str, path: str) -> Members:
    """What is in a ZIP archive; folders too that only the paths of files tell of."""
    members = Members([], [], [])
    dirs = set()
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                mode = member.external_attr >> 16
                if stat.S_ISLNK(mode):
                    members.links.append(member.filename)
                elif stat.S_ISDIR(mode) or member.filename.endswith("/"):
                    dirs.add(member.filename)
                else:
                    members.files.append(member.filename)
    except zipfile.BadZipFile:
        raise CommandExecutionError(f"{name} is not a ZIP file") from None
    dirs.update(path.rpartition("/")[0] + "/" for path in members.files if "/" in path)
    members.dirs.extend(sorted(dirs))
    return members


def list_rar(name: str, path: str, run: Callable[[List[str]], str]) -> Members:
    """What is in a RAR archive, by what the program `rar` says; `run` returns what a command prints."""
    if not shutil.which("rar"):
        raise CommandExecutionError("rar command not available, is it installed?")
    output = run(["rar", "lt", path])
    members = Members([], [], [])
    for found, kind in re.findall(r"Name:\s*([^\n]+)\s*Type:\s*([^\n]+)", output):
        if kind == "Directory":
            members.dirs.append(found + "/")
        else:
            members.files.append(found)
    if not members.dirs and not members.files:
        raise CommandExecutionError(
            f"Failed to list {name}, is it a rar file? If so, the installed version of rar may be too old to list "
            "data in a parsable format."
        )
    return members


def without_leading(members: Members, count: int) -> Members:
    """The paths without their first parts; those that have no more parts are left out."""
    parts = [[path.split("/", count)[count:] for path in kind] for kind in members]
    return Members(*([rest[0] for rest in kind if rest and rest[0]] for kind in parts))


def described(members: Members) -> Dict[str, List[str]]:
    """The paths by what they are, and which of them stand at the top."""
    result = {kind: sorted(paths) for kind, paths in members._asdict().items()}
    top = [path for path in result["dirs"] if path.count("/") == 1]
    first_parts = {path.partition("/")[:2] for paths in result.values() for path in paths}
    if len(first_parts) == 1:
        shared = "".join(first_parts.pop())
        if shared.endswith("/") and shared not in top:
            top.append(shared)  # a folder that the archive does not list by itself
    result["top_level_dirs"] = top
    for kind in ("files", "links"):
        result[f"top_level_{kind}"] = [path for path in result[kind] if "/" not in path]
    return result


def expand_sources(sources: Any) -> List[str]:
    """Paths to be packed: a list, or a text with commas; globs are expanded."""
    if sources is None:
        return []
    if not isinstance(sources, (list, tuple)):
        sources = [part.strip() for part in str(sources).split(",")]
    found: List[str] = []
    for source in map(str, sources):
        found += sorted(glob.glob(source)) if re.search(r"[*?[]", source) else [source]
    return found


def as_list(value: Any) -> List[str]:
    """A list, or a text with commas, as a list."""
    if not value:
        return []
    return (
        [str(part) for part in value]
        if isinstance(value, (list, tuple))
        else [part.strip() for part in str(value).split(",")]
    )


def trimmed(files: List[str], trim_output: Union[bool, int]) -> List[str]:
    """The first names, 100 or as many as are wanted, if they are to be trimmed."""
    if trim_output is False:
        return files
    count = 100 if trim_output is True else int(trim_output)
    return files if len(files) <= count else [*files[:count], f"List trimmed after {count} files."]
