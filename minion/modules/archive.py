"""Packs and unpacks archives, and lists what is in them."""

from __future__ import annotations

import os
import shlex
import shutil
import urllib.parse
import zipfile
from typing import Any, Callable, Dict, List, Optional, Union

from minion.errors import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from minion.modules._archive import (
    Members,
    as_list,
    described,
    expand_sources,
    guess_format,
    list_rar,
    list_tar,
    list_zip,
    trimmed,
    without_leading,
)

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__func_alias__ = {"list_": "list"}


def list_(
    name: str,
    archive_format: Optional[str] = None,
    options: Optional[str] = None,
    strip_components: Any = None,
    clean: bool = False,
    verbose: bool = False,
    saltenv: str = "base",
    source_hash: Optional[str] = None,
    use_etag: bool = False,
) -> Any:
    """Returns the paths in an archive.

    Args:
        name: path or URL of the archive.
        archive_format: `tar`, `zip` or `rar`; if not given, the name tells.
        options: for a tar archive that Python can't decompress: a command that writes it to its stdout.
        strip_components: leave out that many folders at the beginning of paths.
        clean: remove the archive from the cache afterwards.
        verbose: return `dirs`, `files` and `links`, and those of them that stand at the top.
        saltenv: the environment of the master's files.
        source_hash: the digest of the archive, by which one in the cache need not be fetched again.
        use_etag: ask an http server whether it has anything new.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.list /path/to/myfile.tar.gz
        salt '*' archive.list https://domain.tld/myfile.zip verbose=True
        salt '*' archive.list salt://foo.tar.gz strip_components=1
        salt '*' archive.list ftp://foo.tar.lz options='lzip --decompress --stdout'
    """
    cached = _cached(name, saltenv, source_hash, use_etag)
    try:
        count = _positive(strip_components) if strip_components else 0
        members = _members(name, cached, archive_format, options)
    except CommandExecutionError as exc:
        raise _with_location(exc, cached) from exc
    if clean:
        _remove_cached(cached)
    if count:
        members = without_leading(members, count)
    return described(members) if verbose else sorted(members.dirs + members.files + members.links)


def _cached(name: str, saltenv: str, source_hash: Optional[str], use_etag: bool) -> str:
    cached = __salt__["cp.cache_file"](name, saltenv, source_hash=source_hash, use_etag=use_etag)
    if not cached:
        raise CommandExecutionError(f"Failed to cache {name}")
    return str(cached)


def _positive(value: Any) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if number <= 0:
        raise CommandExecutionError("'strip_components' must be a positive integer")
    return number


def _members(name: str, cached: str, archive_format: Optional[str], options: Optional[str]) -> Members:
    parts = urllib.parse.urlparse(name)
    kind = archive_format or guess_format(parts.path or parts.netloc)
    if kind is None:
        raise CommandExecutionError("Unable to guess archive format, please pass an 'archive_format' argument.")
    try:
        if kind == "tar":
            return list_tar(name, cached, options)
        if kind == "zip":
            return list_zip(name, cached)
        if kind == "rar":
            return list_rar(name, cached, lambda command: str(__salt__["cmd.run"](command, python_shell=False)))
    except OSError as exc:
        raise CommandExecutionError(f"Failed to list contents of {name}: {exc}") from exc
    raise CommandExecutionError(f"Unsupported archive format '{kind}'")


def _with_location(error: Exception, cached: str) -> CommandExecutionError:
    """An error that also tells where the archive is, so that it can be looked at."""
    return CommandExecutionError(str(error), info={"archive location": cached})


def _remove_cached(path: str) -> None:
    if path.startswith(os.path.join(__opts__["cachedir"], "")) and os.path.exists(path):
        os.remove(path)


def is_encrypted(
    name: str, clean: bool = False, saltenv: str = "base", source_hash: Optional[str] = None, use_etag: bool = False
) -> bool:
    """Tells whether a ZIP archive needs a password.

    Args:
        name: path or URL of the archive.
        clean: remove the archive from the cache afterwards.
        saltenv: the environment of the master's files.
        source_hash: the digest of the archive, by which one in the cache need not be fetched again.
        use_etag: ask an http server whether it has anything new.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.is_encrypted /path/to/myfile.zip
        salt '*' archive.is_encrypted https://domain.tld/myfile.zip clean=True
    """
    cached = _cached(name, saltenv, source_hash, use_etag)
    try:
        with zipfile.ZipFile(cached) as archive:
            encrypted = any(member.flag_bits & 1 for member in archive.infolist())
    except zipfile.BadZipFile:
        raise _with_location(CommandExecutionError(f"{name} is not a ZIP file"), cached) from None
    except OSError as exc:
        raise _with_location(exc, cached) from exc
    if clean:
        _remove_cached(cached)
    return encrypted


def _need(program: str) -> str:
    if not shutil.which(program):
        raise CommandNotFoundError(f"The '{program}' binary was not found in $PATH.")
    return program


def _lines(command: List[str], **options: Any) -> List[str]:
    return str(__salt__["cmd.run"](command, python_shell=False, **options)).splitlines()


