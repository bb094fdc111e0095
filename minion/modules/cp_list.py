"""`cp`: what the file server and the minion's cache hold."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from minion.files import urls

__opts__: Dict[str, Any]
__file_client__: Any

__virtualname__ = "cp"


def _saltenv(saltenv: Optional[str]) -> str:
    return saltenv or __opts__.get("saltenv") or "base"


def _located(path: str, saltenv: Optional[str]) -> Tuple[str, str]:
    """URL without its environment, and the environment that counts."""
    url, own_env = urls.split_env(path)
    return url, own_env or _saltenv(saltenv)


def envs() -> List[str]:
    """Names of the file server's environments.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.envs
    """
    found: List[str] = __file_client__.envs()
    return found


def cache_dest(url: str, saltenv: Optional[str] = None) -> str:
    """Where the copy of a file would lie.

    Args:
        url: of the file.
        saltenv: environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_dest https://foo.com/bar.rpm
    """
    return str(__file_client__.cache_dest(url, _saltenv(saltenv)))


def list_states(saltenv: Optional[str] = None) -> List[str]:
    """Dotted names of all SLS files.

    Args:
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_states
    """
    found: List[str] = __file_client__.list_states(_saltenv(saltenv))
    return found


def list_master(saltenv: Optional[str] = None, prefix: str = "") -> List[str]:
    """Paths of all files of the file server.

    Args:
        saltenv: the environment.
        prefix: only paths that begin with this.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master
    """
    found: List[str] = __file_client__.file_list(_saltenv(saltenv), prefix)
    return found


def list_master_dirs(saltenv: Optional[str] = None, prefix: str = "") -> List[str]:
    """Paths of all folders of the file server.

    Args:
        saltenv: the environment.
        prefix: only paths that begin with this.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master_dirs
    """
    found: List[str] = __file_client__.dir_list(_saltenv(saltenv), prefix)
    return found


def list_master_symlinks(saltenv: Optional[str] = None, prefix: str = "") -> Dict[str, str]:
    """Links on the file server, and where they point.

    Args:
        saltenv: the environment.
        prefix: only paths that begin with this.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master_symlinks
    """
    found: Dict[str, str] = __file_client__.symlink_list(_saltenv(saltenv), prefix)
    return found


def list_minion(saltenv: Optional[str] = None) -> List[str]:
    """Paths of all copies on the minion.

    Args:
        saltenv: the environment.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_minion
    """
    found: List[str] = __file_client__.file_local_list(_saltenv(saltenv))
    return found


def is_cached(path: str, saltenv: Optional[str] = None) -> str:
    """Where the copy of a file lies; "" if there is none.

    Args:
        path: URL or path of the file.
        saltenv: environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.is_cached salt://path/to/file
    """
    url, saltenv = _located(path, saltenv)
    return str(__file_client__.is_cached(url, saltenv))


def hash_file(path: str, saltenv: Optional[str] = None) -> Any:
    """The hash sum of a file.

    Args:
        path: `salt://` URL, or path on the minion.
        saltenv: environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.hash_file salt://path/to/file
    """
    url, saltenv = _located(path, saltenv)
    return __file_client__.hash_file(url, saltenv)


def hash_file_str(path: str, saltenv: Optional[str] = None) -> str:
    """The digits of a file's hash sum; "" if there is no such file.

    Args:
        path: `salt://` URL, or path on the minion.
        saltenv: environment of a `salt://` file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.hash_file_str salt://path/to/file
    """
    found = hash_file(path, saltenv)
    return str(found["hsum"]) if found else ""


def stat_file(path: str, saltenv: Optional[str] = None, octal: bool = True) -> Any:
    """The permissions of a file.

    Args:
        path: `salt://` URL, or path on the minion.
        saltenv: environment of a `salt://` file.
        octal: as four octal digits instead of a number.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.stat_file salt://path/to/file
    """
    url, saltenv = _located(path, saltenv)
    numbers = __file_client__.hash_and_stat_file(url, saltenv)[1]
    if numbers is None:
        return None
    return oct(numbers[0])[-4:] if octal else numbers[0]
