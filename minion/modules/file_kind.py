"""Whether paths exist, what they are, and what the minion may do with them."""

from __future__ import annotations

import glob
import os
import stat
from typing import Tuple, Union

from minion.errors import SaltInvocationError
from minion.modules._file_common import absolute

__virtualname__ = "file"

_ACCESS = {"f": os.F_OK, "r": os.R_OK, "w": os.W_OK, "x": os.X_OK}


def access(path: str, mode: Union[str, int]) -> bool:
    """Tells whether the minion may use a path.

    Args:
        path: the path.
        mode: `f` does it exist, `r` may it be read, `w` written, `x` executed.

    CLI Example:

    .. code-block:: bash

        salt '*' file.access /path/to/file f
        salt '*' file.access /path/to/file x
    """
    path = absolute(path, "Path to link must be absolute.")
    if isinstance(mode, str) and mode in _ACCESS:
        return os.access(path, _ACCESS[mode])
    if isinstance(mode, int) and mode in _ACCESS.values():
        return os.access(path, mode)
    raise SaltInvocationError("Invalid mode specified.")


def directory_exists(path: str) -> bool:
    """Tells whether a path is a folder.

    CLI Example:

    .. code-block:: bash

        salt '*' file.directory_exists /etc
    """
    return os.path.isdir(os.path.expanduser(path))


def file_exists(path: str) -> bool:
    """Tells whether a path is a regular file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.file_exists /etc/passwd
    """
    return os.path.isfile(os.path.expanduser(path))


def path_exists_glob(path: str) -> bool:
    """Tells whether any path matches a glob.

    CLI Example:

    .. code-block:: bash

        salt '*' file.path_exists_glob '/etc/pam*/pass*'
    """
    return bool(glob.glob(os.path.expanduser(path)))


def is_link(path: str, nostat: bool = False) -> bool:
    """Tells whether a path is a symbolic link.

    Args:
        path: the path.
        nostat: find out by listing the folder, without looking at the file.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_link /path/to/link
    """
    path = os.path.expanduser(path)
    if not nostat:
        return os.path.islink(path)
    with os.scandir(os.path.dirname(path)) as entries:
        return any(entry.path == path and entry.is_symlink() for entry in entries)


def is_hardlink(path: str) -> bool:
    """Tells whether a file has more than one name.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_hardlink /path/to/link
    """
    path = absolute(path, "Path to file must be absolute.")
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False


def is_blkdev(name: str) -> bool:
    """Tells whether a path is a block device.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_blkdev /dev/sda
    """
    return stat.S_ISBLK(_file_mode(name))


def is_chrdev(name: str) -> bool:
    """Tells whether a path is a character device.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_chrdev /dev/null
    """
    return stat.S_ISCHR(_file_mode(name))


def is_fifo(name: str) -> bool:
    """Tells whether a path is a named pipe.

    CLI Example:

    .. code-block:: bash

        salt '*' file.is_fifo /dev/fifo
    """
    return stat.S_ISFIFO(_file_mode(name))


def _file_mode(name: str) -> int:
    try:
        return os.stat(os.path.expanduser(name)).st_mode
    except FileNotFoundError:
        return 0


def get_devmm(name: str) -> Tuple[int, int]:
    """Returns major and minor number of a device; zeros if it is none.

    CLI Example:

    .. code-block:: bash

        salt '*' file.get_devmm /dev/null
    """
    if not (is_chrdev(name) or is_blkdev(name)):
        return (0, 0)
    device = os.stat(os.path.expanduser(name)).st_rdev
    return (os.major(device), os.minor(device))