def tar(
    options: str,
    tarfile: str,
    sources: Any = None,
    dest: Optional[str] = None,
    cwd: Optional[str] = None,
    template: Optional[str] = None,
    runas: Optional[str] = None,
) -> List[str]:
    """Runs tar(1) and returns what it prints.

    Args:
        options: what to do, as for tar: `cf`, `xzf`, ...
        tarfile: the archive.
        sources: what to pack; globs are expanded.
        dest: the folder to go to before.
        cwd: where to run it.
        template: render the arguments by this engine first.
        runas: the user to run it as.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.tar cjvf /tmp/salt.tar.bz2 /tmp/file_1,/tmp/file_2
        salt '*' archive.tar xf foo.tar dest=/target/directory
    """
    if not options:
        raise SaltInvocationError("Tar options can not be empty")
    target = ["-C", str(dest)] if dest else []  # before the sources: it counts for what comes behind it
    command = [_need("tar"), *options.split(), str(tarfile), *target, *expand_sources(sources)]
    return _lines(command, cwd=cwd, template=template, runas=runas)


def gzip(
    sourcefile: str, template: Optional[str] = None, runas: Optional[str] = None, options: Optional[str] = None
) -> List[str]:
    """Compresses a file by gzip(1).

    Args:
        sourcefile: the file.
        template: render the arguments by this engine first.
        runas: the user to run it as.
        options: options of gzip.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.gzip /tmp/sourcefile.txt options='-9 --verbose'
    """
    return _lines([_need("gzip"), *shlex.split(options or ""), str(sourcefile)], template=template, runas=runas)


def gunzip(
    gzipfile: str, template: Optional[str] = None, runas: Optional[str] = None, options: Optional[str] = None
) -> List[str]:
    """Decompresses a file by gunzip(1).

    Args:
        gzipfile: the file.
        template: render the arguments by this engine first.
        runas: the user to run it as.
        options: options of gunzip.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.gunzip /tmp/sourcefile.txt.gz options='--verbose'
    """
    return _lines([_need("gunzip"), *shlex.split(options or ""), str(gzipfile)], template=template, runas=runas)


def cmd_zip(
    zip_file: str,
    sources: Any,
    template: Optional[str] = None,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
) -> List[str]:
    """Packs a ZIP archive by zip(1).

    Args:
        zip_file: the archive.
        sources: what to pack; globs are expanded.
        template: render the arguments by this engine first.
        cwd: where to run it.
        runas: the user to run it as.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.cmd_zip /tmp/zipfile.zip /tmp/sourcefile1,/tmp/sourcefile2
    """
    command = [_need("zip"), "-r", str(zip_file), *expand_sources(sources)]
    return _lines(command, cwd=cwd, template=template, runas=runas)


def cmd_unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: Optional[str] = None,
    template: Optional[str] = None,
    runas: Optional[str] = None,
    trim_output: Union[bool, int] = False,
    password: Optional[str] = None,
) -> List[str]:
    """Unpacks a ZIP archive by unzip(1).

    Args:
        zip_file: the archive.
        dest: where to.
        excludes: what to leave out.
        options: options of unzip.
        template: render the arguments by this engine first.
        runas: the user to run it as.
        trim_output: return no more than that many lines; True for 100.
        password: the password. unzip takes it on its command line only, where all users can read it, so with a
            password the archive is unpacked as by `archive.unzip`.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.cmd_unzip /tmp/zipfile.zip /home/strongbad/ excludes=file_1,file_2
    """
    if password:
        unpacked: List[str] = __salt__["archive.unzip"](
            zip_file, dest, excludes, template=template, runas=runas, trim_output=trim_output, password=password
        )
        return unpacked
    excluded = as_list(excludes)
    command = [_need("unzip"), *shlex.split(options or ""), str(zip_file), "-d", str(dest)]
    command += ["-x", *excluded] if excluded else []
    result = __salt__["cmd.run_all"](command, template=template, runas=runas, python_shell=False, redirect_stderr=True)
    if result["retcode"]:
        raise CommandExecutionError(result["stdout"])
    return trimmed(result["stdout"].splitlines(), trim_output)


def rar(
    rarfile: str,
    sources: Any,
    template: Optional[str] = None,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
) -> List[str]:
    """Packs a RAR archive by the program `rar`.

    Args:
        rarfile: the archive.
        sources: what to pack; globs are expanded.
        template: render the arguments by this engine first.
        cwd: where to run it.
        runas: the user to run it as.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.rar /tmp/rarfile.rar /tmp/sourcefile1,/tmp/sourcefile2
    """
    command = [_need("rar"), "a", "-idp", str(rarfile), *expand_sources(sources)]
    return _lines(command, cwd=cwd, template=template, runas=runas)


def unrar(
    rarfile: str,
    dest: str,
    excludes: Any = None,
    template: Optional[str] = None,
    runas: Optional[str] = None,
    trim_output: Union[bool, int] = False,
) -> List[str]:
    """Unpacks a RAR archive by the program `unrar` or `rar`.

    Args:
        rarfile: the archive.
        dest: where to.
        excludes: what to leave out.
        template: render the arguments by this engine first.
        runas: the user to run it as.
        trim_output: return no more than that many lines; True for 100.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.unrar /tmp/rarfile.rar /home/strongbad/ excludes=file_1,file_2
    """
    program = next(filter(shutil.which, ("unrar", "rar")), None)
    if program is None:
        raise CommandNotFoundError("None of provided binaries('unrar', 'rar') were found in $PATH.")
    command = [program, "x", "-idp", str(rarfile)]
    for exclude in as_list(excludes):
        command += ["-x", exclude]
    return trimmed(_lines([*command, str(dest)], template=template, runas=runas), trim_output)
