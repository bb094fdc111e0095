"""Names of files, taken apart and put together."""

from __future__ import annotations

import os

__virtualname__ = "file"


def pardir() -> str:
    """Returns what stands for the parent folder in a path.

    CLI Example:

    .. code-block:: bash

        salt '*' file.pardir
    """
    return os.path.pardir


def normpath(path: str) -> str:
    """Returns a path without double slashes, `.` and `..`.

    CLI Example:

    .. code-block:: bash

        salt '*' file.normpath 'a/b/c/..'
    """
    return os.path.normpath(path)


def basename(path: str) -> str:
    """Returns the last part of a path.

    CLI Example:

    .. code-block:: bash

        salt '*' file.basename 'test/test.config'
    """
    return os.path.basename(path)


def dirname(path: str) -> str:
    """Returns a path without its last part.

    CLI Example:

    .. code-block:: bash

        salt '*' file.dirname 'test/path/filename.config'
    """
    return os.path.dirname(path)


def join(*args: str) -> str:
    """Joins parts of a path.

    CLI Example:

    .. code-block:: bash

        salt '*' file.join '/' 'usr' 'local' 'bin'
    """
    return os.path.join(*args)
