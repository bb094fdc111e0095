"""Makes, moves, copies and removes files, links and folders."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import time
from typing import Any, Callable, Dict, List, Optional

from minion import atomic
from minion.errors import CommandExecutionError, SaltInvocationError
from minion.modules._file_common import absolute, mode_bits, normalize_mode

__salt__: Dict[str, Callable[..., Any]]
__virtualname__ = "file"
__func_alias__ = {"makedirs_": "makedirs"}

log = logging.getLogger(__name__)


def touch(name: str, atime: Any = None, mtime: Any = None) -> bool:
    """Makes an empty file if there is none, and sets its times.

    Args:
        name: the file.
        atime: when it was last read, in seconds since 1970; now if not given.
        mtime: when it was last written, likewise.

    CLI Example:

    .. code-block:: bash

        salt '*' file.touch /var/log/emptyfile
    """
    name = os.path.expanduser(name)
    times = None
    try:
        if atime is not None or mtime is not None:
            now = time.time()
            times = (now if atime is None else float(atime), now if mtime is None else float(mtime))
    except (TypeError, ValueError):
        raise SaltInvocationError("atime and mtime must be integers") from None
    try:
        if not os.path.exists(name):
            open(name, "a").close()
        os.utime(name, times)
    except OSError as exc:
        raise CommandExecutionError(exc.strerror or str(exc)) from exc
    return os.path.exists(name)


def link(src: str, path: str) -> bool:
    """Gives a file another name: makes a hard link.

    CLI Example:

    .. code-block:: bash

        salt '*' file.link /path/to/file /path/to/link
    """
    src = absolute(src, "File path must be absolute.")
    try:
        os.link(src, os.path.expanduser(path))
    except OSError as exc:
        raise CommandExecutionError(f"Could not create '{path}': {exc}") from exc
    return True


def symlink(src: str, path: str, force: bool = False, atomic: bool = False, follow_symlinks: bool = True) -> bool:
    """Makes a symbolic link.

    Args:
        src: what it leads to.
        path: the link.
        force: replace what is there already.
        atomic: replace what is there already, without a moment in which there is nothing.
        follow_symlinks: accepted, and of no effect: a link that leads nowhere always counts as being there.

    CLI Example:

    .. code-block:: bash

        salt '*' file.symlink /path/to/file /path/to/link
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise SaltInvocationError(f"Link path must be absolute: {path}")
    if os.path.islink(path):
        if os.path.normpath(os.readlink(path)) == os.path.normpath(src):
            return True
        if not force and not atomic:
            raise CommandExecutionError(f"Found existing symlink: {path}")
    if os.path.lexists(path) and not force and not atomic:
        raise CommandExecutionError(f"Existing path is not a symlink: {path}")
    if force and os.path.isdir(path) and not os.path.islink(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    folder = tempfile.mkdtemp(prefix=".", dir=os.path.dirname(path)) if os.path.lexists(path) else None
    try:
        if folder is None:
            os.symlink(src, path)
        else:
            os.symlink(src, os.path.join(folder, "link"))
            os.replace(os.path.join(folder, "link"), path)
    except OSError as exc:
        raise CommandExecutionError(f"Could not create '{path}'") from exc
    finally:
        if folder is not None:
            shutil.rmtree(folder)
    return True


def rename(src: str, dst: str) -> bool:
    """Renames a file or folder, within one file system.

    CLI Example:

    .. code-block:: bash

        salt '*' file.rename /path/to/src /path/to/dst
    """
    src, dst = absolute(src, "File path must be absolute."), os.path.expanduser(dst)
    try:
        os.rename(src, dst)
    except OSError as exc:
        raise CommandExecutionError(f"Could not rename '{src}' to '{dst}'") from exc
    return True


def move(src: str, dst: str, disallow_copy_and_unlink: bool = False) -> Any:
    """Moves a file or folder, to another file system too.

    Args:
        src: what to move.
        dst: where to; into it, if it is a folder.
        disallow_copy_and_unlink: only rename, or fail.

    CLI Example:

    .. code-block:: bash

        salt '*' file.move /path/to/src /path/to/dst
    """
    if disallow_copy_and_unlink:
        return rename(src, dst)
    src = absolute(src, "Source path must be absolute.")
    dst = absolute(dst, "Destination path must be absolute.")
    try:
        shutil.move(src, dst)
    except OSError as exc:
        raise CommandExecutionError(f"Unable to move '{src}' to '{dst}': {exc}") from exc
    return {"result": True, "comment": f"'{src}' moved to '{dst}'"}


def copy(src: str, dst: str, recurse: bool = False, remove_existing: bool = False) -> bool:
    """Copies a file, with owner and permissions; or a folder.

    Args:
        src: what to copy.
        dst: where to.
        recurse: needed to copy a folder. Files that are at the destination already are overwritten.
        remove_existing: remove the destination before, rather than mix both.

    CLI Example:

    .. code-block:: bash

        salt '*' file.copy /path/to/src /path/to/dst
        salt '*' file.copy /path/to/src_dir /path/to/dst_dir recurse=True remove_existing=True
    """
    src, dst = absolute(src, "File path must be absolute."), os.path.expanduser(dst)
    if not os.path.exists(src):
        raise CommandExecutionError(f"No such file or directory '{src}'")
    if (os.path.isdir(dst) or os.path.isdir(src)) and not recurse:
        raise SaltInvocationError("Cannot copy overwriting a directory without recurse flag set to true!")
    owner = __salt__["file.stats"](src)
    try:
        if not os.path.isdir(dst) and not os.path.isdir(src):
            atomic.copy(src, dst, mode=mode_bits(owner["mode"]))
        elif remove_existing:
            if os.path.exists(dst):
                shutil.rmtree(dst)
            shutil.copytree(src, dst)
        else:
            _copy_into(src, dst)
    except OSError as exc:
        raise CommandExecutionError(f"Could not copy '{src}' to '{dst}'") from exc
    __salt__["file.check_perms"](dst, None, owner["user"], owner["group"], owner["mode"])
    return True


def _copy_into(src: str, dst: str) -> None:
    for folder, _, names in os.walk(src):
        target = os.path.join(dst, os.path.relpath(folder, src)) if folder != src else dst
        os.makedirs(target, exist_ok=True)
        for name in names:
            source, copied = os.path.join(folder, name), os.path.join(target, name)
            mode = None if os.path.exists(copied) else os.stat(source).st_mode & 0o777
            atomic.copy(source, copied, mode)


def remove(path: str, **kwargs: Any) -> bool:
    """Removes a file, a link, or a folder with all that is in it. Returns whether there was anything to remove.

    CLI Example:

    .. code-block:: bash

        salt '*' file.remove /tmp/foo
    """
    path = absolute(path, f"File path must be absolute: {path}")
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
            return True
        if os.path.lexists(path):
            os.remove(path)
            return True
    except OSError as exc:
        raise CommandExecutionError(f"Could not remove '{path}': {exc}") from exc
    return False


def rmdir(path: str, recurse: bool = False, verbose: bool = False, older_than: Any = None) -> Any:
    """Removes a folder if it is empty.

    Args:
        path: the folder.
        recurse: remove the empty folders in it before.
        verbose: return what was removed and what went wrong, rather than True or False.
        older_than: leave folders that changed within that many days.

    CLI Example:

    .. code-block:: bash

        salt '*' file.rmdir /tmp/foo/
        salt '*' file.rmdir /tmp/foo/ recurse=True verbose=True older_than=7
    """
    path = absolute(path, "File path must be absolute.")
    if not os.path.isdir(path):
        raise SaltInvocationError(f"A valid directory was not specified: {path}")
    limit = _days_ago(older_than) if older_than else None
    folders = []
    if recurse:
        for parent, names, _ in os.walk(path, topdown=False):
            folders += [os.path.join(parent, name) for name in names]
    deleted: List[str] = []
    errors: List[List[str]] = []
    for folder in [*folders, path]:
        try:
            if limit is None or os.path.getmtime(folder) < limit:
                os.rmdir(folder)
                deleted.append(folder)
        except OSError as exc:
            log.error("Could not remove '%s': %s", folder, exc)
            errors.append([folder, str(exc)])
    result = not errors and (recurse or bool(deleted))
    return {"deleted": deleted, "errors": errors, "result": result} if verbose else result


def _days_ago(days: Any) -> Optional[float]:
    try:
        return time.time() - int(days) * 86400
    except (TypeError, ValueError) as exc:
        raise SaltInvocationError(f"older_than must be a number of days: {exc}") from None


def mkdir(dir_path: str, user: Any = None, group: Any = None, mode: Any = None) -> bool:
    """Makes a folder and those above it, and gives owner and permissions to all that are new.

    CLI Example:

    .. code-block:: bash

        salt '*' file.mkdir /opt/jetty/context
    """
    folder = os.path.normpath(os.path.expanduser(dir_path))
    if not os.path.isdir(folder):
        makedirs_perms(folder, user, group, mode)
    return True


def makedirs_(path: str, user: Any = None, group: Any = None, mode: Any = None) -> Optional[str]:
    """Makes the folders above a path. Returns nothing, or why nothing was made.

    Note the slash: `/opt/code` makes `/opt`, and `/opt/code/` makes `/opt/code`.

    Args:
        path: the path.
        user, group, mode: what the new folders shall have.

    CLI Example:

    .. code-block:: bash

        salt '*' file.makedirs /opt/code/
    """
    folder = os.path.normpath(os.path.dirname(os.path.expanduser(path)))
    if os.path.isdir(folder):
        return f"Directory '{folder}' already exists"
    if os.path.exists(folder):
        return f"The path '{folder}' already exists and is not a directory"
    if not os.path.isabs(folder):
        raise SaltInvocationError(
            f"Recursive creation for path '{folder}' would result in an infinite loop. Please use an absolute path."
        )
    mkdir(folder, user=user, group=group, mode=normalize_mode(mode) if mode else None)
    return None


def makedirs_perms(name: str, user: Any = None, group: Any = None, mode: Any = "0755") -> None:
    """Makes a folder and those above it, with owner and permissions.

    CLI Example:

    .. code-block:: bash

        salt '*' file.makedirs_perms /opt/code
    """
    name = os.path.expanduser(name).rstrip("/") or "/"
    parent, last = os.path.split(name)
    if parent and not os.path.exists(parent):
        try:
            makedirs_perms(parent, user, group, mode)
        except OSError as exc:
            if exc.errno != errno.EEXIST:  # someone else was faster
                raise
    if last == os.curdir and os.path.isdir(name):
        return
    os.mkdir(name)
    __salt__["file.check_perms"](name, None, user, group, mode or None)
