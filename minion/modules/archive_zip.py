"""Packs and unpacks ZIP archives."""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
import tempfile
import zipfile
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from minion.errors import CommandExecutionError, SaltInvocationError, SaltRenderError
from minion.modules._archive import as_list, expand_sources, trimmed
from minion.modules._file_common import current_umask

__salt__: Dict[str, Callable[..., Any]]
__opts__: Dict[str, Any]
__grains__: Dict[str, Any]
__pillar__: Dict[str, Any]
__virtualname__ = "archive"
__func_alias__ = {"zip_": "zip"}


def zip_(
    zip_file: str,
    sources: Any,
    template: Optional[str] = None,
    cwd: Optional[str] = None,
    runas: Optional[str] = None,
    zip64: bool = False,
) -> List[str]:
    """Packs a ZIP archive and returns what is in it.

    Args:
        zip_file: the archive.
        sources: what to pack; globs are expanded.
        template: render the arguments by this engine first.
        cwd: where relative sources are.
        runas: the user to act as.
        zip64: allow archives of more than 2 GiB.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.zip /tmp/zipfile.zip /tmp/sourcefile1,/tmp/sourcefile2
    """
    account = _account(runas)
    zip_file, sources = _rendered(zip_file, sources, template)
    paths = expand_sources(sources)
    if cwd is not None and not (isinstance(cwd, str) and os.path.isabs(cwd)):
        raise SaltInvocationError("cwd must be absolute")
    if cwd is None and not all(map(os.path.isabs, paths)):
        raise SaltInvocationError("Relative paths require the 'cwd' parameter")
    try:
        with _acting_as(account):
            return _pack(zip_file, list(_to_pack(paths, cwd or "/")), zip64)
    except zipfile.LargeZipFile:
        raise CommandExecutionError(
            "Resulting zip file too large, would require ZIP64 support which has not been enabled. Rerun command "
            "with zip64=True"
        ) from None
    except OSError as exc:
        raise CommandExecutionError(f"Exception encountered creating zipfile: {zip_file}: {exc.strerror}") from exc
    except (ValueError, RuntimeError) as exc:
        raise CommandExecutionError(f"Exception encountered creating zipfile: {exc}") from exc


def _pack(zip_file: str, members: List[Tuple[str, str]], zip64: bool) -> List[str]:
    """Writes an archive beside the one that it replaces, and then puts it in place."""
    handle, scratch = tempfile.mkstemp(prefix=f".{os.path.basename(zip_file)}.", dir=os.path.dirname(zip_file))
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, zip64) as archive:
            for path, name in members:
                archive.write(path, name)
            os.fchmod(
                handle, os.stat(zip_file).st_mode & 0o777 if os.path.exists(zip_file) else 0o666 & ~current_umask()
            )
        os.replace(scratch, zip_file)
    except BaseException:
        os.unlink(scratch)
        raise
    return [name for _, name in members]


def _to_pack(sources: List[str], base: str) -> Iterator[Tuple[str, str]]:
    """Path and name in the archive of all that is to be packed; the name is relative to `base`, if it lies there."""
    for source in sources:
        source = os.path.join(base, source)
        root = base if source.startswith(os.path.join(base, "")) else "/"
        if not os.path.isdir(source):
            if os.path.exists(source):
                yield source, os.path.relpath(source, root)
            continue
        for folder, _, files in os.walk(source):
            name = os.path.relpath(folder, root)
            yield folder, name + "/"
            for file in files:
                yield os.path.join(folder, file), os.path.join(name, file)


def unzip(
    zip_file: str,
    dest: str,
    excludes: Any = None,
    options: Optional[str] = None,
    template: Optional[str] = None,
    runas: Optional[str] = None,
    trim_output: Union[bool, int] = False,
    password: Optional[Union[str, bytes]] = None,
    extract_perms: bool = True,
) -> List[str]:
    """Unpacks a ZIP archive and returns what was unpacked.

    Args:
        zip_file: the archive.
        dest: where to. Nothing is written outside of it, whatever the archive says.
        excludes: what to leave out.
        options: accepted, and of no effect: `archive.cmd_unzip` has options.
        template: render the arguments by this engine first.
        runas: the user to act as.
        trim_output: return no more than that many names; True for 100.
        password: the password, if the archive needs one.
        extract_perms: give the files the permissions that the archive tells.

    CLI Example:

    .. code-block:: bash

        salt '*' archive.unzip /tmp/zipfile.zip /home/strongbad/ excludes=file_1,file_2
        salt '*' archive.unzip /tmp/zipfile.zip /home/strongbad/ password='BadPassword'
    """
    account = _account(runas)
    zip_file, dest = _rendered(zip_file, dest, template)
    excluded = as_list(excludes)
    secret = None if not password else password if isinstance(password, bytes) else str(password).encode()
    try:
        with _acting_as(account), zipfile.ZipFile(zip_file) as archive:
            members = [member for member in archive.infolist() if member.filename not in excluded]
            for member in members:
                _unpack(archive, member, dest, secret, extract_perms)
    except (OSError, ValueError, RuntimeError, zipfile.BadZipFile) as exc:
        raise CommandExecutionError(f"Exception encountered unpacking zipfile: {exc}") from exc
    return trimmed([member.filename for member in members], trim_output)


def _unpack(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, dest: str, password: Optional[bytes], extract_perms: bool
) -> None:
    name = member.filename.lstrip("/")
    target = os.path.normpath(os.path.join(dest, name))
    root, parent = os.path.realpath(dest), os.path.realpath(os.path.dirname(target))
    if target == os.path.normpath(dest):
        return
    if ".." in name.split("/") or os.path.commonpath([root, parent]) != root:
        raise ValueError(f"{member.filename} would be written outside of {dest}")
    if os.path.islink(target):
        os.unlink(target)  # or the content would go to where the link leads
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(archive.read(member, password), os.fsencode(target))
        return
    archive.extract(member, dest, password)
    if extract_perms:
        usual = 0o777 if member.is_dir() else 0o666
        os.chmod(target, stat.S_IMODE(mode) if mode else usual & ~current_umask())


def _account(name: Optional[str]) -> Optional[pwd.struct_passwd]:
    if not name:
        return None
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise SaltInvocationError(f"User '{name}' does not exist") from None


@contextlib.contextmanager
def _acting_as(account: Optional[pwd.struct_passwd]) -> Iterator[None]:
    """Uses the file system with the rights of a user."""
    uid, gid, groups = os.geteuid(), os.getegid(), os.getgroups()
    if account is None or (uid, gid) == (account.pw_uid, account.pw_gid):
        yield
        return
    try:
        os.setgroups(os.getgrouplist(account.pw_name, account.pw_gid))
        os.setegid(account.pw_gid)
        os.seteuid(account.pw_uid)
        yield
    finally:
        os.seteuid(uid)
        os.setegid(gid)
        os.setgroups(groups)


def _rendered(first: Any, second: Any, template: Optional[str]) -> Tuple[Any, Any]:
    """Two arguments, rendered if there is a template engine."""
    if not template:
        return first, second
    from minion import templates

    if not templates.engine_is_known(template):
        raise CommandExecutionError(f"Attempted to render file paths with unavailable engine {template}")
    variables = {"salt": __salt__, "pillar": __pillar__, "grains": __grains__, "opts": __opts__, "saltenv": None}
    try:
        return (
            templates.render_template(template, str(first), variables),
            templates.render_template(template, str(second), variables),
        )
    except SaltRenderError as exc:
        raise CommandExecutionError(f"Failed to render file path with error: {exc}") from exc
